// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A history on its way to Redis, of all nodes or of one, at three resolutions: an entry per interval, and what minutes
// and hours add up to. Entries are kept until stored, the oldest given up when there are too many; an interval that
// is not over is stored as it is, so that the next controller goes on from there.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/histogram.h"
#include "ctrlplane/totals.h"

enum history_resolution {
	HISTORY_INTERVAL, // of the controller, 1 s
	HISTORY_MINUTE,
	HISTORY_HOUR,
	HISTORY_RESOLUTIONS,
};
extern const char *const history_names[HISTORY_RESOLUTIONS]; // "1s", "1m", "1h"

enum {
	HISTORY_PENDING_MAX = 600, // intervals kept for Redis
	HISTORY_MINUTES_MAX = 120,
	HISTORY_HOURS_MAX = 48,
	HISTORY_GAPS_MAX = 8,
};

enum { HISTORY_TIMES = 3 };
extern const char *const history_time_names[HISTORY_TIMES]; // "tcp_rtt_p50_ns", …
extern const double history_time_shares[HISTORY_TIMES];     // of the round-trip times that are below: 0.5, …

enum history_rate { HISTORY_PACKETS_PER_S, HISTORY_BITS_PER_S, HISTORY_FLOWS_PER_S, HISTORY_RATES };

struct history_entry {
	uint64_t ms;          // end of the interval, wall clock; 0: none
	uint64_t covered_ms;  // how much of it was seen
	struct totals totals; // cumulative, at its end
	double rates[HISTORY_RATES], rates_max[HISTORY_RATES];
	double flows_live, nodes_up; // mean
	uint64_t flows_live_max, nodes_up_min, alerts_active_max;
	uint64_t dropped; // in the interval, as are these:
	uint64_t tcp_packets, tcp_retransmitted_packets;
	uint64_t rtt_ns[HISTORY_TIMES]; // 0: no samples
};

struct history_gap {
	uint64_t from_ms, to_ms;
	const char *reason;
};

// Pending are the entries stored..added-1, number n at n % max; entries from `storing` on are not on their way.
struct history_level {
	struct history_entry *entries; // [max]
	uint64_t max, added, stored, storing;
	struct history_entry open;          // the interval that is not over; ms 0: nothing in it
	struct histogram rtt;               // its round-trip times
	uint64_t last_ms;                   // of the newest entry noted, here or by an earlier controller
	uint64_t last_id_ms, storing_id_ms; // of the newest entry stored; of the newest on its way
};

struct history {
	struct history_level levels[HISTORY_RESOLUTIONS];
	struct history_gap gaps[HISTORY_GAPS_MAX]; // [gaps_length], pending
	size_t gaps_length, gaps_storing;
	uint64_t gaps_after;    // entries of gaps that have the id of the newest entry stored
	uint64_t first_ms;      // id of the oldest entry that Redis had, as far as known; 0: none
	uint64_t noted_mono_ns; // when the newest entry was noted; 0: not by this controller
	uint64_t noted_of;      // the node's incarnation that it is of; 0: none
	uint64_t dropped;       // the node's counter when last looked at
	uint64_t dropped_of;    // the incarnation that was; 0: none yet
};

//   return  0; -ENOMEM
int history_new(struct history **out);
void history_free(struct history *history);

// Add the entry of an interval; a second one of the same interval is left out. Where the clock was set back, time goes
// back as well.
//   rtt  round-trip times of the interval; the entry's are made of them
void history_add(struct history *history, const struct history_entry *entry, const struct histogram *rtt);
// How long before the end of an interval the entry before ended: in general one interval, more where intervals were
// missed. By the clock, unless that was set meanwhile.
//   ms  end of the interval
uint64_t history_elapsed_ms(const struct history *history, uint64_t ms, uint64_t mono_ns, uint64_t interval_ms);
void history_add_gap(struct history *history, const struct history_gap *gap);
// The id of pending entry number n, ids being asked for in order: its time, or just after the entry before.
//   last_id_ms  in and out: the id of the entry before
uint64_t history_id(const struct history_entry *entry, uint64_t *last_id_ms);
// What was marked as on its way is in Redis now.
void history_mark_stored(struct history *history);

// What the next controller needs of a level, and the entry that is open in it.
//   return  a new object
json_t *history_open_to_json(const struct history_level *level);
// Go on from what an earlier controller stored; what this one has noted already is joined to it.
void history_restore(struct history_level *level, const json_t *object);
