// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/snapshot.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "dashboard/fields.h"

#define KEY "weir:1:"

const char *const snapshot_lists[SNAPSHOT_LISTS] = {"flows", "hosts", "ports", "prefixes", "applications"};
const char *const snapshot_resolutions[SNAPSHOT_RESOLUTIONS] = {"1s", "1m", "1h"};
const char *const snapshot_history_ends[SNAPSHOT_RESOLUTIONS] = {"", ":1m", ":1h"};

// Places in the reply: these, then for each window its lists and tcp, then for each node two.
enum {
	AT_META,
	AT_TOTAL,
	AT_NODES,
	AT_ALERTS,
	AT_NEWEST_ALERT,
	AT_PATHS,
	AT_CHANNELS,
	AT_LATEST,
	AT_DECISIONS,
	AT_RATES,
	AT_OLDEST,
	AT_WINDOWS = AT_OLDEST + SNAPSHOT_RESOLUTIONS,
	PER_WINDOW = SNAPSHOT_LISTS + 1,
	PER_NODE = 2,
};

static size_t place_of_window(size_t window) {
	return AT_WINDOWS + window * PER_WINDOW;
}

static size_t place_of_node(const struct snapshot_scope *scope, size_t node) {
	return place_of_window(scope->windows_length) + node * PER_NODE;
}

void snapshot_ask(const struct snapshot_scope *scope, struct redis_link *link) {
	redis_link_append(link, "MULTI");
	redis_link_append(link, "HGETALL " KEY "meta");
	redis_link_append(link, "HGETALL " KEY "total");
	redis_link_append(link, "SMEMBERS " KEY "nodes");
	redis_link_append(link, "HGETALL " KEY "alerts:active");
	redis_link_append(link, "XREVRANGE " KEY "alerts:history + - COUNT 1");
	redis_link_append(link, "GET " KEY "paths");
	redis_link_append(link, "GET " KEY "channels");
	redis_link_append(link, "XREVRANGE " KEY "history + - COUNT 1");
	redis_link_append(link, "XREVRANGE " KEY "decisions + - COUNT %d", SNAPSHOT_DECISIONS);
	redis_link_append(link, "XREVRANGE " KEY "decisions:rates + - COUNT %d", SNAPSHOT_DECISIONS);
	for (size_t i = 0; i < SNAPSHOT_RESOLUTIONS; i++)
		redis_link_append(link, "XRANGE " KEY "history%s - + COUNT 1", snapshot_history_ends[i]);
	for (size_t w = 0; w < scope->windows_length; w++) {
		char window[16];
		snprintf(window, sizeof(window), "%u", scope->windows_s[w]);
		for (size_t i = 0; i < SNAPSHOT_LISTS; i++)
			redis_link_append(link, "GET " KEY "top:%s:%s", snapshot_lists[i], window);
		redis_link_append(link, "GET " KEY "tcp:%s", window);
	}
	for (size_t i = 0; i < scope->nodes_length; i++) {
		redis_link_append(link, "HGETALL " KEY "node:%s", scope->nodes[i]);
		redis_link_append(link, "GET " KEY "node:%s:operators", scope->nodes[i]);
	}
	redis_link_append(link, "EXEC");
}

static const char *transaction_error(const redisReply *reply, size_t length) {
	if (reply->type == REDIS_REPLY_ERROR)
		return reply->str;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != length)
		return "an unexpected answer to a transaction";
	for (size_t i = 0; i < length; i++)
		if (reply->element[i]->type == REDIS_REPLY_ERROR)
			return reply->element[i]->str;
	return NULL;
}

struct snapshot *snapshot_new(const struct snapshot_scope *scope, redisReply *reply, char *error) {
	const char *why = transaction_error(reply, place_of_node(scope, scope->nodes_length));
	struct snapshot *snapshot = why == NULL ? calloc(1, sizeof(*snapshot)) : NULL;
	if (snapshot == NULL) {
		snprintf(error, LINK_ERROR_SIZE, "%s", why != NULL ? why : "out of memory");
		freeReplyObject(reply);
		return NULL;
	}
	snapshot->scope = *scope;
	snapshot->reply = reply;
	snapshot->meta = reply->element[AT_META];
	snapshot->total = reply->element[AT_TOTAL];
	snapshot->alerts = reply->element[AT_ALERTS];
	snapshot->newest_alert = reply->element[AT_NEWEST_ALERT];
	snapshot->paths = reply->element[AT_PATHS];
	snapshot->channels = reply->element[AT_CHANNELS];
	snapshot->latest = reply->element[AT_LATEST];
	snapshot->decisions = reply->element[AT_DECISIONS];
	snapshot->rates = reply->element[AT_RATES];
	for (size_t i = 0; i < SNAPSHOT_RESOLUTIONS; i++)
		snapshot->oldest[i] = reply->element[AT_OLDEST + i];
	snapshot->stored_ns = fields_number(snapshot->meta, "stored_ns");
	snapshot->interval_ns = fields_number(snapshot->meta, "interval_ns");
	snapshot->epoch = fields_number(snapshot->meta, "epoch");
	snapshot->read_mono_ns = clock_mono_ns();
	return snapshot;
}

