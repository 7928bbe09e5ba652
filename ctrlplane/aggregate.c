// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/aggregate.h"

#include <string.h>

#include "ctrlplane/clock.h"
#include "ctrlplane/window.h"

enum {
	AGGREGATE_LIST_MAX = 1 << 16, // entries of a list over a window and all nodes
	AGGREGATE_HOLE_MS = 3000,     // a missing summary is sent again well within this time, or not at all
};

// Remember what is known around a hole before the hole is closed or given up.
static void series_note_hole(struct series *series, const Weir__Summary *summary, uint64_t mono_ns) {
	bool makes_hole = summary->sequence > series->sequence.greatest + 1;
	if (!makes_hole)
		return;
	if (series->hole_mono_ns == 0) {
		series->hole_mono_ns = mono_ns;
		series->hole_from_ns = series->end_ns != 0 ? series->end_ns : summary->start_ns;
	}
	series->hole_to_ns = summary->start_ns;
}

// A node sends what is not acknowledged, in order: what lies before its first summary was taken by an earlier
// controller, or the store will tell what was not.
static void series_begin(const struct node *node, struct series *series, const Weir__Summary *summary) {
	if (!node->had_controller || series->sequence.greatest > 0 || summary->sequence == 1)
		return;
	sequence_start(&series->sequence, summary->sequence - 1);
	series->first = summary->sequence;
	series->hole_to_ns = summary->start_ns;
}

enum aggregate_result aggregate_summary(
	struct node *node, const Weir__Summary *summary, uint64_t mono_ns, struct series **out) {
	if (summary->sequence == 0 || summary->end_ns < summary->start_ns)
		return AGGREGATE_REFUSED;
	struct series *series = node_series(node, summary->pipeline, summary->operator_, summary->instance);
	if (series == NULL)
		return AGGREGATE_REFUSED;
	*out = series;
	series_begin(node, series, summary);
	series_note_hole(series, summary, mono_ns);
	uint64_t lost = 0;
	bool is_new = sequence_take(&series->sequence, summary->sequence, &lost);
	if (lost > 0) {
		node->missing += lost;
		node_intervals_add(&node->gaps, series->hole_from_ns, series->hole_to_ns, lost);
	}
	if (!sequence_has_hole(&series->sequence))
		series->hole_mono_ns = 0;
	if (!is_new) {
		node->duplicates++;
		return AGGREGATE_DUPLICATE;
	}
	if (summary->end_ns - summary->start_ns > series->longest_ns)
		series->longest_ns = summary->end_ns - summary->start_ns;
	if (summary->sequence > series->cumulative_sequence) {
		totals_from_message(summary->cumulative, &series->cumulative);
		series->cumulative_sequence = summary->sequence;
		series->end_ns = summary->end_ns;
	}
	node->summary_ns = clock_wall_ns();
	if (!window_add(node->window, summary, mono_ns))
		node->late++;
	return AGGREGATE_TAKEN;
}

void aggregate_give_up(struct nodes *nodes, uint64_t mono_ns) {
	for (size_t i = 0; i < nodes->length; i++) {
		struct node *node = nodes->list[i];
		for (size_t s = 0; s < node->series_length; s++) {
			struct series *series = &node->series[s];
			if (series->hole_mono_ns != 0 && mono_ns - series->hole_mono_ns > AGGREGATE_HOLE_MS * NS_PER_MS)
				node_series_give_up(node, series);
		}
	}
}

void aggregate_totals(const struct nodes *nodes, struct totals *out) {
	*out = nodes->departed;
	for (size_t i = 0; i < nodes->length; i++) {
		struct totals totals;
		node_totals(nodes->list[i], &totals);
		totals_add(out, &totals);
	}
}

static bool scope_has(const struct aggregate_scope *scope, const struct node *node) {
	return scope->node == NULL || scope->node == node;
}

void aggregate_rates(const struct aggregate_scope *scope, double out[TOTALS_FIELDS]) {
	memset(out, 0, TOTALS_FIELDS * sizeof(*out));
	for (size_t i = 0; i < scope->nodes->length; i++) {
		const struct node *node = scope->nodes->list[i];
		if (!scope_has(scope, node))
			continue;
		struct totals totals;
		uint32_t length = window_totals(node->window, scope->length, scope->mono_ns, &totals);
		double duration_s = (double)length * (double)scope->nodes->interval_ns / (double)NS_PER_S;
		for (int field = 0; field < TOTALS_FIELDS; field++)
			out[field] += (double)totals.v[field] / duration_s;
	}
}

double aggregate_window_s(const struct aggregate_scope *scope, struct totals *out) {
	uint32_t longest = 1;
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < scope->nodes->length; i++) {
		struct totals totals;
		if (!scope_has(scope, scope->nodes->list[i]))
			continue;
		uint32_t length = window_totals(scope->nodes->list[i]->window, scope->length, scope->mono_ns, &totals);
		longest = length > longest ? length : longest;
		totals_add(out, &totals);
	}
	return (double)longest * (double)scope->nodes->interval_ns / (double)NS_PER_S;
}

void aggregate_list(const struct aggregate_scope *scope, enum list_kind kind, struct topn *out) {
	topn_init(out, AGGREGATE_LIST_MAX, list_types[kind].score, list_types[kind].max_mask);
	for (size_t i = 0; i < scope->nodes->length; i++)
		if (scope_has(scope, scope->nodes->list[i]))
			window_merge(scope->nodes->list[i]->window, kind, scope->length, out, scope->mono_ns);
}
