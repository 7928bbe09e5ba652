// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `top`, `tcp`, `paths`, `channels` and `decisions`: as they are stored.
#include <stdlib.h>
#include <string.h>

#include "dashboard/fields.h"
#include "dashboard/part.h"

static json_t *stored_object(struct part_request *request, const redisReply *reply) {
	json_t *object = fields_parse(reply);
	if (!json_is_object(object)) {
		json_decref(object);
		return part_fail(request, 503, "\"%.64s\": the controller has not stored it", request->argument);
	}
	json_object_set_new(object, "stored_ns", part_number(request->now->stored_ns));
	return object;
}

//   return  0: no window that is stored
static uint32_t window_of(const struct part_request *request, const char *text) {
	const struct snapshot_scope *scope = &request->now->scope;
	char *end;
	unsigned long window_s = strtoul(text, &end, 10);
	for (size_t i = 0; i < scope->windows_length; i++)
		if (scope->windows_s[i] == window_s && *end == '\0' && text[0] != '0' && text[0] <= '9')
			return scope->windows_s[i];
	return 0;
}

json_t *part_top(struct part_request *request) {
	char name[SNAPSHOT_NAME_SIZE] = "";
	const char *slash = strchr(request->argument, '/');
	size_t list = 0;
	if (slash != NULL && (size_t)(slash - request->argument) < sizeof(name))
		memcpy(name, request->argument, (size_t)(slash - request->argument));
	while (list < SNAPSHOT_LISTS && strcmp(snapshot_lists[list], name) != 0)
		list++;
	uint32_t window_s = slash != NULL ? window_of(request, slash + 1) : 0;
	if (list == SNAPSHOT_LISTS || window_s == 0)
		return part_fail(request, 404,
			"top \"%.64s\": expected flows, hosts, ports, prefixes or applications, a slash and one of "
			"status.windows_s",
			request->argument);
	return stored_object(request, snapshot_top(request->now, name, window_s));
}

json_t *part_tcp(struct part_request *request) {
	uint32_t window_s = window_of(request, request->argument);
	if (window_s == 0)
		return part_fail(request, 404, "tcp \"%.64s\": expected one of status.windows_s", request->argument);
	return stored_object(request, snapshot_tcp(request->now, window_s));
}

json_t *part_paths(struct part_request *request) {
	request->argument = "paths";
	return stored_object(request, request->now->paths);
}

// A controller without a stage bandwidth stores none: that is an answer too.
json_t *part_channels(struct part_request *request) {
	request->argument = "channels";
	if (request->now->channels->type != REDIS_REPLY_NIL)
		return stored_object(request, request->now->channels);
	return json_pack("{so so s[] si s[]}", "stored_ns", part_number(request->now->stored_ns), "allocation",
		json_null(), "links", "total", 0, "channels");
}

// Entries of a stream, those that stand for missing ones apart.
static json_t *entries_of(const redisReply *stored, json_t *gaps) {
	json_t *entries = json_array();
	for (size_t i = 0; stored->type == REDIS_REPLY_ARRAY && i < stored->elements; i++) {
		const redisReply *entry = stored->element[i];
		if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2)
			continue;
		json_t *gap = part_gap(entry, "status");
		if (gap != NULL) {
			json_array_append_new(gaps, gap);
			continue;
		}
		json_t *decision = fields_to_json(entry->element[1]);
		json_object_set_new(decision, "time_ms", part_number(strtoull(entry->element[0]->str, NULL, 10)));
		json_array_append_new(entries, decision);
	}
	return entries;
}

json_t *part_decisions(struct part_request *request) {
	json_t *gaps = json_array();
	json_t *decisions = entries_of(request->now->decisions, gaps), *rates = entries_of(request->now->rates, gaps);
	return json_pack("{so so so}", "decisions", decisions, "rates", rates, "gaps", gaps);
}
