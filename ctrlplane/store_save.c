// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What is written: all of it, every interval, as absolute values, so that a repeat after a broken connection is
// harmless and an emptied Redis is whole again one interval later. api/redis.md says the same for readers.
#include <inttypes.h>
#include <stdio.h>

#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/logic.h"
#include "ctrlplane/query.h"
#include "ctrlplane/store.h"
#include "ctrlplane/store_parts.h"

static void save_simple(struct store_command *command, const char *name, const char *key) {
	store_word(command, "%s", name);
	store_word(command, STORE_KEY "%s", key);
	store_command_end(command);
}

void store_save_expiry(struct store_command *command, const char *key, unsigned keep_s) {
	store_word(command, "EXPIRE");
	store_word(command, STORE_KEY "%s", key);
	store_word(command, "%u", keep_s);
	store_command_end(command);
}

void store_start_entry(struct store_command *command, const char *key, uint32_t length, uint64_t id_ms, uint64_t id_n) {
	store_word(command, "XADD");
	store_word(command, STORE_KEY "%s", key);
	store_word(command, "MAXLEN");
	store_word(command, "~");
	store_word(command, "%u", length);
	store_word(command, "%" PRIu64 "-%" PRIu64, id_ms, id_n);
}

static void save_windows(struct store_command *command, const struct config *config) {
	json_t *windows = json_array();
	for (size_t i = 0; i < config->windows_length; i++)
		json_array_append_new(windows, json_integer(config->windows_s[i]));
	store_word(command, "windows_s");
	store_json(command, windows);
	json_decref(windows);
}

static void save_meta(struct store_command *command, const struct store *store) {
	const struct history_level *level = &store->history->levels[HISTORY_INTERVAL];
	store_word(command, "HSET");
	store_word(command, STORE_KEY "meta");
	store_number(command, "version", 1);
	store_word(command, "weir_version");
	store_word(command, WEIR_VERSION);
	store_number(command, "epoch", store->state->epoch);
	store_number(command, "started_ns", store->state->started_ns);
	store_number(command, "stored_ns", store->running.stored_ns);
	store_number(command, "interval_ns", store->state->config.interval_ns);
	save_windows(command, &store->state->config);
	store_number(command, "history_first_ms", store->history->first_ms);
	store_number(command, "history_last_ms", level->storing_id_ms);
	for (int i = 0; i < ACCESS_REFUSALS; i++) {
		store_word(command, "refused.%s", access_refusal_names[i]);
		store_word(command, "%" PRIu64, store->state->access.refused[i]);
	}
	store_command_end(command);
}

static void save_total(struct store_command *command, struct state *state) {
	struct totals totals;
	aggregate_totals(&state->nodes, &totals);
	json_t *object = totals_to_json(&totals), *departed = totals_to_json(&state->nodes.departed);
	save_simple(command, "DEL", "total");
	store_word(command, "HSET");
	store_word(command, STORE_KEY "total");
	store_members(command, "", object);
	store_members(command, "departed.", departed);
	store_number(command, "departed.nodes", state->nodes.departed_nodes);
	store_number(command, "departed.forgotten_ns", state->nodes.forgotten_ns);
	store_command_end(command);
	json_decref(object);
	json_decref(departed);
}

static void save_series(struct store_command *command, struct node *node) {
	char key[NODE_NAME_SIZE + 32];
	snprintf(key, sizeof(key), "node:%s:series", node->name);
	save_simple(command, "DEL", key);
	if (node->series_length == 0)
		return;
	store_word(command, "HSET");
	store_word(command, STORE_KEY "%s", key);
	for (size_t i = 0; i < node->series_length; i++) {
		struct series *series = &node->series[i];
		series->storing = series->sequence.contiguous;
		char path[STORE_SERIES_PATH];
		store_series_path(series, path);
		json_t *value = store_series_to_json(series, node->incarnation, series->storing);
		store_word(command, "%s", path);
		store_json(command, value);
		json_decref(value);
	}
	store_command_end(command);
	store_save_expiry(command, key, STORE_NODE_KEEP_S);
}

static void save_operators(struct store_command *command, const struct node *node) {
	if (node->operators == NULL)
		return;
	json_t *value = json_pack("{sO sO? sO? sO?}", "operators", node->operators, "channels", node->channels,
		"topology", node->topology, "gone", node->gone);
	store_word(command, "SET");
	store_word(command, STORE_KEY "node:%s:operators", node->name);
	store_json(command, value);
	store_word(command, "EX");
	store_word(command, "%d", STORE_NODE_KEEP_S);
	store_command_end(command);
	json_decref(value);
}

