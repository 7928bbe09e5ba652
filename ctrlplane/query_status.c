// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `status` and `operators`.
#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/log.h"
#include "ctrlplane/query.h"
#include "ctrlplane/stages.h"
#include "ctrlplane/store.h"

static json_t *number(uint64_t value) {
	return json_integer((json_int_t)value);
}

static json_t *query_rates(struct state *state, const struct node *node) {
	double rates[TOTALS_FIELDS];
	aggregate_rates(&(struct aggregate_scope){.nodes = &state->nodes,
				.node = node,
				.length = (uint32_t)(QUERY_RATE_S * NS_PER_S / state->nodes.interval_ns),
				.mono_ns = clock_mono_ns()},
		rates);
	return json_pack("{sf sf sf}", "packets_per_s", rates[TOTALS_PACKETS], "bits_per_s", 8 * rates[TOTALS_BYTES],
		"flows_per_s", rates[TOTALS_FLOWS_STARTED]);
}

static json_t *query_intervals(const struct node_intervals *intervals) {
	json_t *list = json_array();
	uint64_t first = intervals->count > NODE_INTERVALS_MAX ? intervals->count - NODE_INTERVALS_MAX : 0;
	for (uint64_t i = first; i < intervals->count; i++) {
		const struct node_interval *interval = &intervals->last[i % NODE_INTERVALS_MAX];
		json_array_append_new(list, json_pack("{so so so}", "from_ns", number(interval->from_ns), "to_ns",
						    number(interval->to_ns), "count", number(interval->count)));
	}
	return list;
}

static json_t *query_past(const struct node *node) {
	json_t *list = json_array();
	uint64_t first = node->past_length > NODE_INTERVALS_MAX ? node->past_length - NODE_INTERVALS_MAX : 0;
	for (uint64_t i = first; i < node->past_length; i++)
		json_array_append_new(list, number(node->past[i % NODE_INTERVALS_MAX]));
	return list;
}

json_t *query_node(struct state *state, const struct node *node) {
	uint64_t now_ns = clock_wall_ns();
	struct totals totals;
	node_totals(node, &totals);
	json_t *unknown = json_pack("{so so so so so}", "since_ns",
		node->unknown_from_ns != 0 ? number(node->unknown_from_ns) : json_null(), "duration_ns",
		number(node_unknown_ns(node, now_ns)), "closed_ns", number(node->unknown.duration_ns), "count",
		number(node->unknown.count), "intervals", query_intervals(&node->unknown));
	json_t *gaps = json_pack("{so so so}", "missing", number(node->missing), "count", number(node->gaps.count),
		"intervals", query_intervals(&node->gaps));
	bool is_up = node->state == NODE_UP;
	json_t *object = json_pack("{ss ss ss ss sI sI sI sI}", "name", node->name, "state",
		node_state_names[node->state], "host", node->host, "version", node->version, "pid",
		(json_int_t)node->pid, "workers", (json_int_t)node->workers, "incarnation",
		(json_int_t)node->incarnation, "incarnations", (json_int_t)node->incarnations);
	json_object_set_new(object, "past_incarnations", query_past(node));
	// What a lost node does now is not known: no number rather than an old one.
	json_object_set_new(object, "rates", is_up ? query_rates(state, node) : json_null());
	json_object_set_new(object, "flows_live", is_up ? number(node_flows_live(node)) : json_null());
	json_object_set_new(object, "totals", totals_to_json(&totals));
	json_object_set_new(object, "unknown", unknown);
	json_object_set_new(object, "gaps", gaps);
	json_object_set_new(object, "registered_ns", number(node->registered_ns));
	json_object_set_new(object, "beat_ns", number(node->beat_ns));
	json_object_set_new(object, "missed_beats", number(node->missed));
	json_object_set_new(object, "clock_offset_ns",
		node->is_elsewhen ? json_integer((json_int_t)node->clock_offset_ns) : json_null());
	json_object_set_new(object, "duplicates", number(node->duplicates));
	json_object_set_new(object, "late", number(node->late));
	json_object_set_new(object, "shed", number(node->shed));
	json_object_set_new(object, "dropped", number(node_counted(node, "dropped")));
	json_object_set_new(object, "lost_outside", number(node_counted(node, "lost_outside")));
	json_object_set(object, "uplink", node->uplink != NULL ? node->uplink : json_null());
	return object;
}

static json_t *query_controller(const struct state *state, uint64_t now_ns) {
	const struct state_counters *c = &state->counters;
	json_t *messages = json_pack("{so so so so so so so}", "received", number(c->messages), "taken",
		number(c->taken), "malformed", number(c->malformed), "refused", number(c->refused), "unregistered",
		number(c->unregistered), "undeliverable", number(c->undeliverable), "forged_epochs",
		number(c->forged_epochs));
	json_t *refused = json_object();
	for (int i = 0; i < ACCESS_REFUSALS; i++)
		json_object_set_new(refused, access_refusal_names[i], number(state->access.refused[i]));
	json_t *windows = json_array();
	for (size_t i = 0; i < state->config.windows_length; i++)
		json_array_append_new(windows, number(state->config.windows_s[i]));
	json_t *connections =
		json_pack("{so so}", "accepted", number(state->access.accepted), "ended", number(state->access.ended));
	json_t *keys = state->access.is_guarded ? number(state->access.length) : json_null();
	return json_pack("{ss so so so so ss so so so so so so}", "version", WEIR_VERSION, "epoch",
		number(state->epoch), "started_ns", number(state->started_ns), "now_ns", number(now_ns), "clock_steps",
		number(state->clock.steps), "listen", state->config.listen, "messages", messages, "connections",
		connections, "allowed_keys", keys, "refused_connections", refused, "windows_s", windows, "log_lost",
		number(log_lost()));
}

json_t *query_status(struct state *state) {
	json_t *nodes = json_array();
	uint64_t live = 0;
	for (size_t i = 0; i < state->nodes.length; i++) {
		json_array_append_new(nodes, query_node(state, state->nodes.list[i]));
		live += node_flows_live(state->nodes.list[i]);
	}
	struct totals totals;
	aggregate_totals(&state->nodes, &totals);
	return json_pack("{so so so so s{so so} so so so so so}", "controller",
		query_controller(state, clock_wall_ns()), "redis", store_status(state->store), "rates",
		query_rates(state, NULL), "totals", totals_to_json(&totals), "repeated", "packets",
		number(state->nodes.repeated_packets), "bytes", number(state->nodes.repeated_bytes), "flows_live",
		number(live), "departed_nodes", number(state->nodes.departed_nodes), "nodes", nodes, "alerts_active",
		number(state->alerts.active_length), "stages",
		state->stages != NULL ? stages_status(state->stages) : json_array());
}

json_t *query_operators(struct state *state, const struct node *only) {
	json_t *nodes = json_array();
	for (size_t i = 0; i < state->nodes.length; i++) {
		const struct node *node = state->nodes.list[i];
		if (only != NULL && node != only)
			continue;
		json_array_append_new(
			nodes, json_pack("{ss ss sO? sO? sO? sO?}", "name", node->name, "state",
				       node_state_names[node->state], "operators", node->operators, "channels",
				       node->channels, "pipelines", node->pipelines, "topology", node->topology));
	}
	return json_pack("{so}", "nodes", nodes);
}