void snapshot_free(struct snapshot *snapshot) {
	if (snapshot == NULL)
		return;
	freeReplyObject(snapshot->reply);
	free(snapshot);
}

static int compare_names(const void *a, const void *b) {
	return strcmp(a, b);
}

static void learn_nodes(const redisReply *names, struct snapshot_scope *out) {
	for (size_t i = 0; names->type == REDIS_REPLY_ARRAY && i < names->elements; i++) {
		const redisReply *name = names->element[i];
		if (name->type != REDIS_REPLY_STRING || strlen(name->str) >= SNAPSHOT_NAME_SIZE ||
			strlen(name->str) != (size_t)name->len || out->nodes_length == SNAPSHOT_NODES_MAX)
			continue;
		strcpy(out->nodes[out->nodes_length++], name->str);
	}
	qsort(out->nodes, out->nodes_length, sizeof(out->nodes[0]), compare_names);
}

void snapshot_learn(const struct snapshot *snapshot, struct snapshot_scope *out) {
	memset(out, 0, sizeof(*out));
	learn_nodes(snapshot->reply->element[AT_NODES], out);
	const char *text = fields_find(snapshot->meta, "windows_s");
	json_t *windows = text != NULL ? json_loads(text, 0, NULL) : NULL;
	for (size_t i = 0; i < json_array_size(windows) && i < SNAPSHOT_WINDOWS_MAX; i++) {
		json_int_t window_s = json_integer_value(json_array_get(windows, i));
		if (window_s > 0 && window_s <= UINT32_MAX)
			out->windows_s[out->windows_length++] = (uint32_t)window_s;
	}
	json_decref(windows);
}

bool snapshot_scope_equal(const struct snapshot_scope *a, const struct snapshot_scope *b) {
	return a->nodes_length == b->nodes_length && a->windows_length == b->windows_length &&
	       memcmp(a->windows_s, b->windows_s, a->windows_length * sizeof(a->windows_s[0])) == 0 &&
	       memcmp(a->nodes, b->nodes, a->nodes_length * sizeof(a->nodes[0])) == 0;
}

static const redisReply *if_stored(const redisReply *reply) {
	return reply->type == REDIS_REPLY_NIL || (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0) ? NULL
													    : reply;
}

const redisReply *snapshot_node(const struct snapshot *snapshot, size_t node) {
	return if_stored(snapshot->reply->element[place_of_node(&snapshot->scope, node)]);
}

const redisReply *snapshot_operators(const struct snapshot *snapshot, size_t node) {
	return if_stored(snapshot->reply->element[place_of_node(&snapshot->scope, node) + 1]);
}

static size_t find_window(const struct snapshot_scope *scope, uint32_t window_s) {
	size_t window = 0;
	while (window < scope->windows_length && scope->windows_s[window] != window_s)
		window++;
	return window;
}

const redisReply *snapshot_top(const struct snapshot *snapshot, const char *list, uint32_t window_s) {
	size_t window = find_window(&snapshot->scope, window_s), i = 0;
	while (i < SNAPSHOT_LISTS && strcmp(snapshot_lists[i], list) != 0)
		i++;
	if (window == snapshot->scope.windows_length || i == SNAPSHOT_LISTS)
		return NULL;
	return if_stored(snapshot->reply->element[place_of_window(window) + i]);
}

const redisReply *snapshot_tcp(const struct snapshot *snapshot, uint32_t window_s) {
	size_t window = find_window(&snapshot->scope, window_s);
	if (window == snapshot->scope.windows_length)
		return NULL;
	return if_stored(snapshot->reply->element[place_of_window(window) + SNAPSHOT_LISTS]);
}

size_t snapshot_find_node(const struct snapshot *snapshot, const char *name) {
	const struct snapshot_scope *scope = &snapshot->scope;
	const void *found = bsearch(name, scope->nodes, scope->nodes_length, sizeof(scope->nodes[0]), compare_names);
	return found != NULL ? (size_t)((const char(*)[SNAPSHOT_NAME_SIZE])found - scope->nodes) : SIZE_MAX;
}

uint64_t snapshot_entry_ms(const redisReply *entries) {
	if (entries->type != REDIS_REPLY_ARRAY || entries->elements == 0 ||
		entries->element[0]->type != REDIS_REPLY_ARRAY || entries->element[0]->elements < 1 ||
		entries->element[0]->element[0]->type != REDIS_REPLY_STRING)
		return 0;
	return strtoull(entries->element[0]->element[0]->str, NULL, 10);
}
