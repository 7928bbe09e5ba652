// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A series of summaries as Redis has it: written with its node's books, read back, and joined to what this controller
// has taken of it itself.
#include <inttypes.h>
#include <stdio.h>

#include "ctrlplane/store_parts.h"

void store_series_path(const struct series *series, char *path) {
	snprintf(path, STORE_SERIES_PATH, "%s/%s/%" PRIu32, series->pipeline, series->operator, series->instance);
}

json_t *store_series_to_json(const struct series *series, uint64_t incarnation, uint64_t sequence) {
	return json_pack("{sI sI sI sI so}", "incarnation", (json_int_t)incarnation, "sequence", (json_int_t)sequence,
		"cumulative_sequence", (json_int_t)series->cumulative_sequence, "end_ns", (json_int_t)series->end_ns,
		"cumulative", totals_to_json(&series->cumulative));
}

bool store_series_from_json(const char *path, const json_t *value, struct series *out) {
	if (sscanf(path, "%63[^/]/%63[^/]/%" SCNu32, out->pipeline, out->operator, &out->instance) != 3)
		return false;
	sequence_start(&out->sequence, (uint64_t)json_integer_value(json_object_get(value, "sequence")));
	totals_from_json(json_object_get(value, "cumulative"), &out->cumulative);
	out->cumulative_sequence = (uint64_t)json_integer_value(json_object_get(value, "cumulative_sequence"));
	out->end_ns = (uint64_t)json_integer_value(json_object_get(value, "end_ns"));
	return true;
}

// What this controller saw of a process that is over by now, its own books have already.
static void finish_series(struct node *node, const struct series *stored, uint64_t incarnation) {
	struct totals cumulative = stored->cumulative;
	for (int i = 0; i < TOTALS_FIELDS && incarnation == node->first_incarnation; i++) {
		uint64_t known =
			node->first_finished.v[i] < cumulative.v[i] ? node->first_finished.v[i] : cumulative.v[i];
		node->first_finished.v[i] -= known;
		cumulative.v[i] -= known;
	}
	totals_add(&node->finished, &cumulative);
}

void store_take_series(struct node *node, const char *path, const json_t *value) {
	struct series stored = {.instance = 0};
	uint64_t incarnation = (uint64_t)json_integer_value(json_object_get(value, "incarnation"));
	if (!store_series_from_json(path, value, &stored))
		return;
	if (incarnation != node->incarnation) {
		finish_series(node, &stored, incarnation);
		return;
	}
	struct series *series = node_series(node, stored.pipeline, stored.operator, stored.instance);
	if (series == NULL)
		return;
	uint64_t taken = stored.sequence.contiguous;
	if (series->first > taken + 1) {
		node->missing += series->first - 1 - taken;
		node_intervals_add(&node->gaps, stored.end_ns, series->hole_to_ns, series->first - 1 - taken);
	}
	series->first = 0;
	sequence_start(&series->sequence, taken);
	if (!sequence_has_hole(&series->sequence))
		series->hole_mono_ns = 0;
	if (stored.cumulative_sequence > series->cumulative_sequence) {
		series->cumulative = stored.cumulative;
		series->cumulative_sequence = stored.cumulative_sequence;
		series->end_ns = stored.end_ns;
	}
}
