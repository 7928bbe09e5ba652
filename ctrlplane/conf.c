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

enum { CONF_ALLOWED_SIZE = 256 };

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

static int conf_number(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field) {
	static const struct suffix plain[] = {{"", 1}, {0}};
	static const struct suffix scaled[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {0}};
	static const struct suffix times[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {0}};
	const struct suffix *suffixes = field->type == CONF_U32 ? plain : field->type == CONF_NUMBER ? scaled : times;
	double value;
	bool is_number =
		parse_number(scalar_text(node), suffixes, &value) && value >= field->min && value <= field->max;
	if (field->type == CONF_U32 && is_number)
		is_number = value == floor(value);
	if (!is_number && field->type == CONF_DURATION)
		return conf_error(conf, node, "%s: \"%s\": expected a duration such as 500ms, 10s, 5min (%gs..%gs)",
			what, scalar_text(node), field->min / 1e9, field->max / 1e9);
	if (!is_number)
		return conf_error(conf, node, "%s: \"%s\": expected %s (%.10g..%.10g)", what, scalar_text(node),
			field->type == CONF_U32 ? "a whole number" : "a number such as 200, 1.5k, 100M", field->min,
			field->max);
	if (field->type == CONF_U32)
		*(uint32_t *)field->out = (uint32_t)value;
	else if (field->type == CONF_NUMBER)
		*(double *)field->out = value;
	else
		*(uint64_t *)field->out = (uint64_t)value;
	return 0;
}

static void list_choices(const char *const *choices, char out[CONF_ALLOWED_SIZE]) {
	size_t used = 0;
	out[0] = '\0';
	for (int i = 0; choices[i] != NULL && used < CONF_ALLOWED_SIZE; i++)
		used += (size_t)snprintf(out + used, CONF_ALLOWED_SIZE - used, "%s%s", i == 0 ? "" : ", ", choices[i]);
}

static int conf_choice(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field) {
	for (int i = 0; field->choices[i] != NULL; i++) {
		if (strcmp(scalar_text(node), field->choices[i]) == 0) {
			*(int *)field->out = i;
			return 0;
		}
	}
	char allowed[CONF_ALLOWED_SIZE];
	list_choices(field->choices, allowed);
	return conf_error(conf, node, "%s: \"%s\": expected one of %s", what, scalar_text(node), allowed);
}

int conf_scalar(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *field) {
	if (field->type == CONF_NODE) {
		*(const yaml_node_t **)field->out = node;
		return 0;
	}
	if (node->type != YAML_SCALAR_NODE)
		return conf_error(conf, node, "%s: expected a single value", what);
	if (field->type == CONF_CHOICE)
		return conf_choice(conf, node, what, field);
	if (field->type != CONF_STRING)
		return conf_number(conf, node, what, field);
	if (node->data.scalar.length >= field->size || strlen(scalar_text(node)) != node->data.scalar.length)
		return conf_error(conf, node, "%s: expected text of at most %zu bytes", what, field->size - 1);
	memcpy(field->out, scalar_text(node), node->data.scalar.length + 1);
	return 0;
}

static int conf_unknown(struct conf *conf, const yaml_node_t *key, const char *what, const struct conf_field *fields) {
	const char *names[32] = {NULL};
	for (size_t i = 0; i < 31 && fields[i].name != NULL; i++)
		names[i] = fields[i].name;
	char allowed[CONF_ALLOWED_SIZE];
	list_choices(names, allowed);
	return conf_error(conf, key, "%s%s\"%s\": expected one of %s", what, *what != '\0' ? ": " : "",
		scalar_text(key), allowed);
}

static int conf_pair(struct conf *conf, const yaml_node_pair_t *pair, const char *what, const struct conf_field *fields,
	uint32_t *seen) {
	const yaml_node_t *key = yaml_document_get_node(&conf->document, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&conf->document, pair->value);
	size_t i = 0;
	while (fields[i].name != NULL && strcmp(fields[i].name, scalar_text(key)) != 0)
		i++;
	if (fields[i].name == NULL)
		return conf_unknown(conf, key, what, fields);
	if (*seen >> i & 1)
		return conf_error(conf, key, "%s%s%s: given twice", what, *what != '\0' ? "." : "", fields[i].name);
	*seen |= 1U << i;
	char name[128];
	snprintf(name, sizeof(name), "%s%s%s", what, *what != '\0' ? "." : "", fields[i].name);
	return conf_scalar(conf, value, name, &fields[i]);
}

int conf_mapping(struct conf *conf, const yaml_node_t *node, const char *what, const struct conf_field *fields) {
	if (node->type != YAML_MAPPING_NODE)
		return conf_error(conf, node, "%s%sexpected a mapping", what, *what != '\0' ? ": " : "");
	uint32_t seen = 0;
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
