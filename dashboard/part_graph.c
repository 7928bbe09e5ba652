// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `graph`: what a node reports of its operators and channels, put together to the pipelines they make, with rates from
// the differences of two readings.
#include <string.h>

#include "dashboard/fields.h"
#include "dashboard/part.h"

// One node's report, now and some seconds ago.
struct graph {
	json_t *now, *before; // {"operators","channels","topology"}; before: NULL or null members where unknown
	double span_s;
};

static uint64_t count_of(const json_t *object, const char *name) {
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name) {
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static bool is_same(const json_t *a, const json_t *b, const char *const *names) {
	for (size_t i = 0; names[i] != NULL; i++)
		if (!json_equal(json_object_get(a, names[i]), json_object_get(b, names[i])))
			return false;
	return true;
}

// The member of a list that has the same names as `like`: in the same place, nearly always.
static json_t *find_same(const json_t *list, const json_t *like, size_t place, const char *const *names) {
	json_t *found = json_array_get(list, place);
	if (found != NULL && is_same(found, like, names))
		return found;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_same(json_array_get(list, i), like, names))
			return json_array_get(list, i);
	return NULL;
}

static json_t *grown(const json_t *now, const json_t *before, const char *name, double span_s) {
	return before != NULL ? part_rate(count_of(now, name), count_of(before, name), span_s) : json_null();
}

// Add a rate to a sum that is null until something is known.
static void add_rate(json_t *sums, const char *name, const json_t *rate) {
	if (json_is_real(rate))
		json_object_set_new(
			sums, name, json_real(json_real_value(json_object_get(sums, name)) + json_real_value(rate)));
}

static json_t *instance_drops(const json_t *now, const json_t *before, double span_s) {
	json_t *list = json_array(), *count;
	json_t *then = json_object_get(before, "drops");
	const char *name;
	json_object_foreach(json_object_get(now, "drops"), name, count) {
		uint64_t value = (uint64_t)json_integer_value(count);
		json_t *rate = before != NULL ? part_rate(value, count_of(then, name), span_s) : json_null();
		json_array_append_new(
			list, json_pack("{ss so so}", "name", name, "count", part_number(value), "per_s", rate));
	}
	return list;
}

static json_t *graph_instance(const struct graph *graph, const json_t *now, size_t place, json_t *sums) {
	static const char *const names[] = {"pipeline", "operator", "index", NULL};
	static const char *const counted[] = {"in", "out", "blocked", "lost_outside", "dropped"};
	const json_t *before = find_same(json_object_get(graph->before, "operators"), now, place, names);
	json_t *instance = json_copy((json_t *)now);
	json_object_del(instance, "pipeline");
	json_object_del(instance, "operator");
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		char name[32];
		snprintf(name, sizeof(name), "%s_per_s", counted[i]);
		json_t *rate = grown(now, before, counted[i], graph->span_s);
		add_rate(sums, name, rate);
		json_object_set_new(instance, name, rate);
	}
	json_t *bytes = grown(now, before, "in_bytes", graph->span_s);
	json_object_set_new(
		instance, "in_bits_per_s", json_is_real(bytes) ? json_real(8 * json_real_value(bytes)) : json_null());
	json_decref(bytes);
	json_object_set_new(instance, "drops", instance_drops(now, before, graph->span_s));
	return instance;
}

// What the node said of an operator or a stream when it registered.
static json_t *described(const struct graph *graph, const char *list, const json_t *like, const char *member) {
	static const char *const stream[] = {"pipeline", "from", "to", NULL};
	json_t *known = json_object_get(json_object_get(graph->now, "topology"), list);
	bool is_stream = strcmp(list, "streams") == 0;
	for (size_t i = 0; i < json_array_size(known); i++) {
		json_t *one = json_array_get(known, i);
		bool fits = is_stream ? is_same(one, like, stream)
				      : strcmp(text_of(one, "name"), text_of(like, "operator")) == 0 &&
						strcmp(text_of(one, "pipeline"), text_of(like, "pipeline")) == 0;
		if (fits && json_is_string(json_object_get(one, member)))
			return json_incref(json_object_get(one, member));
	}
	return json_null();
}

static json_t *operator_new(const struct graph *graph, const json_t *instance) {
	return json_pack("{ss ss so sn sn sn sn sn s[]}", "pipeline", text_of(instance, "pipeline"), "name",
		text_of(instance, "operator"), "type", described(graph, "operators", instance, "type"), "in_per_s",
		"out_per_s", "dropped_per_s", "lost_outside_per_s", "blocked_per_s", "instances");
}

