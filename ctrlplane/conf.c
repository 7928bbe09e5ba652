// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/conf.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONF_ALLOWED_SIZE = 384 };

int conf_error(struct conf *conf, const yaml_node_t *node, const char *format, ...) {
	size_t line = node != NULL ? node->start_mark.line + 1 : 1;
	int used = snprintf(conf->error, sizeof(conf->error), "%s:%zu: ", conf->path, line);
	if (used < 0 || (size_t)used >= sizeof(conf->error))
		return -EINVAL;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(conf->error + used, sizeof(conf->error) - (size_t)used, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int conf_open(struct conf *conf, const char *path) {
	*conf = (struct conf){.path = path};
	FILE *file = fopen(path, "r");
	if (file == NULL) {
		int err = errno;
		snprintf(conf->error, sizeof(conf->error), "%s: %s", path, strerror(err));
		return -err;
	}
	yaml_parser_t parser;
	int err = -ENOMEM;
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, file);
		err = 0;
		if (!yaml_parser_load(&parser, &conf->document)) {
			if (ferror(file))
				snprintf(conf->error, sizeof(conf->error), "%s: %s", path, strerror(errno));
			else
				snprintf(conf->error, sizeof(conf->error), "%s:%zu: %s", path,
					parser.problem_mark.line + 1,
					parser.problem != NULL ? parser.problem : "not readable");
			err = -EINVAL;
		}
		yaml_parser_delete(&parser);
	}
	fclose(file);
	if (err == 0 && conf_root(conf) == NULL) {
		snprintf(conf->error, sizeof(conf->error), "%s:1: nothing in it: expected a mapping", path);
		conf_close(conf);
		err = -EINVAL;
	}
	return err;
}

void conf_close(struct conf *conf) {
	yaml_document_delete(&conf->document);
}

const yaml_node_t *conf_root(struct conf *conf) {
	return yaml_document_get_root_node(&conf->document);
}

const yaml_node_t *conf_item(struct conf *conf, const yaml_node_t *sequence, size_t i) {
	const yaml_node_item_t *items = sequence->data.sequence.items.start;
	if (i >= (size_t)(sequence->data.sequence.items.top - items))
		return NULL;
	return yaml_document_get_node(&conf->document, items[i]);
}

const yaml_node_t *conf_member(struct conf *conf, const yaml_node_t *mapping, const char *name) {
	if (mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top;
		pair++) {
		const yaml_node_t *key = yaml_document_get_node(&conf->document, pair->key);
		if (key->type == YAML_SCALAR_NODE && strcmp((const char *)key->data.scalar.value, name) == 0)
			return yaml_document_get_node(&conf->document, pair->value);
	}
	return NULL;
}

static const char *scalar_text(const yaml_node_t *node) {
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "(not a scalar)";
}

struct suffix {
	const char *text;
	double factor;
};

static bool parse_number(const char *text, const struct suffix *suffixes, double *out) {
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (end == text || errno != 0 || !isfinite(value))
		return false;
	for (const struct suffix *suffix = suffixes; suffix->text != NULL; suffix++) {
		if (strcmp(end, suffix->text) == 0) {
			*out = value * suffix->factor;
			return true;
		}
	}
	return false;
}

