// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The books of nodes that had to make room, written when they changed, with the transaction that has their sums. A
// process that comes back after a restart of the controller finds its own among them and counts once.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/departed.h"
#include "ctrlplane/store_parts.h"
#include "ctrlplane/text.h"

static json_t *number(uint64_t value) {
	return json_integer((json_int_t)value);
}

static uint64_t number_of(const json_t *object, const char *name) {
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static json_t *departed_to_json(const struct departed *departed) {
	json_t *all = json_object();
	for (size_t i = 0; i < departed->series_length; i++) {
		char path[STORE_SERIES_PATH];
		const struct series *series = &departed->series[i];
		store_series_path(series, path);
		json_object_set_new(
			all, path, store_series_to_json(series, departed->incarnation, series->sequence.contiguous));
	}
	return json_pack("{ss so so so so so}", "name", departed->name, "number", number(departed->number),
		"incarnation", number(departed->incarnation), "incarnations", number(departed->incarnations),
		"finished", totals_to_json(&departed->finished), "series", all);
}

void store_save_departed(struct store_command *command, struct store *store) {
	const struct nodes *nodes = &store->state->nodes;
	store->running.departed_changes = nodes->departed_changes;
	if (store->departed_stored == nodes->departed_changes)
		return;
	store_word(command, "DEL");
	store_word(command, STORE_KEY "departed");
	store_command_end(command);
	for (size_t i = 0; i < NODES_DEPARTED_MAX; i++) {
		const struct departed *departed = &nodes->departed_last[i];
		if (departed->name[0] == '\0')
			continue;
		json_t *value = departed_to_json(departed);
		store_word(command, "HSET");
		store_word(command, STORE_KEY "departed");
		store_word(command, "%s/%" PRIu64, departed->name, departed->incarnation);
		store_json(command, value);
		store_command_end(command);
		json_decref(value);
	}
}

// Whether this controller has heard of that process itself, before it heard of Redis.
static struct node *find_returned(const struct nodes *nodes, const struct departed *departed) {
	struct node *node = nodes_find(nodes, departed->name);
	if (node == NULL)
		return NULL;
	if (node->incarnation == departed->incarnation || node->first_incarnation == departed->incarnation)
		return node;
	if (!node_is_past(node, departed->incarnation))
		node->past[node->past_length++ % NODE_INTERVALS_MAX] = departed->incarnation;
	return NULL;
}

static void join_returned(struct nodes *nodes, struct node *node, const struct departed *departed, const json_t *all) {
	const char *path;
	json_t *value;
	departed_recall(nodes, departed);
	node->is_recalled = true;
	totals_add(&node->finished, &departed->finished);
	node->incarnations += departed->incarnations > 0 ? departed->incarnations - 1 : 0;
	json_object_foreach((json_t *)all, path, value) store_take_series(node, path, value);
}

static void parse_series(struct departed *departed, const json_t *all) {
	const char *path;
	json_t *value;
	departed->series = calloc(json_object_size(all) + 1, sizeof(*departed->series));
	json_object_foreach((json_t *)all, path, value) {
		struct series *series = &departed->series[departed->series_length];
		if (departed->series != NULL && departed->series_length < NODE_SERIES_MAX &&
			store_series_from_json(path, value, series))
			departed->series_length++;
	}
}

static void take_departed(struct nodes *nodes, const json_t *object) {
	const json_t *all = json_object_get(object, "series");
	const char *name = json_string_value(json_object_get(object, "name"));
	struct departed departed = {.number = number_of(object, "number"),
		.incarnation = number_of(object, "incarnation"),
		.incarnations = number_of(object, "incarnations")};
	if (name == NULL || !node_name_is_valid(name) || departed.number == 0)
		return;
	text_copy(departed.name, sizeof(departed.name), name);
	totals_from_json(json_object_get(object, "finished"), &departed.finished);
	parse_series(&departed, all);
	struct node *node = find_returned(nodes, &departed);
	if (node == NULL) {
		departed_restore(nodes, &departed);
		return;
	}
	join_returned(nodes, node, &departed, all);
	free(departed.series);
}

void store_take_departed(struct nodes *nodes, const redisReply *reply) {
	for (size_t i = 0; i < reply->elements; i++) {
		json_t *value = reply->element[i]->str != NULL ? json_loads(reply->element[i]->str, 0, NULL) : NULL;
		if (json_is_object(value))
			take_departed(nodes, value);
		json_decref(value);
	}
}
