// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Logic: once per interval every alert rule is held against the windows; alerts start and end.
//
// What makes no alarm by mistake: a window is only judged as low, and a baseline only learns, where every interval of
// it has been reported; a subject is compared with what is usual once a fifth of its baseline is known; where nobody
// looked for a while (the controller stood still), nothing ends and nothing begins for that reason; all waiting is
// measured by the monotonic clock, and windows go by the nodes' time.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ctrlplane/state.h"

enum {
	LOGIC_AHEAD = 2,            // intervals in one evaluation's time: more than a live node's jitter
	LOGIC_BASELINES_MAX = 2048, // over all rules
	LOGIC_STORED = 10,          // evaluations after which baselines are stored again
	LOGIC_STALL = 4,            // intervals without an evaluation: the controller stood still
};

struct logic_baseline {
	uint64_t hash; // of rule and subject
	char rule[ALERT_NAME_SIZE], subject[ALERT_SUBJECT_SIZE];
	struct baseline_shape shape;
	struct baseline baseline;
	uint64_t learnt; // at evaluation number
	uint64_t used;   // at evaluation number: was among the greatest of its list, or is of none
	uint16_t next;   // of the same bucket, index + 1; 0 ends
};

struct logic {
	struct logic_baseline *baselines;      // [length], allocated for LOGIC_BASELINES_MAX once one is needed
	uint16_t buckets[LOGIC_BASELINES_MAX]; // baseline's index + 1, by hash
	size_t length;
	uint64_t interval_ns; // between evaluations
	uint64_t evaluations;
	uint64_t mono_ns;                     // of the latest evaluation of all nodes
	uint64_t no_room[ALERT_RULES_MAX];    // subjects of each rule that found no room in the latest evaluation
	uint64_t suppressed[ALERT_RULES_MAX]; // the sum of their increases
	uint64_t overflow;                    // the same of all rules there ever were
	uint64_t forgotten;                   // baselines that had to make room
	uint64_t stored_evaluations;          // as of which Redis was given the baselines
};

void logic_fini(struct logic *logic);
// Evaluate every rule and end what has been quiet for its hold-down.
void logic_evaluate(struct logic *logic, struct state *state);

// A capture is read faster than the clock goes: its intervals would slide through the windows unseen between two
// evaluations. Whether a node has got so far ahead, and the evaluation of the rules for such nodes alone.
bool logic_is_ahead(const struct node *node);
void logic_evaluate_ahead(struct logic *logic, struct state *state);

// Take over other rules: alerts of rules that are gone end, baselines of those that measure the same are kept.
void logic_replace_rules(struct logic *logic, struct state *state, const struct alert_rules *rules);

// For the store: what was learnt is kept across restarts.
//   return  a new object; NULL: it is not the same rule's any more, or is none
json_t *logic_baseline_to_json(const struct logic *logic, const struct state *state, size_t i);
// Put back what an earlier controller learnt, for rules that measure the same.
void logic_restore_baseline(struct logic *logic, const struct state *state, const json_t *object);

// The baseline of a rule and subject, made if it is new.
//   return  NULL: no memory
struct logic_baseline *logic_baseline(struct logic *logic, const struct alert_rule *rule, const char *subject);
//   return  NULL: there is none
struct logic_baseline *logic_baseline_find(const struct logic *logic, const char *rule, const char *subject);
