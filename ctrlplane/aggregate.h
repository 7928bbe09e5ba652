// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Aggregate, the second stage: summaries become sums and windows, per node and overall, each summary once.
// Sums are the nodes' own cumulative counters, so nothing is counted twice and no gap changes them; windows are made of
// the intervals that arrived. What comes in goes into two windows at once, its node's and that of all nodes, so that a
// question about all does not cost more the more nodes there are.
#pragma once

#include "ctrlplane/lists.h"
#include "ctrlplane/nodes.h"
#include "ctrlplane/window.h"

enum aggregate_result {
	AGGREGATE_TAKEN,
	AGGREGATE_DUPLICATE,
	AGGREGATE_REFUSED, // names, numbers or times that can't be
};

// Take a summary of this node's current incarnation.
//   out  set to the summary's series, unless refused
enum aggregate_result aggregate_summary(
	struct nodes *nodes, struct node *node, const Weir__Summary *summary, uint64_t mono_ns, struct series **out);

// Whether a summary of this node came before: its lists need not be read.
bool aggregate_has(const struct node *node, const Weir__Summary *summary);

// Give up summaries that have been missing for longer than a resend takes.
void aggregate_give_up(struct nodes *nodes, uint64_t mono_ns);

// Sums over all nodes, those included that had to make room in the registry.
void aggregate_totals(const struct nodes *nodes, struct totals *out);

// What a question about recent traffic is about.
struct aggregate_scope {
	const struct nodes *nodes;
	const struct node *node; // NULL: all
	uint32_t length;         // intervals
	uint64_t mono_ns;
};

// TCP health over a scope's window.
struct tcp_health {
	struct totals totals; // its tcp_ fields
	struct histogram rtt, handshake;
};
void aggregate_tcp(const struct aggregate_scope *scope, struct tcp_health *out);

// Rates over the scope's window, per second; several nodes' add up.
void aggregate_rates(const struct aggregate_scope *scope, double out[TOTALS_FIELDS]);
// Sums over the scope's window.
//   return  how long that was: shorter than asked for where all nodes are young
double aggregate_window_s(const struct aggregate_scope *scope, struct window_sums *out);
// One list over the scope's window, unsorted; the caller calls topn_fini.
void aggregate_list(const struct aggregate_scope *scope, enum list_kind kind, struct topn *out);
