// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/metrics.h"

#include "api/channel_metrics.h"
#include "api/node_metrics.h"
#include "api/clock.h"
#include "dashboard/fields.h"

static void add_server(struct metrics *metrics, const struct server *server) {
	const struct server_counters *c = &server->counters;
	const struct source *source = &server->source;
	metrics_family(metrics, "weir_dashboard_info", "gauge", "The version that runs.");
	metrics_count(metrics, 1, "version", WEIR_VERSION, NULL);
	metrics_family(metrics, "weir_dashboard_requests_total", "counter", "HTTP requests.");
	metrics_count(metrics, c->requests, NULL);
	metrics_family(metrics, "weir_dashboard_event_streams", "gauge", "Event streams that are open.");
	metrics_count(metrics, c->events, NULL);
	metrics_family(metrics, "weir_dashboard_event_streams_dropped_total", "counter",
		"Event streams ended because their readers were too slow.");
	metrics_count(metrics, c->dropped_slow, NULL);
	metrics_family(metrics, "weir_dashboard_refused_total", "counter",
		"Event streams refused, and connections ended because they took too long.");
	metrics_count(metrics, c->refused, NULL);
	metrics_family(metrics, "weir_dashboard_wrong_tokens_total", "counter", "Tokens that were wrong.");
	metrics_count(metrics, server->auth.attempts.wrong, NULL);
	metrics_family(metrics, "weir_dashboard_held_tokens_total", "counter",
		"Tokens that were not looked at, because too many wrong ones had come from their address.");
	metrics_count(metrics, server->auth.attempts.held, NULL);
	metrics_family(metrics, "weir_dashboard_redis_up", "gauge", "1: connected to Redis.");
	metrics_count(metrics, redis_link_is_ready(source->link), NULL);
	metrics_family(metrics, "weir_dashboard_live", "gauge", "1: the controller stores, and it is read.");
	metrics_count(metrics, source->state == SOURCE_LIVE, NULL);
	metrics_family(metrics, "weir_dashboard_readings_failed_total", "counter", "Readings of Redis that failed.");
	metrics_count(metrics, source->errors, NULL);
}

static void add_controller(struct metrics *metrics, const struct snapshot *now) {
	metrics_family(metrics, "weir_stored_timestamp_seconds", "gauge", "When the controller stored last.");
	metrics_real(metrics, (double)now->stored_ns / 1e9, NULL);
	metrics_family(metrics, "weir_controller_epoch", "gauge", "Epoch of the controller that stored last.");
	metrics_count(metrics, now->epoch, NULL);
	json_t *meta = fields_to_json(now->meta), *value;
	const char *reason;
	metrics_family(
		metrics, "weir_controller_refusals_total", "counter", "Connections and messages refused, by reason.");
	json_object_foreach(json_object_get(meta, "refused"), reason, value)
		metrics_count(metrics, (uint64_t)json_integer_value(value), "reason", reason, NULL);
	json_decref(meta);
	metrics_family(metrics, "weir_alerts_active", "gauge", "Alerts that fire.");
	metrics_count(metrics, now->alerts->type == REDIS_REPLY_ARRAY ? now->alerts->elements / 2 : 0, NULL);
}

static void add_nodes(struct metrics *metrics, const struct snapshot *now) {
	json_t *nodes = json_array(), *graphs = json_array();
	for (size_t i = 0; i < now->scope.nodes_length; i++) {
		json_t *graph = fields_parse(snapshot_operators(now, i));
		if (snapshot_node(now, i) != NULL)
			json_array_append_new(nodes, fields_to_json(snapshot_node(now, i)));
		json_object_set_new(graph, "name", json_string(now->scope.nodes[i]));
		if (graph != NULL)
			json_array_append_new(graphs, graph);
	}
	node_metrics_add(metrics, nodes, graphs);
	json_decref(nodes);
	json_decref(graphs);
}

struct body *metrics_body(struct server *server) {
	const struct snapshot *now = source_now(&server->source);
	struct metrics metrics = {0};
	size_t size;
	add_server(&metrics, server);
	if (now != NULL && now->stored_ns > 0) {
		add_controller(&metrics, now);
		add_nodes(&metrics, now);
		json_t *channels = fields_parse(now->channels);
		channel_metrics_add(&metrics, channels);
		json_decref(channels);
	}
	char *text = metrics_finish(&metrics, &size);
	return body_new(text, size);
}
