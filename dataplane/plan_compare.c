// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/plan_compare.h"

#include <string.h>

static bool is_same_key(const struct pipeline_stream *a, const struct pipeline_stream *b) {
	bool is_same = a->key_count == b->key_count && a->symmetric == b->symmetric;
	for (unsigned i = 0; is_same && i < a->key_count; i++)
		is_same = strcmp(a->key[i]->name, b->key[i]->name) == 0;
	return is_same;
}

static bool are_same_streams(const struct pipeline *a, const struct pipeline *b) {
	bool are_same = a->stream_count == b->stream_count;
	for (unsigned i = 0; are_same && i < a->stream_count; i++) {
		const struct pipeline_stream *one = &a->streams[i], *other = &b->streams[i];
		are_same = one->from == other->from && one->to == other->to && one->output == other->output &&
			   one->input == other->input && one->grouping == other->grouping && is_same_key(one, other);
	}
	return are_same;
}

// An operator's instances are consecutive, and operators of both plans stand in the same order if they are the same.
static const struct plan_operator *find_planned(const struct plan *plan, unsigned pipeline, unsigned op) {
	const struct plan_operator *planned = plan->operators;
	while (planned->pipeline != pipeline || planned->op != op)
		planned++;
	return planned;
}

static bool are_same_instances(const struct plan *a, const struct plan_operator *one, const struct plan *b,
	const struct plan_operator *other) {
	bool are_same = one->instance_count == other->instance_count;
	for (unsigned i = 0; are_same && i < one->instance_count; i++)
		are_same =
			a->instances[one->first_instance + i].worker == b->instances[other->first_instance + i].worker;
	return are_same;
}

// The next channel of a pipeline, from `at` on.
static const struct plan_channel *next_channel(const struct plan *plan, unsigned pipeline, unsigned *at) {
	while (*at < plan->channel_count && plan->channels[*at].pipeline != pipeline)
		*at += 1;
	return *at < plan->channel_count ? &plan->channels[(*at)++] : NULL;
}

static bool are_same_channels(const struct plan *a, unsigned i, const struct plan *b, unsigned j) {
	unsigned at_a = 0, at_b = 0;
	for (;;) {
		const struct plan_channel *one = next_channel(a, i, &at_a), *other = next_channel(b, j, &at_b);
		if (one == NULL || other == NULL)
			return one == other;
		if (one->stream != other->stream || one->ring != other->ring)
			return false;
	}
}

bool plan_is_joined_alike(const struct plan *a, unsigned i, const struct plan *b, unsigned j) {
	const struct pipeline *one = &a->config->pipelines[i], *other = &b->config->pipelines[j];
	bool is = one->operator_count == other->operator_count && are_same_streams(one, other);
	for (unsigned op = 0; is && op < one->operator_count; op++)
		is = strcmp(one->operators[op].name, other->operators[op].name) == 0 &&
		     are_same_instances(a, find_planned(a, i, op), b, find_planned(b, j, op));
	return is && are_same_channels(a, i, b, j);
}
