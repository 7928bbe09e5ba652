// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Alerts: what fires now, and the recent history of what started and ended. Bounded; survives a restart by way of the
// store.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ALERTS_ACTIVE_MAX = 256,
	ALERTS_HISTORY_MAX = 256, // events in memory
	ALERT_NAME_SIZE = 64,
	ALERT_SUBJECT_SIZE = 128,
	ALERT_ID_SIZE = 48,
	ALERT_ACTIONS_SIZE = 256,
	ALERTS_RULES_MAX = 64,
	ALERTS_PENDING_MAX = 256, // of one rule: conditions that have not lasted long enough yet
	ALERTS_SHARE = 4,         // times at_most: subjects of one rule that are looked at for new alerts
};

struct alert {
	char id[ALERT_ID_SIZE]; // unique for all time: epoch and a number
	char rule[ALERT_NAME_SIZE], subject[ALERT_SUBJECT_SIZE], severity[16], description[ALERT_SUBJECT_SIZE];
	char measure[ALERT_NAME_SIZE];      // what value, peak and threshold are: "distinct endpoints_out in 5 s"
	uint64_t start_ns, last_ns, end_ns; // wall clock; last: condition last true; end 0: active
	double value, peak, threshold;
	uint64_t hold_down_ns;
	uint64_t for_ns;                  // how long the condition must hold before it is an alert
	uint32_t at_most;                 // active alerts of its rule; 0: no bound but ALERTS_ACTIVE_MAX
	char actions[ALERT_ACTIONS_SIZE]; // names of what is done at start and end, with commas
	char reason[ALERT_NAME_SIZE];     // why it ended, where not because its condition did
	uint64_t last_mono_ns;
	bool is_restored; // from Redis, and not raised since
};

// A condition that holds, but not for long enough.
struct alert_pending {
	uint64_t hash;
	char subject[ALERT_SUBJECT_SIZE];
	uint64_t since_mono_ns, last_mono_ns;
};

// Those of one rule: no rule takes another's places.
struct alert_waiting {
	char rule[ALERT_NAME_SIZE];
	struct alert_pending list[ALERTS_PENDING_MAX]; // [length]
	size_t length;
};

// An alert as it was when it started or ended.
struct alert_event {
	bool is_end;
	uint64_t id_ms, id_n; // of its entry in the stored history: "id_ms-id_n", ascending
	struct alert alert;
};

struct alerts {
	struct alert active[ALERTS_ACTIVE_MAX]; // [active_length], in the order of their start
	uint64_t hashes[ALERTS_ACTIVE_MAX];     // of their rules and subjects
	size_t active_length;
	struct alert_waiting waiting[ALERTS_RULES_MAX]; // free where length is 0
	uint64_t ids;                                   // given out in this epoch
	struct alert_event history[ALERTS_HISTORY_MAX]; // ring: event number n at n % ALERTS_HISTORY_MAX
	uint64_t events;                                // ever in this process
	uint64_t stored;                                // events that Redis has
	// Told of each event as it happens. May be NULL.
	void (*on_event)(void *context, const struct alert_event *event);
	void *context;
};

enum alerts_raised {
	ALERTS_STARTED,
	ALERTS_GOES_ON,
	ALERTS_PENDING, // not for long enough yet
	ALERTS_NO_ROOM, // to be active, or to wait
};

// Say that a condition holds: opens an alert or goes on with the open one.
//   seen  rule, subject, severity, description, measure, value, threshold, hold_down_ns, for_ns, at_most, actions
enum alerts_raised alerts_raise(struct alerts *alerts, const struct alert *seen, uint64_t epoch);
//   return  NULL: there is none
struct alert *alerts_find(struct alerts *alerts, const char *rule, const char *subject);
// How many active alerts of a rule were not raised since.
size_t alerts_unraised(const struct alerts *alerts, const char *rule, uint64_t mono_ns);
// End what was not raised since mono_ns and has been quiet for its hold-down.
//   mono_ns  when the present evaluation began
void alerts_expire(struct alerts *alerts, uint64_t wall_ns, uint64_t mono_ns);
// End every alert of a rule now.
//   reason  why
void alerts_end_rule(struct alerts *alerts, const char *rule, uint64_t wall_ns, const char *reason);
// Time that nobody looked in does not count as quiet, nor as time that a condition held.
void alerts_forgive(struct alerts *alerts, uint64_t duration_ns);
// Put back an alert that Redis remembers.
void alerts_restore(struct alerts *alerts, const json_t *object);
// Put back an event of the stored history, oldest first; it counts as stored.
void alerts_restore_event(struct alerts *alerts, const char *entry_id, const json_t *object, bool is_end);

json_t *alert_to_json(const struct alert *alert);