static void save_node(struct store_command *command, struct store *store, struct node *node) {
	char key[NODE_NAME_SIZE + 32];
	snprintf(key, sizeof(key), "node:%s", node->name);
	json_t *object = query_node(store->state, node), *finished = totals_to_json(&node->finished);
	store_word(command, "SADD");
	store_word(command, STORE_KEY "nodes");
	store_word(command, "%s", node->name);
	store_command_end(command);
	save_simple(command, "DEL", key);
	store_word(command, "HSET");
	store_word(command, STORE_KEY "%s", key);
	store_members(command, "", object);
	store_members(command, "finished.", finished);
	store_command_end(command);
	store_save_expiry(command, key, STORE_NODE_KEEP_S);
	json_decref(object);
	json_decref(finished);
	save_series(command, node);
	save_operators(command, node);
}

// A value that goes by itself where nobody renews it.
//   value  taken; NULL: there is none
static void save_passing(struct store_command *command, const char *key, json_t *value) {
	if (value == NULL)
		return;
	store_word(command, "SET");
	store_word(command, "%s", key);
	store_json(command, value);
	store_word(command, "EX");
	store_word(command, "%d", STORE_TOP_KEEP_S);
	store_command_end(command);
	json_decref(value);
}

static void save_list(struct store_command *command, struct state *state, const struct query_top *top) {
	char key[sizeof(STORE_KEY "top::") + NODE_NAME_SIZE + 10];
	snprintf(key, sizeof(key), STORE_KEY "top:%s:%" PRIu32,
		top->view != NULL ? top->view->name : list_types[top->kind].name, top->window_s);
	save_passing(command, key, query_top(state, top));
}

static void save_top(struct store_command *command, struct state *state) {
	for (size_t i = 0; i < state->views.length; i++) {
		const struct view *view = &state->views.list[i];
		save_list(command, state,
			&(struct query_top){.kind = view->kind,
				.view = view,
				.window_s = view->window_s,
				.limit = view->list_length});
	}
	for (size_t w = 0; w < state->config.windows_length; w++) {
		for (int kind = 0; kind < LISTS_SHOWN; kind++) {
			struct query_top top = {.kind = (enum list_kind)kind,
				.window_s = state->config.windows_s[w],
				.limit = state->config.list_length};
			save_list(command, state, &top);
		}
	}
}

static void save_tcp(struct store_command *command, struct state *state) {
	for (size_t w = 0; w < state->config.windows_length; w++) {
		uint32_t window_s = state->config.windows_s[w];
		char key[sizeof(STORE_KEY "tcp:") + 10];
		snprintf(key, sizeof(key), STORE_KEY "tcp:%" PRIu32, window_s);
		save_passing(command, key, query_tcp(state, window_s, state->config.list_length, NULL));
	}
}

struct store_lost store_lost(const struct store *store) {
	const struct alerts *alerts = &store->state->alerts;
	const struct act *act = &store->state->act;
	struct store_lost lost = {0};
	if (alerts->events > alerts->stored + ALERTS_HISTORY_MAX)
		lost.events = alerts->events - alerts->stored - ALERTS_HISTORY_MAX;
	if (act->events_count > act->stored + ACT_EVENTS_MAX)
		lost.decisions = act->events_count - act->stored - ACT_EVENTS_MAX;
	return lost;
}

// What stands for entries that were given up. Their ids were between the last one stored and that of the next entry:
// the greatest of these is free.
struct gap {
	const char *key, *field;
	uint32_t length;
	uint64_t next_ms, next_n;
};

static void save_gap(struct store_command *command, const struct gap *gap, uint64_t lost) {
	if (lost == 0)
		return;
	if (gap->next_n > 0)
		store_start_entry(command, gap->key, gap->length, gap->next_ms, gap->next_n - 1);
	else
		store_start_entry(command, gap->key, gap->length, gap->next_ms - 1, INT64_MAX);
	store_word(command, "%s", gap->field);
	store_word(command, "gap");
	store_number(command, "lost", lost);
	store_command_end(command);
}

static void save_active_alerts(struct store_command *command, const struct alerts *alerts) {
	save_simple(command, "DEL", "alerts:active");
	for (size_t i = 0; i < alerts->active_length; i++) {
		json_t *value = alert_to_json(&alerts->active[i]);
		store_word(command, "HSET");
		store_word(command, STORE_KEY "alerts:active");
		store_word(command, "%s", alerts->active[i].id);
		store_json(command, value);
		store_command_end(command);
		json_decref(value);
	}
}

