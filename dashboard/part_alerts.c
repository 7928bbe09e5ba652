// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `alerts`: what fires now, and what the stored history remembers.
#include <stdlib.h>
#include <string.h>

#include "dashboard/fields.h"
#include "dashboard/part.h"

static json_int_t start_of(const json_t *alert) {
	return json_integer_value(json_object_get(alert, "start_ns"));
}

static int compare_starts(const void *a, const void *b) {
	json_int_t left = start_of(*(json_t *const *)a), right = start_of(*(json_t *const *)b);
	return (left < right) - (left > right);
}

// The alerts of an array, latest start first.
static json_t *sorted(json_t *alerts) {
	size_t length = json_array_size(alerts);
	json_t **list = length > 0 ? malloc(length * sizeof(*list)) : NULL;
	if (list == NULL)
		return alerts;
	for (size_t i = 0; i < length; i++)
		list[i] = json_incref(json_array_get(alerts, i));
	qsort(list, length, sizeof(*list), compare_starts);
	for (size_t i = 0; i < length; i++)
		json_array_set_new(alerts, i, list[i]);
	free(list);
	return alerts;
}

json_t *part_alerts(struct part_request *request) {
	const redisReply *stored = request->now->alerts;
	json_t *active = json_array();
	for (size_t i = 1; stored->type == REDIS_REPLY_ARRAY && i < stored->elements; i += 2) {
		json_t *alert = fields_parse(stored->element[i]);
		if (alert != NULL)
			json_array_append_new(active, alert);
	}
	return json_pack("{so}", "active", sorted(active));
}

// Whether an entry of the history is about an alert that a later entry was about.
static bool was_seen(json_t *seen, const char *id) {
	if (json_object_get(seen, id) != NULL)
		return true;
	json_object_set_new(seen, id, json_true());
	return false;
}

static bool is_active(const struct part_request *request, const char *id) {
	const redisReply *active = request->now->alerts;
	for (size_t i = 0; active->type == REDIS_REPLY_ARRAY && i + 1 < active->elements; i += 2)
		if (active->element[i]->str != NULL && strcmp(active->element[i]->str, id) == 0)
			return true;
	return false;
}

// An end may be missing from the history: what is not active has ended. A history that is older or newer than the
// reading says nothing about that.
static const char *state_of(const struct part_request *request, const char *event, const char *id) {
	if (event != NULL && strcmp(event, "end") == 0)
		return "ended";
	return is_active(request, id) || !source_alerts_are_current(request->parts->source) ? "active" : "unknown";
}

static json_t *history_alert(const struct part_request *request, const redisReply *entry, json_t *seen) {
	const redisReply *fields = entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 ? entry->element[1] : NULL;
	const char *text = fields_find(fields, "alert"), *event = fields_find(fields, "event");
	json_t *alert = text != NULL ? json_loads(text, 0, NULL) : NULL;
	const char *id = json_string_value(json_object_get(alert, "id"));
	if (id == NULL || was_seen(seen, id)) {
		json_decref(alert);
		return NULL;
	}
	json_object_set_new(alert, "state", json_string(state_of(request, event, id)));
	return alert;
}

json_t *part_alerts_history(struct part_request *request) {
	const redisReply *stored = request->parts->source->alerts_history;
	json_t *alerts = json_array(), *gaps = json_array(), *seen = json_object();
	for (size_t i = 0; stored != NULL && stored->type == REDIS_REPLY_ARRAY && i < stored->elements; i++) {
		json_t *gap = part_gap(stored->element[i], "event");
		json_t *alert = gap == NULL ? history_alert(request, stored->element[i], seen) : NULL;
		if (gap != NULL)
			json_array_append_new(gaps, gap);
		else if (alert != NULL)
			json_array_append_new(alerts, alert);
	}
	json_decref(seen);
	return json_pack("{so so}", "alerts", sorted(alerts), "gaps", gaps);
}
