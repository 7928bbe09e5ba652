// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What is read back, once after the start: an earlier controller's epoch, nodes, sums, sequence numbers and alerts. If
// Redis was not there at the start, this controller has nodes of its own by then, and the two are joined. Later
// connections only find out whether Redis still has what it was given.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/departed.h"
#include "ctrlplane/log.h"
#include "ctrlplane/logic.h"
#include "ctrlplane/store_parts.h"
#include "ctrlplane/text.h"

enum {
	LOAD_WATCH,
	LOAD_META,
	LOAD_NODES,
	LOAD_TOTAL,
	LOAD_ALERTS,
	LOAD_ALERT_HISTORY,
	LOAD_DECISIONS,
	LOAD_OPEN,
	LOAD_BASELINES,
	LOAD_DEPARTED,
	LOADS_GREETING
};
enum { LOAD_NODE, LOAD_SERIES, LOAD_OPERATORS, LOAD_NODE_OPEN, LOADS_PER_NODE };

static void load_words(struct store *store, struct store_command *command, const char *name, const char *key) {
	store_word(command, "%s", name);
	store_word(command, STORE_KEY "%s", key);
	if (strcmp(name, "XREVRANGE") == 0) {
		store_word(command, "+");
		store_word(command, "-");
		store_word(command, "COUNT");
		store_word(command, "%d", ALERTS_HISTORY_MAX);
	}
	store_command_end(command);
}

static void send_password(struct store *store, struct store_command *command, const char *password) {
	store_word(command, "AUTH");
	if (store->endpoint.user[0] != '\0')
		store_word(command, "%s", store->endpoint.user);
	store_word(command, "%s", password);
	store_command_end(command);
}

uint64_t store_send_greeting(struct store *store, const char *password) {
	struct store_command command = {.redis = store->redis};
	if (password != NULL)
		send_password(store, &command, password);
	store_word(&command, "ROLE");
	store_command_end(&command);
	store->greeted = command.commands;
	load_words(store, &command, "WATCH", "meta");
	load_words(store, &command, "HGETALL", "meta");
	if (!store->is_loaded) {
		load_words(store, &command, "SMEMBERS", "nodes");
		load_words(store, &command, "HGETALL", "total");
		load_words(store, &command, "HVALS", "alerts:active");
		load_words(store, &command, "XREVRANGE", "alerts:history");
		load_words(store, &command, "XREVRANGE", "decisions");
		load_words(store, &command, "HGETALL", "history:open");
		load_words(store, &command, "HVALS", "baselines");
		load_words(store, &command, "HVALS", "departed");
	}
	store_command_fini(&command);
	return command.commands;
}

static void take_names(struct store *store, const redisReply *reply) {
	free(store->names);
	store->names_length = 0;
	store->names = calloc(reply->elements + 1, sizeof(*store->names));
	for (size_t i = 0; store->names != NULL && i < reply->elements; i++) {
		const char *name = reply->element[i]->str;
		if (name != NULL && node_name_is_valid(name) && store->names_length < STORE_NAMES_MAX)
			snprintf(store->names[store->names_length++], NODE_NAME_SIZE, "%s", name);
	}
}

uint64_t store_send_loads(struct store *store) {
	struct store_command command = {.redis = store->redis};
	if (store->is_loaded)
		return 0;
	take_names(store, store->kept[LOAD_NODES]);
	for (size_t i = 0; i < store->names_length; i++) {
		char key[NODE_NAME_SIZE + 32];
		snprintf(key, sizeof(key), "node:%s", store->names[i]);
		load_words(store, &command, "HGETALL", key);
		snprintf(key, sizeof(key), "node:%s:series", store->names[i]);
		load_words(store, &command, "HGETALL", key);
		snprintf(key, sizeof(key), "node:%s:operators", store->names[i]);
		load_words(store, &command, "GET", key);
		snprintf(key, sizeof(key), "node:%s:history:open", store->names[i]);
		load_words(store, &command, "HGETALL", key);
	}
	store_command_fini(&command);
	return command.commands;
}