static void save_alert_events(struct store_command *command, const struct alerts *alerts, uint64_t lost) {
	const struct alert_event *first = &alerts->history[(alerts->stored + lost) % ALERTS_HISTORY_MAX];
	struct gap gap = {"alerts:history", "event", STORE_ALERTS_HISTORY, first->id_ms, first->id_n};
	save_gap(command, &gap, lost);
	for (uint64_t i = alerts->stored + lost; i < alerts->events; i++) {
		const struct alert_event *event = &alerts->history[i % ALERTS_HISTORY_MAX];
		json_t *value = alert_to_json(&event->alert);
		store_start_entry(command, "alerts:history", STORE_ALERTS_HISTORY, event->id_ms, event->id_n);
		store_word(command, "event");
		store_word(command, "%s", event->is_end ? "end" : "start");
		store_word(command, "alert");
		store_json(command, value);
		store_command_end(command);
		json_decref(value);
	}
}

static bool is_about_rates(const json_t *decision) {
	const char *verb = json_string_value(json_object_get(decision, "command"));
	return verb != NULL && strcmp(verb, "rates") == 0;
}

// Rates change with what channels offer: in a stream of their own, they push nothing else out.
static void start_rates(struct store_command *command) {
	store_word(command, "XADD");
	store_word(command, STORE_KEY "decisions:rates");
	store_word(command, "MAXLEN");
	store_word(command, "~");
	store_word(command, "%d", STORE_RATES);
	store_word(command, "*");
}

static void save_decisions(struct store_command *command, const struct act *act, uint64_t lost) {
	const struct act_event *first = &act->events[(act->stored + lost) % ACT_EVENTS_MAX];
	struct gap gap = {"decisions", "status", STORE_DECISIONS, first->id_ms, first->id_n};
	save_gap(command, &gap, lost);
	for (uint64_t i = act->stored + lost; i < act->events_count; i++) {
		const struct act_event *event = &act->events[i % ACT_EVENTS_MAX];
		if (is_about_rates(event->decision))
			start_rates(command);
		else
			store_start_entry(command, "decisions", STORE_DECISIONS, event->id_ms, event->id_n);
		store_members(command, "", event->decision);
		store_command_end(command);
	}
}

static void save_baselines(struct store_command *command, const struct state *state) {
	struct logic *logic = state->logic;
	if (logic == NULL || logic->evaluations < logic->stored_evaluations + LOGIC_STORED)
		return;
	logic->stored_evaluations = logic->evaluations;
	save_simple(command, "DEL", "baselines");
	for (size_t i = 0; i < logic->length; i++) {
		json_t *value = logic_baseline_to_json(logic, state, i);
		if (value == NULL)
			continue;
		store_word(command, "HSET");
		store_word(command, STORE_KEY "baselines");
		store_word(command, "%s/%s", logic->baselines[i].rule, logic->baselines[i].subject);
		store_json(command, value);
		store_command_end(command);
		json_decref(value);
	}
}

uint64_t store_send_save(struct store *store, bool is_whole) {
	struct state *state = store->state;
	struct store_command command = {.redis = store->redis};
	store->running = (struct store_running){.events = state->alerts.events,
		.decisions = state->act.events_count,
		.lost = store_lost(store),
		.stored_ns = clock_wall_ns()};
	state->unstored = 0;
	store_word(&command, "MULTI");
	store_command_end(&command);
	store_save_histories(&command, store);
	save_meta(&command, store);
	save_total(&command, state);
	store_save_departed(&command, store);
	save_simple(&command, "DEL", "nodes");
	for (size_t i = 0; i < state->nodes.length; i++)
		save_node(&command, store, state->nodes.list[i]);
	if (is_whole) {
		save_top(&command, state);
		save_tcp(&command, state);
		save_passing(&command, STORE_KEY "paths", query_paths(state, state->config.list_length));
		save_passing(&command, STORE_KEY "channels", query_channels(state, QUERY_CHANNELS_MAX));
		save_baselines(&command, state);
	}
	save_active_alerts(&command, &state->alerts);
	save_alert_events(&command, &state->alerts, store->running.lost.events);
	save_decisions(&command, &state->act, store->running.lost.decisions);
	store_word(&command, "EXEC");
	store_command_end(&command);
	// The next transaction comes to nothing if another controller writes from here on; who wrote before is read.
	save_simple(&command, "WATCH", "meta");
	store_word(&command, "HGET");
	store_word(&command, STORE_KEY "meta");
	store_word(&command, "epoch");
	store_command_end(&command);
	store_command_fini(&command);
	return command.err == 0 ? command.commands : 0;
}
