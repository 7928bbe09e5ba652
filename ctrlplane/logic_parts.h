// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Inside logic: the walk over rules (logic.c), lists (logic_list.c), and what is usual (logic_baseline.c).
#pragma once

#include "ctrlplane/aggregate.h"
#include "ctrlplane/logic.h"

// A rule in the course of its evaluation.
struct evaluation {
	struct logic *logic;
	struct state *state;
	const struct alert_rule *rule;
	const struct node *only; // NULL: all nodes
	uint64_t *no_room;       // subjects whose alert found none
	uint64_t mono_ns;
};

struct aggregate_scope evaluation_scope(const struct evaluation *evaluation, const struct node *node);
// Whether all of the window was reported: what is missing must not pass for quiet.
bool evaluation_is_complete(const struct evaluation *evaluation, const struct node *node);
// A percentile of times, in ms.
//   times   NULL: there are none
//   return  false: fewer than the rule's minimum
bool evaluation_percentile(const struct alert_rule *rule, const struct histogram *times, double *out);
bool evaluation_fires(const struct alert_rule *rule, double value);
// Raise an alert if the value says so.
void evaluation_judge(const struct evaluation *evaluation, const char *subject, double value);
// Learn a rate and judge it by what is usual.
//   is_great  the subject is worth a baseline; else it is only compared if it has one
void evaluation_compare(const struct evaluation *evaluation, const char *subject, double rate, bool is_great);

void evaluate_list(const struct evaluation *evaluation);
// The subjects of a rule over a list that were not in it this time: their rate was none worth listing.
void logic_baselines_fade(struct logic *logic, const struct alert_rule *rule);
