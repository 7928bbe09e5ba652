// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `paths`: what two nodes saw of the same flows: by pair of nodes, and the flows joined last, newest first.
#include <stdlib.h>

#include "api/clock.h"
#include "ctrlplane/lists.h"
#include "ctrlplane/paths.h"
#include "ctrlplane/query.h"

static json_t *number(uint64_t value) {
	return json_integer((json_int_t)value);
}

static json_t *quantile(const struct histogram *histogram, double share) {
	return histogram_count(histogram) > 0 ? number(histogram_quantile(histogram, share)) : json_null();
}

static json_t *pair_json(const struct path_pair *pair, uint64_t mono_ns) {
	struct histogram delays;
	path_pair_delays(pair, mono_ns, &delays);
	json_t *delay = json_pack("{so so so so so sf}", "samples", number(histogram_count(&delays)), "min_ns",
		quantile(&delays, 0), "p50_ns", quantile(&delays, 0.5), "p95_ns", quantile(&delays, 0.95), "max_ns",
		quantile(&delays, 1), "relative_error", histogram_error(&delays));
	return json_pack("{ss ss so so sI sf so}", "from_node", pair->from, "to_node", pair->to, "flows",
		number(pair->flows), "packets", number(pair->packets), "lost_packets", (json_int_t)pair->lost,
		"lost_share", pair->packets > 0 ? (double)pair->lost / (double)pair->packets : 0.0, "delay", delay);
}

static json_t *flow_json(const struct paths *paths, const struct path_flow *flow) {
	const struct path_pair *pair = &paths->pairs[flow->pairs[0] - 1];
	const struct path_view *views = flow->views;
	uint8_t key[TOPN_KEY_SIZE];
	memcpy(key, flow->key, sizeof(key));
	if (flow->is_turned)
		list_flow_key_exchange(key);
	json_t *object = json_object();
	list_types[LIST_FLOWS].describe(key, object);
	json_object_update_new(object,
		json_pack("{ss ss so so so sI so sI sb}", "from_node", pair->from, "to_node", pair->to, "start_ns",
			number(views[0].start_ns), "delay_ns", number(views[1].start_ns - views[0].start_ns), "packets",
			number(flow->packets[0]), "lost_packets", (json_int_t)flow->lost[0], "reverse_packets",
			number(flow->packets[1]), "reverse_lost_packets", (json_int_t)flow->lost[1], "ended",
			(int)(views[0].ended && views[1].ended)));
	return object;
}

json_t *query_paths(struct state *state, uint32_t limit) {
	const struct paths *paths = state->nodes.paths;
	json_t *pairs = json_array(), *flows = json_array();
	uint64_t mono_ns = clock_mono_ns(), last = paths != NULL ? paths->joined_length : 0;
	for (size_t i = 0; paths != NULL && i < paths->pairs_length; i++)
		if (paths->pairs[i].flows + paths->pairs[i].packets > 0)
			json_array_append_new(pairs, pair_json(&paths->pairs[i], mono_ns));
	for (uint64_t n = last; n > 0 && n + PATHS_JOINED_MAX > last && json_array_size(flows) < limit; n--) {
		const struct path_flow *flow = &paths->flows[paths->joined[(n - 1) % PATHS_JOINED_MAX]];
		if (flow->pairs[0] != 0) // else its place was given to another one since
			json_array_append_new(flows, flow_json(paths, flow));
	}
	return json_pack("{so so s{so so}}", "pairs", pairs, "flows", flows, "repeated", "packets",
		number(state->nodes.repeated_packets), "bytes", number(state->nodes.repeated_bytes));
}
