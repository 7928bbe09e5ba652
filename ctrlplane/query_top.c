// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `top`: the greatest flows, hosts, ports, prefixes or applications of a window. Entries and remainder add up to the
// window's sums (hosts and prefixes count a packet at both of its ends; flows count those once that two nodes saw, and
// "repeated" has the rest). Where anything was left out of a list on its way here, an entry's figures are what was seen
// of it: then "exact" is false, and "error" bounds the bytes by which it may be too low.
#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/query.h"

static json_t *top_entry(const struct view *view, const struct topn_entry *entry, uint64_t error, double duration_s) {
	const struct list_type *type = &list_types[view->kind];
	json_t *object = json_object();
	view_key_type(view)->describe(entry->key, object);
	for (int i = 0; type->values[i] != NULL; i++)
		json_object_set_new(object, type->values[i], json_integer((json_int_t)entry->values[i]));
	json_object_set_new(object, "packets_per_s", json_real((double)entry->values[TOPN_PACKETS] / duration_s));
	json_object_set_new(object, "bits_per_s", json_real(8 * (double)entry->values[TOPN_BYTES] / duration_s));
	if (error > 0)
		json_object_set_new(object, "error", json_integer((json_int_t)error));
	return object;
}

json_t *query_top(struct state *state, const struct query_top *top) {
	const struct list_type *type = &list_types[top->kind];
	const struct view plain = {.kind = top->kind}, *view = top->view != NULL ? top->view : &plain;
	uint64_t interval_ns = state->nodes.interval_ns;
	struct aggregate_scope scope = {.nodes = &state->nodes,
		.node = top->node,
		.length = (uint32_t)((top->window_s * NS_PER_S + interval_ns - 1) / interval_ns),
		.mono_ns = clock_mono_ns()};
	struct topn list;
	view_list(view, &scope, &list);
	bool is_exact =
		list.rest.count == 0 && list.rest.bytes == 0 && list.rest.packets == 0 && topn_absent(&list) == 0;
	topn_sort(&list, type->score);
	struct topn_rest rest = list.rest;
	struct window_sums sums;
	double duration_s = aggregate_window_s(&scope, &sums);
	uint64_t greatest_error = 0;
	json_t *entries = json_array();
	for (size_t i = 0; i < list.length; i++) {
		if (i < top->limit) {
			uint64_t error = topn_error(&list, &list.entries[i]);
			greatest_error = error > greatest_error ? error : greatest_error;
			json_array_append_new(entries, top_entry(view, &list.entries[i], error, duration_s));
			continue;
		}
		rest.count++;
		rest.packets += list.entries[i].values[TOPN_PACKETS];
		rest.bytes += list.entries[i].values[TOPN_BYTES];
	}
	topn_fini(&list);
	json_t *answer = json_pack("{ss sI sf sb so s{sI sI sI} so}", "what",
		view->name[0] != '\0' ? view->name : type->name, "window_s", (json_int_t)top->window_s, "duration_s",
		duration_s, "exact", (int)is_exact, "entries", entries, "rest", "count", (json_int_t)rest.count,
		"packets", (json_int_t)rest.packets, "bytes", (json_int_t)rest.bytes, "totals",
		totals_to_json(&sums.totals));
	if (greatest_error > 0)
		json_object_set_new(answer, "error", json_integer((json_int_t)greatest_error));
	if (view->name[0] != '\0')
		json_object_set_new(answer, "over", json_string(view_key_type(view)->name));
	if (top->kind == LIST_FLOWS && top->view == NULL && sums.repeated_packets > 0)
		json_object_set_new(answer, "repeated",
			json_pack("{sI sI}", "packets", (json_int_t)sums.repeated_packets, "bytes",
				(json_int_t)sums.repeated_bytes));
	return answer;
}
