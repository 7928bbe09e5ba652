// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/fields.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_SIZE = 128 };

// Fields that are text whatever they look like: somebody may call a node 7.
static const char *const text_fields[] = {
	"name", "host", "version", "state", "weir_version", "reason", "node", "id", "command", "target", "value"};

static bool is_map(const redisReply *reply) {
	return reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements % 2 == 0;
}

const char *fields_find(const redisReply *reply, const char *name) {
	for (size_t i = 0; is_map(reply) && i < reply->elements; i += 2)
		if (reply->element[i]->type == REDIS_REPLY_STRING && strcmp(reply->element[i]->str, name) == 0 &&
			reply->element[i + 1]->type == REDIS_REPLY_STRING)
			return reply->element[i + 1]->str;
	return NULL;
}

uint64_t fields_number(const redisReply *reply, const char *name) {
	const char *text = fields_find(reply, name);
	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static bool is_text(const char *name) {
	for (size_t i = 0; i < sizeof(text_fields) / sizeof(*text_fields); i++)
		if (strcmp(name, text_fields[i]) == 0)
			return true;
	return false;
}

static json_t *field_value(const char *name, const redisReply *reply) {
	json_t *value = NULL;
	if (!is_text(name))
		value = json_loadb(reply->str, reply->len, JSON_DECODE_ANY, NULL);
	return value != NULL ? value : json_stringn(reply->str, reply->len);
}

// Put a value where its name says, making the objects on the way.
static void field_place(json_t *object, const char *name, json_t *value) {
	char part[FIELD_SIZE];
	for (const char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - name), name);
		json_t *inner = json_object_get(object, part);
		if (!json_is_object(inner)) {
			inner = json_object();
			json_object_set_new(object, part, inner);
		}
		object = inner;
	}
	json_object_set_new(object, name, value);
}

json_t *fields_to_json(const redisReply *reply) {
	json_t *object = json_object();
	for (size_t i = 0; is_map(reply) && i < reply->elements; i += 2) {
		const redisReply *name = reply->element[i], *value = reply->element[i + 1];
		if (name->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING)
			field_place(object, name->str, field_value(name->str, value));
	}
	return object;
}

json_t *fields_parse(const redisReply *reply) {
	return reply != NULL && reply->type == REDIS_REPLY_STRING ? json_loadb(reply->str, reply->len, 0, NULL) : NULL;
}
