// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/node_metrics.h"

#include <stdio.h>
#include <string.h>

#define COUNTER "counter"
#define GAUGE "gauge"

struct node_metric {
	const char *name, *type;
	const char *object, *member; // of a node; object NULL: a member of the node itself
	double factor;               // to base units
	const char *help;
};

static const struct node_metric node_metrics[] = {
	{"weir_packets_total", COUNTER, "totals", "packets", 1, "Packets seen, over all runs of the node."},
	{"weir_bytes_total", COUNTER, "totals", "bytes", 1, "IP bytes seen, over all runs of the node."},
	{"weir_flows_started_total", COUNTER, "totals", "flows_started", 1, "Flows that began."},
	{"weir_flows_ended_total", COUNTER, "totals", "flows_ended", 1, "Flows that ended."},
	{"weir_flows_live", GAUGE, NULL, "flows_live", 1, "Flows that live now."},
	{"weir_node_workers", GAUGE, NULL, "workers", 1, "Polling threads."},
	{"weir_node_starts_total", COUNTER, NULL, "incarnations", 1, "Runs of the node's process."},
	{"weir_node_heartbeat_timestamp_seconds", GAUGE, NULL, "beat_ns", 1e-9, "When the last heartbeat came."},
	{"weir_node_unknown_seconds_total", COUNTER, "unknown", "duration_ns", 1e-9,
		"Time of which nothing is known of the node."},
	{"weir_node_summaries_missing_total", COUNTER, "gaps", "missing", 1, "Summaries that never came."},
	{"weir_node_summaries_duplicate_total", COUNTER, NULL, "duplicates", 1, "Summaries that came again."},
	{"weir_node_summaries_late_total", COUNTER, NULL, "late", 1, "Summaries too late for the windows."},
	{"weir_node_summaries_shed_total", COUNTER, NULL, "shed", 1,
		"Summaries taken without their lists, for want of time; their sums count."},
	{"weir_uplink_submitted_total", COUNTER, "uplink", "submitted", 1, "Summaries handed to the uplink."},
	{"weir_uplink_acknowledged_total", COUNTER, "uplink", "acknowledged", 1, "Summaries acknowledged."},
	{"weir_uplink_resent_total", COUNTER, "uplink", "resent", 1, "Summaries sent again."},
	{"weir_uplink_discarded_total", COUNTER, "uplink", "discarded", 1, "Summaries the full queue lost."},
	{"weir_uplink_queued", GAUGE, "uplink", "queued", 1, "Summaries that wait."},
	{"weir_uplink_sent_bytes_total", COUNTER, "uplink", "bytes", 1, "Bytes sent to the controller."},
};

static const struct node_metric operator_metrics[] = {
	{"weir_operator_in_tuples_total", COUNTER, NULL, "in", 1, "Tuples that came in."},
	{"weir_operator_in_bytes_total", COUNTER, NULL, "in_bytes", 1, "Bytes that a source took in."},
	{"weir_operator_out_tuples_total", COUNTER, NULL, "out", 1, "Tuples that went out."},
	{"weir_operator_forwarded_tuples_total", COUNTER, NULL, "forwarded", 1, "Tuples that went through."},
	{"weir_operator_absorbed_tuples_total", COUNTER, NULL, "absorbed", 1, "Tuples that ended here."},
	{"weir_operator_created_tuples_total", COUNTER, NULL, "created", 1, "Tuples that began here."},
	{"weir_operator_held_tuples", GAUGE, NULL, "held", 1, "Tuples held now."},
	{"weir_operator_blocked_total", COUNTER, NULL, "blocked", 1, "Times there was no room behind it."},
	{"weir_operator_lost_outside_tuples_total", COUNTER, NULL, "lost_outside", 1,
		"Packets lost before a source could take them in."},
};