// Instances stand one after the other in the report, operators in the order of the pipeline.
static json_t *graph_operators(const struct graph *graph) {
	json_t *instances = json_object_get(graph->now, "operators"), *list = json_array();
	for (size_t i = 0; i < json_array_size(instances); i++) {
		const json_t *instance = json_array_get(instances, i);
		json_t *operator = NULL;
		for (size_t k = 0; operator == NULL && k < json_array_size(list); k++) {
			json_t *one = json_array_get(list, k);
			if (strcmp(text_of(one, "name"), text_of(instance, "operator")) == 0 &&
				strcmp(text_of(one, "pipeline"), text_of(instance, "pipeline")) == 0)
				operator = one;
		}
		if (operator == NULL) {
			operator = operator_new(graph, instance);
			json_array_append_new(list, operator);
		}
		json_array_append_new(
			json_object_get(operator, "instances"), graph_instance(graph, instance, i, operator));
	}
	return list;
}

static json_t *graph_channel(const struct graph *graph, const json_t *now, size_t place, json_t *stream) {
	static const char *const names[] = {"pipeline", "from", "from_index", "to", "to_index", NULL};
	static const char *const left_out[] = {"pipeline", "from", "to"};
	const json_t *before = find_same(json_object_get(graph->before, "channels"), now, place, names);
	json_t *channel = json_copy((json_t *)now), *rate = grown(now, before, "sent", graph->span_s);
	for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++)
		json_object_del(channel, left_out[i]);
	add_rate(stream, "sent_per_s", rate);
	json_object_set_new(channel, "sent_per_s", rate);
	uint64_t size = count_of(now, "ring_size");
	json_t *fill = json_null();
	if (json_is_true(json_object_get(now, "ring")) && size > 0) {
		double share = (double)count_of(now, "ring_used") / (double)size;
		fill = json_real(share);
		if (share >= json_real_value(json_object_get(stream, "ring_fill")))
			json_object_set_new(stream, "ring_fill", json_real(share));
	}
	json_object_set_new(channel, "ring_fill", fill);
	return channel;
}

static json_t *graph_streams(const struct graph *graph) {
	static const char *const names[] = {"pipeline", "from", "to", NULL};
	json_t *channels = json_object_get(graph->now, "channels"), *list = json_array();
	for (size_t i = 0; i < json_array_size(channels); i++) {
		const json_t *channel = json_array_get(channels, i);
		json_t *stream = find_same(list, channel, 0, names);
		if (stream == NULL) {
			stream = json_pack("{ss ss ss so sn sn s[]}", "pipeline", text_of(channel, "pipeline"), "from",
				text_of(channel, "from"), "to", text_of(channel, "to"), "grouping",
				described(graph, "streams", channel, "grouping"), "sent_per_s", "ring_fill",
				"channels");
			json_array_append_new(list, stream);
		}
		json_array_append_new(json_object_get(stream, "channels"), graph_channel(graph, channel, i, stream));
	}
	return list;
}

static json_t *graph_object(struct part_request *request, size_t place) {
	struct part_before before;
	part_find_before(request, place, &before);
	struct graph graph = {.now = fields_parse(snapshot_operators(request->now, place)),
		.before = fields_parse(before.operators),
		.span_s = before.span_s};
	const char *state = fields_find(snapshot_node(request->now, place), "state");
	json_t *object = json_pack("{ss ss? sf so so}", "node", request->now->scope.nodes[place], "state", state,
		"over_s", before.span_s, "operators", graph_operators(&graph), "streams", graph_streams(&graph));
	json_decref(graph.now);
	json_decref(graph.before);
	return object;
}

json_t *part_graph(struct part_request *request) {
	json_t *nodes = json_array();
	for (size_t i = 0; i < request->now->scope.nodes_length; i++)
		json_array_append_new(nodes, graph_object(request, i));
	return json_pack("{so so}", "stored_ns", part_number(request->now->stored_ns), "nodes", nodes);
}

json_t *part_node_graph(struct part_request *request) {
	size_t place = snapshot_find_node(request->now, request->argument);
	if (place == SIZE_MAX)
		return part_fail(request, 404, "node \"%.64s\": not known", request->argument);
	return graph_object(request, place);
}
