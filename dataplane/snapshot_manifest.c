// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/snapshot_manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/snapshot_dir.h"
#include "dataplane/state_file.h"
#include "dataplane/text.h"

enum { VALUE_SIZE = 512, VALUE_SHOWN = 80 };

static bool can_be_saved(const struct operator_type *type) {
	return type->saving != NULL || type->keeps_nothing || type->state_size == 0;
}

int snapshot_check_operators(const struct node *node, char *text, size_t size) {
	for (unsigned i = 0; i < node->plan->operator_count; i++) {
		const struct operator *op = node->operators[i];
		if (!can_be_saved(op->type)) {
			snprintf(text, size, "%s/%s: what an operator of type %s keeps can't be saved", op->pipeline,
				op->name, op->type->name);
			return -ENOTSUP;
		}
		if (op->type->saving == NULL || op->type->saving->check == NULL)
			continue;
		char reason[200];
		if (op->type->saving->check(op, reason, sizeof(reason)) != 0) {
			snprintf(text, size, "%s/%s: %s", op->pipeline, op->name, reason);
			return -ENOTSUP;
		}
	}
	return 0;
}

static json_t *describe_option(const struct option *option, const void *options) {
	const void *at = (const uint8_t *)options + option->offset;
	char value[VALUE_SIZE];
	if (option->type == OPTION_LIST) {
		const struct option_list *list = at;
		json_t *items = json_array();
		for (unsigned i = 0; i < list->count; i++)
			json_array_append_new(items, json_string(list->items[i]));
		return items;
	}
	if (option->type == OPTION_STRING) {
		const char *text = *(char *const *)at;
		return text != NULL ? json_string(text) : json_null();
	}
	option_format_value(option, options, value, sizeof(value));
	return json_string(value);
}

// Those that do not change while a node runs.
static json_t *describe_options(const struct operator *op) {
	json_t *options = json_object();
	const struct option *option = op->type->options;
	for (; option != NULL && option->name != NULL; option++)
		if (!option->live)
			json_object_set_new(options, option->name, describe_option(option, op->options));
	return options;
}

static uint64_t fold_text(uint64_t fold, const char *text) {
	for (; *text != '\0'; text++)
		fold = state_fold(fold, (uint8_t)*text);
	return state_fold(fold, 0);
}

// What comes in, as far as it is kept: fields by name, type and place.
static uint64_t fold_schema(uint64_t fold, const struct schema *schema) {
	if (schema == NULL)
		return state_fold(fold, 0);
	fold = state_fold(state_fold(fold, schema->size), schema->body);
	for (const struct field *field = schema->fields; field->name != NULL; field++)
		fold = state_fold(state_fold(fold_text(fold, field->name), field->type), field->offset);
	return fold;
}

uint64_t snapshot_layout(const struct operator *op) {
	const struct operator_saving *saving = op->type->saving;
	uint64_t fold = fold_text(SNAPSHOT_FORMAT, op->type->name);
	for (unsigned i = 0; i < operator_type_input_count(op->type); i++)
		fold = fold_schema(fold, op->inputs[i]);
	fold = state_fold(state_fold(fold, op->keyed_inputs), op->symmetric_inputs);
	return saving->layout != NULL ? state_fold(fold, saving->layout(op)) : fold;
}

json_t *snapshot_describe_operator(const struct operator *op, const struct snapshot_times *times) {
	json_t *described = json_pack("{ss ss ss sI so so}", "pipeline", op->pipeline, "name", op->name, "type",
		op->type->name, "instances", (json_int_t)op->instance_count, "watermark_ns",
		snapshot_number(times->watermark_ns), "told_ns", snapshot_number(times->told_ns));
	if (described == NULL || op->type->saving == NULL)
		return described;
	json_object_set_new(described, "options", describe_options(op));
	json_object_set_new(described, "layout", snapshot_number(snapshot_layout(op)));
	if (op->type->restored != NULL)
		json_object_set_new(described, "restored", json_string(op->type->restored));
	return described;
}

json_t *snapshot_describe_node(const struct node *node, uint64_t taken_ns) {
	char secret[2 * KEY_SECRET_SIZE + 1];
	for (unsigned i = 0; i < KEY_SECRET_SIZE; i++)
		snprintf(secret + 2 * (size_t)i, 3, "%02x", node->hash_secret[i]);
	return json_pack("{si ss ss so ss so}", "weir_snapshot", SNAPSHOT_FORMAT, "version", WEIR_VERSION, "node",
		node->name, "taken_ns", snapshot_number(taken_ns), "hash_secret", secret, "operators", json_array());
}

