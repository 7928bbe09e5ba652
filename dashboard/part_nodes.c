// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `nodes`: the objects of `weirctl status --json`.
#include "dashboard/fields.h"
#include "dashboard/part.h"

// What is stored only where it is known.
static void set_nulls(json_t *node) {
	static const char *const optional[] = {"rates", "flows_live", "uplink", "clock_offset_ns"};
	json_t *unknown = json_object_get(node, "unknown");
	for (size_t i = 0; i < sizeof(optional) / sizeof(*optional); i++)
		if (json_object_get(node, optional[i]) == NULL)
			json_object_set_new(node, optional[i], json_null());
	if (unknown != NULL && json_object_get(unknown, "since_ns") == NULL)
		json_object_set_new(unknown, "since_ns", json_null());
}

static json_t *node_rate(const redisReply *now, const struct part_before *before, const char *name) {
	if (before->node == NULL)
		return json_null();
	return part_rate(fields_number(now, name), fields_number(before->node, name), before->span_s);
}

static json_t *node_object(struct part_request *request, size_t place) {
	const redisReply *stored = snapshot_node(request->now, place);
	struct part_before before;
	if (stored == NULL)
		return NULL;
	json_t *node = fields_to_json(stored);
	json_object_del(node, "finished");
	json_object_del(node, "past_incarnations");
	set_nulls(node);
	part_find_before(request, place, &before);
	json_object_set_new(node, "dropped_per_s", node_rate(stored, &before, "dropped"));
	json_object_set_new(node, "lost_outside_per_s", node_rate(stored, &before, "lost_outside"));
	return node;
}

json_t *part_nodes(struct part_request *request) {
	json_t *nodes = json_array();
	for (size_t i = 0; i < request->now->scope.nodes_length; i++) {
		json_t *node = node_object(request, i);
		if (node != NULL)
			json_array_append_new(nodes, node);
	}
	return json_pack("{so so}", "stored_ns", part_number(request->now->stored_ns), "nodes", nodes);
}

json_t *part_node(struct part_request *request) {
	size_t place = snapshot_find_node(request->now, request->argument);
	json_t *node = place != SIZE_MAX ? node_object(request, place) : NULL;
	return node != NULL ? node : part_fail(request, 404, "node \"%.64s\": not known", request->argument);
}