// The value of a field of HGETALL's reply, "" where there is none.
static const char *field_text(const redisReply *reply, const char *prefix, const char *name) {
	size_t size = strlen(prefix);
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
		const redisReply *field = reply->element[i], *value = reply->element[i + 1];
		if (field->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
			strncmp(field->str, prefix, size) == 0 && strcmp(field->str + size, name) == 0)
			return value->str;
	}
	return "";
}

static uint64_t field_number(const redisReply *reply, const char *name) {
	return strtoull(field_text(reply, "", name), NULL, 10);
}

static void field_totals(const redisReply *reply, const char *prefix, struct totals *out) {
	for (int i = 0; i < TOTALS_FIELDS; i++)
		out->v[i] = strtoull(field_text(reply, prefix, totals_names[i]), NULL, 10);
}

// Redis was emptied, or fell back to an older copy of itself: say which stretch it no longer has.
static void note_lost_history(struct store *store, uint64_t redis_last_ms) {
	struct history *history = store->history;
	struct alerts *alerts = &store->state->alerts;
	uint64_t last_ms = history->levels[HISTORY_INTERVAL].last_id_ms;
	if (last_ms <= redis_last_ms)
		return;
	uint64_t from_ms = redis_last_ms != 0 ? redis_last_ms : history->first_ms;
	history_add_gap(history, &(struct history_gap){from_ms, last_ms, "redis lost it"});
	if (redis_last_ms == 0)
		history->first_ms = 0;
	alerts->stored = 0;
	store->state->act.stored = 0;
	log_line("redis %s: came back without %.0f s of history; writing the state again", store->text,
		(double)(last_ms - from_ms) / 1e3);
}

static void take_first_meta(struct store *store, const redisReply *reply) {
	struct history *history = store->history;
	struct history_level *level = &history->levels[HISTORY_INTERVAL];
	struct state *state = store->state;
	uint64_t last_ms = field_number(reply, "history_last_ms"), epoch = field_number(reply, "epoch");
	if (epoch >= state->epoch && epoch < INT64_MAX)
		state->epoch = epoch + 1;
	if (last_ms == 0)
		return;
	history->first_ms = field_number(reply, "history_first_ms");
	level->last_id_ms = last_ms;
	uint64_t to_ms = level->added > level->stored ? level->entries[level->stored % level->max].ms
						      : state->started_ns / NS_PER_MS;
	if (to_ms > last_ms + 2 * state->config.interval_ns / NS_PER_MS)
		history_add_gap(history, &(struct history_gap){last_ms, to_ms, "controller was away"});
	log_line("redis %s: going on from epoch %" PRIu64 ", now %" PRIu64, store->text, epoch, state->epoch);
}

static void take_meta(struct store *store, const redisReply *reply) {
	if (!store->is_loaded) {
		take_first_meta(store, reply);
		return;
	}
	store->departed_stored = STORE_NONE;
	struct state *state = store->state;
	uint64_t epoch = field_number(reply, "epoch"), started_ns = field_number(reply, "started_ns");
	// Two that began without Redis may have the same epoch: the later one stays.
	if (epoch > state->epoch || (epoch == state->epoch && started_ns > state->started_ns)) {
		log_line(STORE_FENCED, store->text, state->epoch);
		store->is_fenced = true;
	} else if (epoch == state->epoch && started_ns != 0 && started_ns < state->started_ns) {
		state->epoch++;
	}
	note_lost_history(store, field_number(reply, "history_last_ms"));
}

static void take_alerts(struct store *store, const redisReply *reply) {
	for (size_t i = 0; i < reply->elements; i++) {
		json_t *value = reply->element[i]->str != NULL ? json_loads(reply->element[i]->str, 0, NULL) : NULL;
		if (value != NULL)
			alerts_restore(&store->state->alerts, value);
		json_decref(value);
	}
}