static int hex_digit(char digit) {
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int snapshot_read_secret(const json_t *manifest, uint8_t secret[KEY_SECRET_SIZE]) {
	const char *text = json_string_value(json_object_get(manifest, "hash_secret"));
	if (text == NULL || strlen(text) != 2 * (size_t)KEY_SECRET_SIZE)
		return -EINVAL;
	for (unsigned i = 0; i < KEY_SECRET_SIZE; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		secret[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static const char *text_of(const json_t *object, const char *name) {
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

const json_t *snapshot_find_operator(const json_t *manifest, const struct operator *op) {
	size_t i;
	const json_t *described;
	json_array_foreach(json_object_get(manifest, "operators"), i, described) {
		if (strcmp(text_of(described, "pipeline"), op->pipeline) == 0 &&
			strcmp(text_of(described, "name"), op->name) == 0)
			return described;
	}
	return NULL;
}

static void append_value(const json_t *value, char *text, size_t size) {
	char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	text_append_escaped(text, size, dumped != NULL ? dumped : "null", VALUE_SHOWN);
	free(dumped);
}

static int compare_options(const struct operator *op, const json_t *described, char *text, size_t size) {
	json_t *own = describe_options(op);
	const json_t *saved = json_object_get(described, "options");
	const char *name;
	json_t *value;
	int ret = 0;
	json_object_foreach(own, name, value) {
		if (json_equal(value, json_object_get(saved, name)))
			continue;
		snprintf(text, size, "%s/%s.%s: ", op->pipeline, op->name, name);
		append_value(value, text, size);
		text_append(text, size, ": expected ");
		append_value(json_object_get(saved, name), text, size);
		text_append(text, size, ", as the snapshot has it");
		ret = -EINVAL;
		break;
	}
	json_decref(own);
	return ret;
}

static int compare_operator(const json_t *manifest, const struct operator *op, char *text, size_t size) {
	const json_t *described = snapshot_find_operator(manifest, op);
	uint64_t layout = 0;
	if (described == NULL) {
		snprintf(text, size, "%s/%s: is not in the snapshot", op->pipeline, op->name);
		return -EINVAL;
	}
	if (strcmp(text_of(described, "type"), op->type->name) != 0) {
		snprintf(text, size, "%s/%s: is of type %s; expected %.64s, as the snapshot has it", op->pipeline,
			op->name, op->type->name, text_of(described, "type"));
		return -EINVAL;
	}
	int ret = compare_options(op, described, text, size);
	if (ret < 0)
		return ret;
	if (snapshot_read_number(described, "layout", &layout) < 0 || layout != snapshot_layout(op)) {
		snprintf(text, size,
			"%s/%s: what comes in, or how this version keeps it, is not what the snapshot has (version "
			"%.32s)",
			op->pipeline, op->name, text_of(manifest, "version"));
		return -EINVAL;
	}
	json_int_t instances = json_integer_value(json_object_get(described, "instances"));
	bool is_bound = op->type->poll != NULL && !op->type->saving->is_for_any_number;
	if (is_bound && instances != (json_int_t)op->instance_count) {
		snprintf(text, size, "%s/%s: has %u instances; expected %lld, as the snapshot has it", op->pipeline,
			op->name, op->instance_count, (long long)instances);
		return -EINVAL;
	}
	return 0;
}

// Every operator of the snapshot that kept something is there to take it up.
static int find_missing(const json_t *manifest, const struct node *node, char *text, size_t size) {
	size_t i;
	const json_t *described;
	json_array_foreach(json_object_get(manifest, "operators"), i, described) {
		bool is_there = json_object_get(described, "file") == NULL;
		for (unsigned o = 0; !is_there && o < node->operator_count; o++)
			is_there = node->operators[o]->type->saving != NULL &&
				   snapshot_find_operator(manifest, node->operators[o]) == described;
		if (is_there)
			continue;
		snprintf(text, size, "%.64s/%.64s: is in the snapshot, but not in the configuration",
			text_of(described, "pipeline"), text_of(described, "name"));
		return -EINVAL;
	}
	return 0;
}

int snapshot_compare(const json_t *manifest, const struct node *node, char *text, size_t size) {
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < node->operator_count; i++) {
		const struct operator *op = node->operators[i];
		if (op->type->saving != NULL)
			ret = compare_operator(manifest, op, text, size);
	}
	return ret == 0 ? find_missing(manifest, node, text, size) : ret;
}