static const struct node_metric channel_metrics[] = {
	{"weir_channel_sent_tuples_total", COUNTER, NULL, "sent", 1, "Tuples put into the channel."},
	{"weir_channel_received_tuples_total", COUNTER, NULL, "received", 1, "Tuples taken out of it."},
	{"weir_channel_ring_size_tuples", GAUGE, NULL, "ring_size", 1, "Places of its ring; 0: a direct call."},
	{"weir_channel_ring_used_tuples", GAUGE, NULL, "ring_used", 1, "Places that are taken."},
};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static const char *text_of(const json_t *object, const char *name) {
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

// A number as a label.
struct number_text {
	char text[24];
};

static struct number_text number_of(const json_t *object, const char *name) {
	struct number_text number;
	snprintf(
		number.text, sizeof(number.text), "%lld", (long long)json_integer_value(json_object_get(object, name)));
	return number;
}

static void add_nodes(struct metrics *metrics, const struct node_metric *metric, const json_t *nodes) {
	size_t i;
	json_t *node;
	metrics_family(metrics, metric->name, metric->type, metric->help);
	json_array_foreach(nodes, i, node) {
		const json_t *object = metric->object != NULL ? json_object_get(node, metric->object) : node;
		const json_t *value = json_object_get(object, metric->member);
		if (!json_is_number(value))
			continue;
		if (metric->factor == 1 && json_is_integer(value))
			metrics_count(
				metrics, (uint64_t)json_integer_value(value), "node", text_of(node, "name"), NULL);
		else
			metrics_real(metrics, json_number_value(value) * metric->factor, "node", text_of(node, "name"),
				NULL);
	}
}

static void add_protocols(struct metrics *metrics, const char *unit, const json_t *nodes) {
	static const char *const protocols[] = {"tcp", "udp", "icmp"};
	size_t i;
	json_t *node;
	json_array_foreach(nodes, i, node) {
		for (size_t p = 0; p < LENGTH(protocols); p++) {
			char member[24];
			snprintf(member, sizeof(member), "%s_%s", protocols[p], unit);
			const json_t *value = json_object_get(json_object_get(node, "totals"), member);
			metrics_count(metrics, (uint64_t)json_integer_value(value), "node", text_of(node, "name"),
				"protocol", protocols[p], NULL);
		}
	}
}

static void add_states(struct metrics *metrics, const json_t *nodes) {
	size_t i;
	json_t *node;
	metrics_family(metrics, "weir_node_up", GAUGE, "1: the node is up; 0: it is lost or has ended.");
	json_array_foreach(nodes, i, node) {
		metrics_count(metrics, strcmp(text_of(node, "state"), "up") == 0, "node", text_of(node, "name"), NULL);
	}
	metrics_family(metrics, "weir_node_info", GAUGE, "Where the node runs, and what.");
	json_array_foreach(nodes, i, node) {
		metrics_count(metrics, 1, "node", text_of(node, "name"), "host", text_of(node, "host"), "version",
			text_of(node, "version"), NULL);
	}
	metrics_family(metrics, "weir_protocol_packets_total", COUNTER, "Packets of a protocol.");
	add_protocols(metrics, "packets", nodes);
	metrics_family(metrics, "weir_protocol_bytes_total", COUNTER, "IP bytes of a protocol.");
	add_protocols(metrics, "bytes", nodes);
}

static void add_instance(struct metrics *metrics, const char *node, const json_t *instance, const char *member) {
	const json_t *value = json_object_get(instance, member);
	if (json_is_integer(value))
		metrics_count(metrics, (uint64_t)json_integer_value(value), "node", node, "pipeline",
			text_of(instance, "pipeline"), "operator", text_of(instance, "operator"), "instance",
			number_of(instance, "index").text, NULL);
}

// Named values of an instance: drops, or levels.
static void add_named(struct metrics *metrics, const char *node, const json_t *instance, const char *list) {
	const char *label = strcmp(list, "drops") == 0 ? "reason" : "gauge", *name;
	json_t *value;
	json_object_foreach(json_object_get(instance, list), name, value) {
		metrics_count(metrics, (uint64_t)json_integer_value(value), "node", node, "pipeline",
			text_of(instance, "pipeline"), "operator", text_of(instance, "operator"), "instance",
			number_of(instance, "index").text, label, name, NULL);
	}
}

// Quantiles are no counters and can't be summed: one series each.
static void add_latency(struct metrics *metrics, const char *node, const json_t *instance, const char *member) {
	static const struct {
		const char *member, *quantile;
	} quantiles[] = {{"p50_ns", "0.5"}, {"p99_ns", "0.99"}, {"max_ns", "1"}};
	const json_t *latency = json_object_get(instance, member);
	for (size_t i = 0; json_is_object(latency) && i < LENGTH(quantiles); i++)
		metrics_real(metrics, 1e-9 * json_number_value(json_object_get(latency, quantiles[i].member)), "node",
			node, "pipeline", text_of(instance, "pipeline"), "operator", text_of(instance, "operator"),
			"instance", number_of(instance, "index").text, "quantile", quantiles[i].quantile, NULL);
}

static void add_channel(struct metrics *metrics, const char *node, const json_t *channel, const char *member) {
	metrics_count(metrics, (uint64_t)json_integer_value(json_object_get(channel, member)), "node", node, "pipeline",
		text_of(channel, "pipeline"), "from", text_of(channel, "from"), "from_instance",
		number_of(channel, "from_index").text, "to", text_of(channel, "to"), "to_instance",
		number_of(channel, "to_index").text, NULL);
}

// Call `add` for every member of a list of every node.
static void add_all(struct metrics *metrics, const json_t *graphs, const char *list, const char *member,
	void (*add)(struct metrics *metrics, const char *node, const json_t *object, const char *member)) {
	size_t i, k;
	json_t *graph, *object;
	json_array_foreach(graphs, i, graph) {
		json_array_foreach(json_object_get(graph, list), k, object)
			add(metrics, text_of(graph, "name"), object, member);
	}
}

void node_metrics_add(struct metrics *metrics, const json_t *nodes, const json_t *graphs) {
	add_states(metrics, nodes);
	for (size_t i = 0; i < LENGTH(node_metrics); i++)
		add_nodes(metrics, &node_metrics[i], nodes);
	for (size_t i = 0; i < LENGTH(operator_metrics); i++) {
		const struct node_metric *metric = &operator_metrics[i];
		metrics_family(metrics, metric->name, metric->type, metric->help);
		add_all(metrics, graphs, "operators", metric->member, add_instance);
	}
	metrics_family(metrics, "weir_operator_dropped_tuples_total", COUNTER, "Tuples dropped, by reason.");
	add_all(metrics, graphs, "operators", "drops", add_named);
	metrics_family(metrics, "weir_operator_level", GAUGE, "Levels that an operator reports.");
	add_all(metrics, graphs, "operators", "gauges", add_named);
	metrics_family(metrics, "weir_operator_latency_seconds", GAUGE,
		"How long tuples took from where they were taken in to their end here, in the last second with any.");
	add_all(metrics, graphs, "operators", "latency", add_latency);
	for (size_t i = 0; i < LENGTH(channel_metrics); i++) {
		const struct node_metric *metric = &channel_metrics[i];
		metrics_family(metrics, metric->name, metric->type, metric->help);
		add_all(metrics, graphs, "channels", metric->member, add_channel);
	}
}