// Entries come newest first: id, then [event, start|end, alert, JSON].
static void take_alert_history(struct store *store, const redisReply *reply) {
	if (store->state->alerts.events > 0)
		return;
	for (size_t i = reply->elements; i > 0; i--) {
		const redisReply *entry = reply->element[i - 1];
		if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->str == NULL)
			continue;
		json_t *value = json_loads(field_text(entry->element[1], "", "alert"), 0, NULL);
		bool is_end = strcmp(field_text(entry->element[1], "", "event"), "end") == 0;
		if (value != NULL)
			alerts_restore_event(&store->state->alerts, entry->element[0]->str, value, is_end);
		json_decref(value);
	}
}

static const char *decision_field(const void *context, const char *name) {
	return field_text(context, "", name);
}

static void take_decisions(struct store *store, const redisReply *reply) {
	if (store->state->act.count > 0)
		return;
	for (size_t i = reply->elements; i > 0; i--) {
		const redisReply *entry = reply->element[i - 1];
		if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->str == NULL)
			continue;
		act_restore(&store->state->act, entry->element[0]->str,
			&(struct act_source){decision_field, entry->element[1]});
	}
	act_restored(&store->state->act);
}

static void take_departed_sums(struct nodes *nodes, const redisReply *reply) {
	struct totals departed;
	field_totals(reply, "departed.", &departed);
	totals_add(&nodes->departed, &departed);
	nodes->departed_nodes += field_number(reply, "departed.nodes");
	departed_forget(nodes, field_number(reply, "departed.forgotten_ns"));
}

static void take_intervals(const redisReply *reply, const char *prefix, struct node_intervals *out) {
	uint64_t duration_ns = 0, known = out->count;
	json_t *list = json_loads(field_text(reply, prefix, "intervals"), 0, NULL), *item;
	size_t i;
	json_array_foreach(list, i, item) {
		uint64_t from_ns = (uint64_t)json_integer_value(json_object_get(item, "from_ns"));
		uint64_t to_ns = (uint64_t)json_integer_value(json_object_get(item, "to_ns"));
		node_intervals_add(out, from_ns, to_ns, (uint64_t)json_integer_value(json_object_get(item, "count")));
		duration_ns += to_ns - from_ns;
	}
	// Older ones are known by their sums alone.
	uint64_t count = strtoull(field_text(reply, prefix, "count"), NULL, 10);
	uint64_t closed_ns = strtoull(field_text(reply, prefix, "closed_ns"), NULL, 10);
	if (count > out->count - known)
		out->count = known + count;
	if (closed_ns > duration_ns)
		out->duration_ns += closed_ns - duration_ns;
	json_decref(list);
}

static enum node_state state_by_name(const char *name) {
	int state = NODE_UP;
	while (node_state_names[state] != NULL && strcmp(node_state_names[state], name) != 0)
		state++;
	return node_state_names[state] != NULL ? (enum node_state)state : NODE_LOST;
}

static void take_past(struct node *node, uint64_t incarnation) {
	if (incarnation != node->incarnation && !node_is_past(node, incarnation))
		node->past[node->past_length++ % NODE_INTERVALS_MAX] = incarnation;
}

static void take_past_list(struct node *node, const redisReply *reply) {
	json_t *list = json_loads(field_text(reply, "", "past_incarnations"), 0, NULL), *item;
	size_t i;
	json_array_foreach(list, i, item) take_past(node, (uint64_t)json_integer_value(item));
	take_past(node, field_number(reply, "incarnation"));
	json_decref(list);
}

static void take_new_node(struct node *node, const redisReply *reply) {
	node->state = state_by_name(field_text(reply, "", "state"));
	node->incarnation = node->history->noted_of = field_number(reply, "incarnation");
	text_copy(node->host, sizeof(node->host), field_text(reply, "", "host"));
	text_copy(node->version, sizeof(node->version), field_text(reply, "", "version"));
	node->pid = (uint32_t)field_number(reply, "pid");
	node->workers = (uint32_t)field_number(reply, "workers");
	node->registered_ns = field_number(reply, "registered_ns");
	node->beat_ns = field_number(reply, "beat_ns");
	node->unknown_from_ns = field_number(reply, "unknown.since_ns");
	// It has as long to be heard of again as if it had just sent a beat.
	node->beat_mono_ns = clock_mono_ns();
}

