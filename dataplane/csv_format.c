// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/csv_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/value_text.h"

struct csv_format {
	const struct schema *schema;
	size_t max;
	char *header;
};

// The longest text that a value of this field can have, and a comma.
static size_t value_max(const struct field *field) {
	size_t longest = 64; // a number, an address
	if (field->type == FIELD_STRING)
		return 2 * (size_t)field->length + 3;
	if (field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST)
		return 11 * (size_t)field->length + 1;
	for (unsigned i = 0; field->type == FIELD_ENUM && field->choices[i] != NULL; i++)
		if (2 * strlen(field->choices[i]) + 3 > longest)
			longest = 2 * strlen(field->choices[i]) + 3;
	return longest;
}

int csv_format_new(struct csv_format **out, const struct schema *schema) {
	struct csv_format *format = calloc(1, sizeof(*format));
	size_t size = 2;
	if (format == NULL)
		return -ENOMEM;
	format->schema = schema;
	format->max = 2;
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		size += strlen(field->name) + 1;
		format->max += value_max(field);
	}
	format->header = malloc(size);
	if (format->header == NULL) {
		free(format);
		return -ENOMEM;
	}
	char *end = format->header;
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		end = stpcpy(end, field->name);
		*end++ = ',';
	}
	strcpy(end - 1, "\n");
	*out = format;
	return 0;
}

void csv_format_free(struct csv_format *format) {
	if (format == NULL)
		return;
	free(format->header);
	free(format);
}

const char *csv_format_header(const struct csv_format *format) {
	return format->header;
}

size_t csv_format_max(const struct csv_format *format) {
	return format->max;
}

static bool needs_quotes(const char *text, size_t size) {
	if (size == 0 || text[0] == ' ' || text[size - 1] == ' ')
		return true;
	for (size_t i = 0; i < size; i++)
		if (text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r')
			return true;
	return false;
}

static char *write_text(char *out, const char *text, size_t size) {
	if (!needs_quotes(text, size))
		return mempcpy(out, text, size);
	*out++ = '"';
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '"')
			*out++ = '"';
		*out++ = text[i];
	}
	*out++ = '"';
	return out;
}

static const struct value_style style = {
	.text = write_text,
	.f64 = value_write_f64,
	.ip = value_write_ip,
	.mac = value_write_mac,
	.list_begin = "",
	.list_end = "",
	.list_separator = ' ',
};

size_t csv_format_line(const struct csv_format *format, const void *body, char *line) {
	char *out = line;
	for (const struct field *field = format->schema->fields; field->name != NULL; field++) {
		if (schema_is_present(format->schema, field, body))
			out = value_write(out, &style, field, body);
		*out++ = ',';
	}
	out[-1] = '\n';
	return (size_t)(out - line);
}
