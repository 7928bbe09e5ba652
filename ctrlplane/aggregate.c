// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/aggregate.h"

#include <string.h>

#include "api/clock.h"
#include "ctrlplane/paths.h"

enum {
	AGGREGATE_LIST_MAX = 1 << 16, // entries of a list over a window and all nodes
	AGGREGATE_FLOWS_MAX = 4096,   // of a summary that may be repeats of another node's; nodes tell 256
	AGGREGATE_SKEW_INTERVALS = 3, // of at least 1 s: so far a node's clock may be from this one
	AGGREGATE_BEHIND_MS = 5000,   // so long what comes late may be a backlog
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

// Where a node's time is another one than the clock's, its intervals have no place among those of the others. A summary
// of the future, or from before all windows, tells at once. One that is late may have had to wait; where each is for a
// while, or the first was, the node's clock is slow.
static bool is_of_the_present(
	const struct nodes *nodes, struct node *node, const Weir__Summary *summary, uint64_t mono_ns) {
	int64_t offset_ns = (int64_t)(summary->end_ns - clock_wall_ns());
	int64_t reach_ns = (int64_t)(nodes->window_slots * nodes->interval_ns);
	int64_t interval_ns = (int64_t)(nodes->interval_ns > NS_PER_S ? nodes->interval_ns : NS_PER_S);
	// One at the limit does not go back and forth.
	int64_t limit_ns = AGGREGATE_SKEW_INTERVALS * interval_ns / (node->is_elsewhen ? 2 : 1);
	node->clock_offset_ns = offset_ns;
	if (offset_ns > limit_ns || -offset_ns >= reach_ns)
		return false;
	if (-offset_ns <= limit_ns) {
		node->was_punctual = true;
		node->behind_mono_ns = 0;
		return true;
	}
	if (node->behind_mono_ns == 0)
		node->behind_mono_ns = mono_ns;
	return (node->was_punctual || node->had_controller) &&
	       mono_ns - node->behind_mono_ns < AGGREGATE_BEHIND_MS * NS_PER_MS;
}

// The window of one that is elsewhen is added to that of all, which keeps what it has: it begins anew.
static void aggregate_set_time(
	const struct nodes *nodes, struct node *node, const Weir__Summary *summary, uint64_t mono_ns) {
	bool was_elsewhen = node->is_elsewhen;
	node->is_elsewhen = !is_of_the_present(nodes, node, summary, mono_ns);
	if (!node->is_elsewhen || was_elsewhen)
		return;
	window_restart(node->window);
	node->evaluated = 0;
}

static void aggregate_windows(struct nodes *nodes, struct node *node, const Weir__Summary *summary, uint64_t mono_ns) {
	bool is_repeat[AGGREGATE_FLOWS_MAX];
	struct window_repeats repeats = {.flows = is_repeat};
	size_t flows = summary->n_flows < AGGREGATE_FLOWS_MAX ? summary->n_flows : 0;
	for (size_t i = 0; i < flows; i++) {
		const Weir__FlowDelta *flow = summary->flows[i];
		is_repeat[i] = paths_add(nodes, node, flow, summary->end_ns, mono_ns);
		if (!is_repeat[i])
			continue;
		repeats.packets += flow->fwd_packets + flow->rev_packets;
		repeats.bytes += flow->fwd_bytes + flow->rev_bytes;
	}
	nodes->repeated_packets += repeats.packets;
	nodes->repeated_bytes += repeats.bytes;
	for (size_t i = 0; i < summary->n_ended_flows; i++)
		paths_add(nodes, node, summary->ended_flows[i], summary->end_ns, mono_ns);
	aggregate_set_time(nodes, node, summary, mono_ns);
	bool is_in_time = window_add(node->window, summary, NULL, mono_ns);
	if (!node->is_elsewhen)
		is_in_time &= window_add(nodes->window, summary, repeats.packets > 0 ? &repeats : NULL, mono_ns);
	node->late += !is_in_time;
}

// The history takes what is told since it last took note: late summaries and long ones are in it once, as sums are.
static void aggregate_unnoted(struct node *node, const struct series *series, const Weir__Summary *summary) {
	struct totals now, before = series->cumulative, interval;
	node->unnoted.summaries++;
	histogram_merge_packed(&node->unnoted.rtt, summary->rtt.data, summary->rtt.len);
	if (summary->sequence <= series->cumulative_sequence)
		return;
	totals_from_message(summary->cumulative, &now);
	if (series->cumulative_sequence == 0 && node->had_controller) {
		// What it counted for an earlier controller is the past.
		totals_from_message(summary->interval, &interval);
		before = now;
		totals_subtract(&before, &interval);
	}
	totals_add_growth(&node->unnoted.totals, &now, &before);
}

enum aggregate_result aggregate_summary(
	struct nodes *nodes, struct node *node, const Weir__Summary *summary, uint64_t mono_ns, struct series **out) {
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
	aggregate_unnoted(node, series, summary);
	if (summary->sequence > series->cumulative_sequence) {
		totals_from_message(summary->cumulative, &series->cumulative);
		series->cumulative_sequence = summary->sequence;
		series->end_ns = summary->end_ns;
	}
	node->summary_ns = clock_wall_ns();
	aggregate_windows(nodes, node, summary, mono_ns);
	return AGGREGATE_TAKEN;
}

bool aggregate_has(const struct node *node, const Weir__Summary *summary) {
	if (node->incarnation != summary->incarnation)
		return false;
	for (size_t i = 0; i < node->series_length; i++) {
		const struct series *series = &node->series[i];
		if (series->instance == summary->instance && strcmp(series->pipeline, summary->pipeline) == 0 &&
			strcmp(series->operator, summary->operator_) == 0)
			return sequence_has(&series->sequence, summary->sequence);
	}
	return false;
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

// The rings that a scope's window is made of, one by one.
//   at      0 at first
//   return  NULL: that was all
static const struct window *scope_next(const struct aggregate_scope *scope, size_t *at) {
	const struct nodes *nodes = scope->nodes;
	if (scope->node != NULL)
		return (*at)++ == 0 ? scope->node->window : NULL;
	if (*at == 0) {
		++*at;
		if (nodes->window != NULL)
			return nodes->window;
	}
	while (*at <= nodes->length) {
		const struct node *node = nodes->list[(*at)++ - 1];
		if (node->is_elsewhen)
			return node->window;
	}
	return NULL;
}

void aggregate_rates(const struct aggregate_scope *scope, double out[TOTALS_FIELDS]) {
	const struct window *window;
	memset(out, 0, TOTALS_FIELDS * sizeof(*out));
	for (size_t at = 0; (window = scope_next(scope, &at)) != NULL;) {
		struct window_sums sums;
		uint32_t length = window_totals(window, scope->length, scope->mono_ns, &sums);
		double duration_s = (double)length * (double)scope->nodes->interval_ns / (double)NS_PER_S;
		for (int field = 0; field < TOTALS_FIELDS; field++)
			out[field] += (double)sums.totals.v[field] / duration_s;
	}
}

double aggregate_window_s(const struct aggregate_scope *scope, struct window_sums *out) {
	const struct window *window;
	uint32_t longest = 1;
	*out = (struct window_sums){.repeated_packets = 0};
	for (size_t at = 0; (window = scope_next(scope, &at)) != NULL;) {
		struct window_sums sums;
		uint32_t length = window_totals(window, scope->length, scope->mono_ns, &sums);
		longest = length > longest ? length : longest;
		totals_add(&out->totals, &sums.totals);
		out->repeated_packets += sums.repeated_packets;
		out->repeated_bytes += sums.repeated_bytes;
	}
	return (double)longest * (double)scope->nodes->interval_ns / (double)NS_PER_S;
}

void aggregate_tcp(const struct aggregate_scope *scope, struct tcp_health *out) {
	const struct window *window;
	struct window_times times = {.rtt = {.lost_bits = 0}};
	struct window_sums sums;
	aggregate_window_s(scope, &sums);
	for (size_t at = 0; (window = scope_next(scope, &at)) != NULL;)
		window_times(window, scope->length, scope->mono_ns, &times);
	*out = (struct tcp_health){.totals = sums.totals, .rtt = times.rtt, .handshake = times.handshake};
}

void aggregate_list(const struct aggregate_scope *scope, enum list_kind kind, struct topn *out) {
	const struct window *window;
	list_init(out, kind, AGGREGATE_LIST_MAX);
	for (size_t at = 0; (window = scope_next(scope, &at)) != NULL;)
		window_merge(window, kind, scope->length, out, scope->mono_ns);
}