static void take_node(struct node *node, bool is_new, const redisReply *reply) {
	if (is_new)
		take_new_node(node, reply);
	struct totals finished;
	field_totals(reply, "finished.", &finished);
	totals_add(&node->finished, &finished);
	uint64_t incarnation = field_number(reply, "incarnation"), incarnations = field_number(reply, "incarnations");
	bool is_same = is_new || incarnation == node->first_incarnation;
	node->incarnations += incarnations - (!is_new && is_same ? 1 : 0);
	node->is_recalled = is_same;
	if (!is_same && state_by_name(field_text(reply, "", "state")) != NODE_ENDED)
		node_intervals_add(&node->unknown, field_number(reply, "beat_ns"), node->registered_ns, 0);
	take_past_list(node, reply);
	node->missing += field_number(reply, "gaps.missing");
	node->duplicates += field_number(reply, "duplicates");
	node->late += field_number(reply, "late");
	node->shed += field_number(reply, "shed");
	take_intervals(reply, "unknown.", &node->unknown);
	take_intervals(reply, "gaps.", &node->gaps);
}

static void take_all_series(struct node *node, const redisReply *reply) {
	for (size_t s = 0; reply->type == REDIS_REPLY_ARRAY && s + 1 < reply->elements; s += 2) {
		json_t *value = json_loads(reply->element[s + 1]->str, 0, NULL);
		store_take_series(node, reply->element[s]->str, value);
		json_decref(value);
	}
}

static void take_operators(struct node *node, const redisReply *reply) {
	json_t *value = reply->type == REDIS_REPLY_STRING ? json_loads(reply->str, 0, NULL) : NULL;
	if (value != NULL && node->operators == NULL) {
		node->operators = json_incref(json_object_get(value, "operators"));
		node->channels = json_incref(json_object_get(value, "channels"));
		node->gone = json_incref(json_object_get(value, "gone"));
	}
	json_decref(value);
}

static void take_baselines(struct state *state, const redisReply *reply) {
	for (size_t i = 0; state->logic != NULL && i < reply->elements; i++) {
		json_t *value = reply->element[i]->str != NULL ? json_loads(reply->element[i]->str, 0, NULL) : NULL;
		if (value != NULL)
			logic_restore_baseline(state->logic, state, value);
		json_decref(value);
	}
}

// One for which there is no room (nodes_max is less than it was) counts among the departed.
static void take_stored(struct store *store, const char *name, redisReply **replies) {
	struct nodes *nodes = &store->state->nodes;
	struct node *node = nodes_find(nodes, name);
	bool is_new = node == NULL, has_room = true;
	const redisReply *reply = replies[LOAD_NODE];
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return;
	if (is_new) {
		has_room = nodes_obtain(nodes, name, &node) == 0;
		if (!has_room && node_new(&node, nodes, name) != 0)
			return;
	}
	take_node(node, is_new, reply);
	take_all_series(node, replies[LOAD_SERIES]);
	take_operators(node, replies[LOAD_OPERATORS]);
	store_take_open(node->history, replies[LOAD_NODE_OPEN]);
	if (!has_room)
		departed_take(nodes, node);
}

void store_take_over(struct store *store) {
	redisReply **replies = store->kept;
	take_meta(store, replies[LOAD_META]);
	if (store->is_loaded)
		return;
	take_departed_sums(&store->state->nodes, replies[LOAD_TOTAL]);
	store_take_departed(&store->state->nodes, replies[LOAD_DEPARTED]);
	take_alerts(store, replies[LOAD_ALERTS]);
	take_alert_history(store, replies[LOAD_ALERT_HISTORY]);
	take_decisions(store, replies[LOAD_DECISIONS]);
	store_take_open(store->history, replies[LOAD_OPEN]);
	take_baselines(store->state, replies[LOAD_BASELINES]);
	for (size_t i = 0; i < store->names_length; i++)
		take_stored(store, store->names[i], store->kept + LOADS_GREETING + i * LOADS_PER_NODE);
	departed_dismiss(&store->state->nodes);
}