static void list_choices(const char *const *choices, char *out, size_t size) {
	size_t used = 0;
	out[0] = '\0';
	for (int i = 0; choices[i] != NULL && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", choices[i]);
}

void conf_describe(const struct conf_field *field, char *out, size_t size) {
	char choices[CONF_ALLOWED_SIZE];
	switch (field->type) {
	case CONF_U32:
		snprintf(out, size, "a whole number (%.10g..%.10g)", field->min, field->max);
		break;
	case CONF_NUMBER:
		snprintf(out, size, "a number such as 200, 1.5k, 100M (%.10g..%.10g)", field->min, field->max);
		break;
	case CONF_DURATION:
		snprintf(out, size, "a duration such as 500ms, 10s, 5min (%gs..%gs)", field->min / 1e9,
			field->max / 1e9);
		break;
	case CONF_CHOICE:
		list_choices(field->choices, choices, sizeof(choices));
		snprintf(out, size, "one of %s", choices);
		break;
	case CONF_BOOL:
		snprintf(out, size, "true or false");
		break;
	case CONF_STRINGS:
		snprintf(out, size, "a text or a list of at most %d", CONF_STRINGS_MAX);
		break;
	case CONF_PATH:
		snprintf(out, size, "a path of at most %zu bytes", field->size - 1);
		break;
	default:
		snprintf(out, size, "text of at most %zu bytes", field->size - 1);
	}
}

static int conf_refuse(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field,
	const char *text) {
	char expected[CONF_ALLOWED_SIZE + 16];
	conf_describe(field, expected, sizeof(expected));
	return conf_error(conf, node, "%s: \"%.100s\": expected %s", what, text, expected);
}

static bool number_from_text(const struct conf_field *field, const char *text) {
	static const struct suffix plain[] = {{"", 1}, {0}};
	static const struct suffix scaled[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {0}};
	static const struct suffix times[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {0}};
	const struct suffix *suffixes = field->type == CONF_U32 ? plain : field->type == CONF_NUMBER ? scaled : times;
	double value;
	if (!parse_number(text, suffixes, &value) || value < field->min || value > field->max)
		return false;
	if (field->type == CONF_U32 && value != floor(value))
		return false;
	if (field->type == CONF_U32)
		*(uint32_t *)field->out = (uint32_t)value;
	else if (field->type == CONF_NUMBER)
		*(double *)field->out = value;
	else
		*(uint64_t *)field->out = (uint64_t)value;
	return true;
}

static bool choice_from_text(const struct conf_field *field, const char *text) {
	for (int i = 0; field->choices[i] != NULL; i++) {
		if (strcmp(text, field->choices[i]) == 0) {
			*(int *)field->out = i;
			return true;
		}
	}
	return false;
}

static bool bool_from_text(const struct conf_field *field, const char *text) {
	bool is_true = strcmp(text, "true") == 0;
	if (!is_true && strcmp(text, "false") != 0)
		return false;
	*(bool *)field->out = is_true;
	return true;
}

static bool path_from_text(const struct conf *conf, const struct conf_field *field, const char *text) {
	const char *slash = conf->path != NULL ? strrchr(conf->path, '/') : NULL;
	bool is_beside = text[0] != '\0' && text[0] != '/' && slash != NULL;
	int folder_size = is_beside ? (int)(slash - conf->path) + 1 : 0;
	if ((size_t)folder_size + strlen(text) >= field->size)
		return false;
	snprintf(field->out, field->size, "%.*s%s", folder_size, folder_size > 0 ? conf->path : "", text);
	return true;
}

static bool string_from_text(char *out, size_t size, const char *text) {
	if (strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool strings_from_text(struct conf_strings *out, const char *text) {
	if (out->length == CONF_STRINGS_MAX || !string_from_text(out->items[out->length], CONF_STRINGS_SIZE, text))
		return false;
	out->length++;
	return true;
}

int conf_text(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field,
	const char *text) {
	bool is_good;
	switch (field->type) {
	case CONF_CHOICE:
		is_good = choice_from_text(field, text);
		break;
	case CONF_BOOL:
		is_good = bool_from_text(field, text);
		break;
	case CONF_PATH:
		is_good = path_from_text(conf, field, text);
		break;
	case CONF_STRING:
		is_good = string_from_text(field->out, field->size, text);
		break;
	case CONF_STRINGS:
		is_good = strings_from_text(field->out, text);
		break;
	default:
		is_good = number_from_text(field, text);
	}
	return is_good ? 0 : conf_refuse(conf, node, what, field, text);
}

bool conf_is_equal(const struct conf_field *field, const void *a, const void *b) {
	const struct conf_strings *left = a, *right = b;
	bool is_equal;
	switch (field->type) {
	case CONF_STRING:
	case CONF_PATH:
		return strcmp(a, b) == 0;
	case CONF_STRINGS:
		is_equal = left->length == right->length;
		for (size_t i = 0; is_equal && i < left->length; i++)
			is_equal = strcmp(left->items[i], right->items[i]) == 0;
		return is_equal;
	case CONF_U32:
		return *(const uint32_t *)a == *(const uint32_t *)b;
	case CONF_CHOICE:
		return *(const int *)a == *(const int *)b;
	case CONF_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case CONF_NODE:
		return true;
	default: // a double or 64 bits
		return memcmp(a, b, sizeof(uint64_t)) == 0;
	}
}

static int conf_strings(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field) {
	const yaml_node_t *item;
	for (size_t i = 0; (item = conf_item(conf, node, i)) != NULL; i++) {
		if (item->type != YAML_SCALAR_NODE)
			return conf_error(conf, item, "%s: expected texts", what);
		int err = conf_text(conf, item, what, field, scalar_text(item));
		if (err != 0)
			return err;
	}
	return 0;
}

int conf_value(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field) {
	if (field->type == CONF_NODE) {
		*(const yaml_node_t **)field->out = node;
		return 0;
	}
	if (field->type == CONF_STRINGS)
		((struct conf_strings *)field->out)->length = 0;
	if (field->type == CONF_STRINGS && node->type == YAML_SEQUENCE_NODE)
		return conf_strings(conf, node, what, field);
	if (node->type != YAML_SCALAR_NODE)
		return conf_error(conf, node, "%s: expected a single value", what);
	if (strlen(scalar_text(node)) != node->data.scalar.length)
		return conf_error(conf, node, "%s: expected text without zeros", what);
	return conf_text(conf, node, what, field, scalar_text(node));
}

static int conf_unknown(struct conf *conf, const yaml_node_t *key, const char *what, const struct conf_field *fields) {
	const char *names[CONF_FIELDS_MAX + 1] = {NULL};
	for (size_t i = 0; i < CONF_FIELDS_MAX && fields[i].name != NULL; i++)
		names[i] = fields[i].name;
	char allowed[CONF_ALLOWED_SIZE];
	list_choices(names, allowed, sizeof(allowed));
	return conf_error(conf, key, "%s%s\"%s\": expected one of %s", what, *what != '\0' ? ": " : "",
		scalar_text(key), allowed);
}

static int conf_pair(struct conf *conf, const yaml_node_pair_t *pair, const char *what, const struct conf_field *fields,
	uint64_t *seen) {
	const yaml_node_t *key = yaml_document_get_node(&conf->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&conf->document, pair->value);
	size_t i = 0;
	while (fields[i].name != NULL && strcmp(fields[i].name, scalar_text(key)) != 0)
		i++;
	if (fields[i].name == NULL)
		return conf_unknown(conf, key, what, fields);
	if (*seen >> i & 1)
		return conf_error(conf, key, "%s%s%s: given twice", what, *what != '\0' ? "." : "", fields[i].name);
	*seen |= 1ULL << i;
	char name[128];
	snprintf(name, sizeof(name), "%s%s%s", what, *what != '\0' ? "." : "", fields[i].name);
	return conf_value(conf, value, name, &fields[i]);
}

int conf_mapping(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *fields) {
	if (node->type != YAML_MAPPING_NODE)
		return conf_error(conf, node, "%s%sexpected a mapping", what, *what != '\0' ? ": " : "");
	uint64_t seen = 0;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
		pair++) {
		int err = conf_pair(conf, pair, what, fields, &seen);
		if (err != 0)
			return err;
	}
	for (size_t i = 0; fields[i].name != NULL; i++)
		if (fields[i].required && (seen >> i & 1) == 0)
			return conf_error(
				conf, node, "%s%s%s: missing", what, *what != '\0' ? "." : "", fields[i].name);
	return 0;
}
