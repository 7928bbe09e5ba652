// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/part.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard/fields.h"

enum { NOT_FOUND = 404, UNAVAILABLE = 503, OK = 200 };

// A path is one of these, or one that ends in '/' and an argument. The first that fits counts.
static const struct part {
	const char *path;
	json_t *(*make)(struct part_request *request);
	bool needs_reading;
} parts_known[] = {
	{"status", part_status, false},
	{"overview", part_overview, true},
	{"nodes", part_nodes, true},
	{"nodes/", part_node, true},
	{"graph", part_graph, true},
	{"graph/", part_node_graph, true},
	{"top/", part_top, true},
	{"tcp/", part_tcp, true},
	{"paths", part_paths, true},
	{"channels", part_channels, true},
	{"decisions", part_decisions, true},
	{"alerts", part_alerts, true},
	{"alerts/history", part_alerts_history, true},
};

json_t *part_fail(struct part_request *request, unsigned status, const char *format, ...) {
	va_list arguments;
	request->status = status;
	va_start(arguments, format);
	vsnprintf(request->error, sizeof(request->error), format, arguments);
	va_end(arguments);
	return NULL;
}

json_t *part_number(uint64_t value) {
	return json_integer((json_int_t)value);
}

json_t *part_rate(uint64_t now, uint64_t before, double span_s) {
	return now >= before && span_s > 0 ? json_real((double)(now - before) / span_s) : json_null();
}

// Look for a node in an older reading.
static bool find_before(
	const struct snapshot *old, const struct part_request *request, size_t node, struct part_before *out) {
	const struct snapshot *now = request->now;
	if (old == NULL || old->stored_ns >= now->stored_ns)
		return false;
	size_t place = snapshot_find_node(old, now->scope.nodes[node]);
	const redisReply *then = place != SIZE_MAX ? snapshot_node(old, place) : NULL;
	if (then == NULL ||
		fields_number(then, "incarnation") != fields_number(snapshot_node(now, node), "incarnation"))
		return false;
	out->node = then;
	out->operators = snapshot_operators(old, place);
	out->span_s = (double)(now->stored_ns - old->stored_ns) / 1e9;
	return true;
}

void part_find_before(const struct part_request *request, size_t node, struct part_before *out) {
	*out = (struct part_before){0};
	for (size_t i = SOURCE_KEPT - 1; i > 0; i--)
		if (find_before(request->parts->source->kept[i], request, node, out))
			return;
}

json_t *part_gap(const redisReply *entry, const char *field) {
	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->str == NULL)
		return NULL;
	const char *value = fields_find(entry->element[1], field);
	if (value == NULL || strcmp(value, "gap") != 0)
		return NULL;
	return json_pack("{so so}", "time_ms", part_number(strtoull(entry->element[0]->str, NULL, 10)), "lost",
		part_number(fields_number(entry->element[1], "lost")));
}

static const struct part *part_find(const char *path, const char **argument) {
	for (size_t i = 0; i < sizeof(parts_known) / sizeof(*parts_known); i++) {
		const struct part *part = &parts_known[i];
		size_t size = strlen(part->path);
		bool takes_argument = part->path[size - 1] == '/';
		*argument = takes_argument ? path + size : "";
		if (takes_argument ? strncmp(path, part->path, size) == 0 : strcmp(path, part->path) == 0)
			return part;
	}
	return NULL;
}

static json_t *part_make(struct part_request *request, const char *path) {
	const struct source *source = request->parts->source;
	const struct part *part = part_find(path, &request->argument);
	request->now = source_now(source);
	if (part == NULL)
		return part_fail(request, NOT_FOUND, "\"%.64s\": no such path; dashboard/API.md has them all", path);
	if (part->needs_reading && (request->now == NULL || request->now->stored_ns == 0))
		return part_fail(request, UNAVAILABLE, "%s", source->reason);
	return part->make(request);
}

static void parts_clear(struct parts *parts) {
	for (size_t i = 0; i < parts->cached_length; i++)
		body_release(parts->cached[i].body);
	parts->cached_length = 0;
}

void parts_fini(struct parts *parts) {
	parts_clear(parts);
	free(parts->cached);
}

static struct body *parts_find(const struct parts *parts, const char *path, unsigned *status) {
	for (size_t i = 0; i < parts->cached_length; i++) {
		if (strcmp(parts->cached[i].path, path) == 0) {
			*status = parts->cached[i].status;
			return parts->cached[i].body;
		}
	}
	return NULL;
}

// Keep what was made until the next reading. Only paths that exist are kept, so there is a bound to them.
static void parts_keep(struct parts *parts, const char *path, unsigned status, struct body *body) {
	if (parts->cached == NULL)
		parts->cached = calloc(PARTS_CACHED_MAX, sizeof(*parts->cached));
	if (parts->cached == NULL || parts->cached_length == PARTS_CACHED_MAX || status != OK)
		return;
	struct part_cached *cached = &parts->cached[parts->cached_length++];
	snprintf(cached->path, sizeof(cached->path), "%s", path);
	cached->status = status;
	cached->body = body_keep(body);
}

struct body *parts_get(struct parts *parts, const char *path, unsigned *status) {
	struct part_request request = {.parts = parts, .status = UNAVAILABLE, .error = "out of memory"};
	if (parts->turn != parts->source->turn)
		parts_clear(parts);
	parts->turn = parts->source->turn;
	struct body *body = parts_find(parts, path, status);
	if (body != NULL)
		return body_keep(body);
	json_t *value = strlen(path) < PART_PATH_SIZE ? part_make(&request, path)
						      : part_fail(&request, NOT_FOUND, "no such path");
	*status = value != NULL ? OK : request.status;
	body = value != NULL ? body_from_json(value) : body_from_error(request.error);
	if (body != NULL)
		parts_keep(parts, path, *status, body);
	return body;
}
