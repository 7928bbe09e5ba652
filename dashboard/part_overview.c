// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `status` and `overview`.
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "dashboard/fields.h"
#include "dashboard/part.h"

static json_t *text_or_null(const char *text) {
	return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *status_redis(const struct parts *parts) {
	uint64_t since_ns;
	const char *error = redis_link_error(parts->source->link, &since_ns);
	return json_pack("{ss ss so so}", "state", redis_link_is_ready(parts->source->link) ? "connected" : "away",
		"endpoint", parts->endpoint, "since_ns", part_number(since_ns), "error", text_or_null(error));
}

static json_t *status_controller(const struct snapshot *now) {
	if (now == NULL || now->stored_ns == 0)
		return json_null();
	json_t *meta = fields_to_json(now->meta), *refused = json_incref(json_object_get(meta, "refused"));
	json_decref(meta);
	return json_pack("{so so so so so so}", "version", text_or_null(fields_find(now->meta, "weir_version")),
		"epoch", part_number(now->epoch), "started_ns", part_number(fields_number(now->meta, "started_ns")),
		"stored_ns", part_number(now->stored_ns), "interval_ns", part_number(now->interval_ns), "refused",
		refused != NULL ? refused : json_object());
}

static json_t *status_history(const struct snapshot *now) {
	json_t *object = json_object();
	for (size_t i = 0; now != NULL && i < SNAPSHOT_RESOLUTIONS; i++) {
		uint64_t first_ms = snapshot_entry_ms(now->oldest[i]);
		if (first_ms > 0)
			json_object_set_new(
				object, snapshot_resolutions[i], json_pack("{so}", "first_ms", part_number(first_ms)));
	}
	return object;
}

// Lists that are stored for any window.
static json_t *status_lists(const struct snapshot *now) {
	json_t *lists = json_array();
	for (size_t i = 0; now != NULL && i < SNAPSHOT_LISTS; i++)
		for (size_t w = 0; w < now->scope.windows_length; w++)
			if (snapshot_top(now, snapshot_lists[i], now->scope.windows_s[w]) != NULL) {
				json_array_append_new(lists, json_string(snapshot_lists[i]));
				break;
			}
	return lists;
}

static json_t *status_windows(const struct snapshot *now) {
	json_t *windows = json_array();
	for (size_t w = 0; now != NULL && w < now->scope.windows_length; w++)
		json_array_append_new(windows, part_number(now->scope.windows_s[w]));
	return windows;
}

json_t *part_status(struct part_request *request) {
	const struct parts *parts = request->parts;
	const struct source *source = parts->source;
	const struct server_counters *c = parts->counters;
	json_t *clients = json_pack("{so so so so so so so}", "events", part_number(c->events), "events_max",
		part_number(c->events_max), "dropped_slow", part_number(c->dropped_slow), "refused",
		part_number(c->refused), "requests", part_number(c->requests), "wrong_tokens",
		part_number(parts->attempts->wrong), "held_tokens", part_number(parts->attempts->held));
	return json_pack("{so ss ss so so so so so so so so sb}", "now_ns", part_number(clock_wall_ns()), "version",
		WEIR_VERSION, "state", source_state_names[source->state], "since_ns", part_number(source->since_ns),
		"reason", text_or_null(source->reason), "redis", status_redis(parts), "controller",
		status_controller(request->now), "windows_s", status_windows(request->now), "lists",
		status_lists(request->now), "history", status_history(request->now), "clients", clients, "login",
		(int)parts->has_login);
}

// What the nodes say, summed up.
struct overview {
	double packets_per_s, bits_per_s, flows_per_s;
	uint64_t dropped, lost_outside, flows_live;
	double dropped_per_s, lost_outside_per_s;
	bool knows_losses; // the two above are of a node at least
	uint64_t up, lost, ended, unknown, unknown_since_ns, missing;
};

static double field_real(const redisReply *node, const char *name) {
	const char *text = fields_find(node, name);
	return text != NULL ? strtod(text, NULL) : 0;
}

static double grown(const redisReply *now, const struct part_before *before, const char *name) {
	double difference = field_real(now, name) - field_real(before->node, name);
	return difference > 0 ? difference / before->span_s : 0;
}

static void overview_add(struct overview *sum, const redisReply *node, const struct part_before *before) {
	const char *state = fields_find(node, "state");
	uint64_t unknown_ns = fields_number(node, "unknown.since_ns");
	bool is_up = state != NULL && strcmp(state, "up") == 0;
	sum->up += is_up;
	sum->lost += state != NULL && strcmp(state, "lost") == 0;
	sum->ended += state != NULL && strcmp(state, "ended") == 0;
	sum->dropped += fields_number(node, "dropped");
	sum->lost_outside += fields_number(node, "lost_outside");
	sum->missing += fields_number(node, "gaps.missing");
	sum->unknown += unknown_ns > 0;
	if (unknown_ns > 0 && (sum->unknown_since_ns == 0 || unknown_ns < sum->unknown_since_ns))
		sum->unknown_since_ns = unknown_ns;
	if (!is_up)
		return;
	sum->packets_per_s += field_real(node, "rates.packets_per_s");
	sum->bits_per_s += field_real(node, "rates.bits_per_s");
	sum->flows_per_s += field_real(node, "rates.flows_per_s");
	sum->flows_live += fields_number(node, "flows_live");
	if (before->node == NULL || before->span_s <= 0)
		return;
	sum->knows_losses = true;
	sum->dropped_per_s += grown(node, before, "dropped");
	sum->lost_outside_per_s += grown(node, before, "lost_outside");
}

static json_t *overview_alerts(const redisReply *alerts) {
	json_t *severities = json_object();
	size_t active = 0;
	for (size_t i = 1; alerts->type == REDIS_REPLY_ARRAY && i < alerts->elements; i += 2) {
		json_t *alert = fields_parse(alerts->element[i]);
		const char *severity = json_string_value(json_object_get(alert, "severity"));
		if (severity != NULL)
			json_object_set_new(severities, severity,
				json_integer(json_integer_value(json_object_get(severities, severity)) + 1));
		active += alert != NULL;
		json_decref(alert);
	}
	return json_pack("{so so}", "active", part_number(active), "by_severity", severities);
}

// The distribution's figures without the distribution, of the shortest window.
static json_t *overview_tcp(const struct snapshot *now) {
	const struct snapshot_scope *scope = &now->scope;
	json_t *tcp = scope->windows_length > 0 ? fields_parse(snapshot_tcp(now, scope->windows_s[0])) : NULL;
	json_t *rtt = json_object_get(tcp, "rtt"), *answer = json_null();
	if (tcp != NULL)
		answer = json_pack("{sO? sO? sO? sO? sO?}", "window_s", json_object_get(tcp, "window_s"), "rtt_p50_ns",
			json_object_get(rtt, "p50_ns"), "rtt_p95_ns", json_object_get(rtt, "p95_ns"), "rtt_p99_ns",
			json_object_get(rtt, "p99_ns"), "retransmitted_share",
			json_object_get(tcp, "retransmitted_share"));
	json_decref(tcp);
	return answer;
}

static json_t *overview_totals(const struct snapshot *now) {
	json_t *totals = fields_to_json(now->total);
	json_object_del(totals, "departed");
	return totals;
}

json_t *part_overview(struct part_request *request) {
	const struct snapshot *now = request->now;
	struct overview sum = {0};
	for (size_t i = 0; i < now->scope.nodes_length; i++) {
		struct part_before before;
		part_find_before(request, i, &before);
		if (snapshot_node(now, i) != NULL)
			overview_add(&sum, snapshot_node(now, i), &before);
	}
	json_t *rates = json_pack("{sf sf sf so so}", "packets_per_s", sum.packets_per_s, "bits_per_s", sum.bits_per_s,
		"flows_per_s", sum.flows_per_s, "dropped_per_s",
		sum.knows_losses ? json_real(sum.dropped_per_s) : json_null(), "lost_outside_per_s",
		sum.knows_losses ? json_real(sum.lost_outside_per_s) : json_null());
	json_t *nodes = json_pack("{so so so}", "up", part_number(sum.up), "lost", part_number(sum.lost), "ended",
		part_number(sum.ended));
	json_t *unknown = json_pack("{so so}", "nodes", part_number(sum.unknown), "since_ns",
		sum.unknown > 0 ? part_number(sum.unknown_since_ns) : json_null());
	return json_pack("{so so so so so so so so so so s{so}}", "stored_ns", part_number(now->stored_ns), "rates",
		rates, "totals", overview_totals(now), "dropped", part_number(sum.dropped), "lost_outside",
		part_number(sum.lost_outside), "flows_live", part_number(sum.flows_live), "nodes", nodes, "alerts",
		overview_alerts(now->alerts), "tcp", overview_tcp(now), "unknown", unknown, "gaps", "missing",
		part_number(sum.missing));
}
