// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Logic, the third stage: once per interval every alert rule is held against the windows; alerts start and end.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ctrlplane/state.h"

enum {
	LOGIC_SAMPLES_MAX = 600,
	LOGIC_AHEAD = 2, // intervals in one evaluation's time: more than a live node's jitter
};

// What is usual for one rule and node: the rates of the intervals before.
struct logic_baseline {
	const struct alert_rule *rule;
	char subject[ALERT_SUBJECT_SIZE];
	double rates[LOGIC_SAMPLES_MAX]; // ring: sample number n at n % LOGIC_SAMPLES_MAX
	uint64_t samples;
	uint64_t used; // at evaluation number
};

struct logic {
	struct logic_baseline *baselines; // [length]
	size_t length;
	uint64_t evaluations;
};

void logic_fini(struct logic *logic);
// Evaluate every rule and end what has been quiet for its hold-down.
void logic_evaluate(struct logic *logic, struct state *state);

// A capture is read faster than the clock goes: its intervals would slide through the windows unseen between two
// evaluations. Whether a node has got so far ahead, and the evaluation of the rules for such nodes alone.
bool logic_is_ahead(const struct node *node);
void logic_evaluate_ahead(struct logic *logic, struct state *state);

// The median of the samples of `baseline` that lie before the rule's present window.
//   return  -1: fewer than a fifth of the baseline is known yet
double logic_baseline_median(const struct logic_baseline *baseline, size_t window, size_t length);
