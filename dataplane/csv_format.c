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

static char *write_list(char *out, const struct field *field, const uint8_t *body) {
	const uint8_t *value = body + field->offset;
	unsigned count = body[field->count_offset] < field->length ? body[field->count_offset] : field->length;
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			*out++ = ' ';
		out = value_write_u64(out,
			field->type == FIELD_U16_LIST ? ((const uint16_t *)value)[i] : ((const uint32_t *)value)[i]);
	}
	return out;
}

static char *write_enum(char *out, const struct field *field, uint8_t value) {
	unsigned i = 0;
	while (i < value && field->choices[i] != NULL)
		i++;
	if (field->choices[i] == NULL)
		return value_write_u64(out, value);
	return write_text(out, field->choices[i], strlen(field->choices[i]));
}

static char *write_value(char *out, const struct field *field, const uint8_t *body) {
	const uint8_t *value = body + field->offset;
	switch (field->type) {
	case FIELD_BOOL:
		return stpcpy(out, *value ? "true" : "false");
	case FIELD_U8:
		return value_write_u64(out, *value);
	case FIELD_U16:
		return value_write_u64(out, *(const uint16_t *)value);
	case FIELD_U32:
		return value_write_u64(out, *(const uint32_t *)value);
	case FIELD_U64:
		return value_write_u64(out, *(const uint64_t *)value);
	case FIELD_F64:
		return value_write_f64(out, *(const double *)value);
	case FIELD_IP:
		return value_write_ip(out, value);
	case FIELD_MAC:
		return value_write_mac(out, value);
	case FIELD_ENUM:
		return write_enum(out, field, *value);
	case FIELD_STRING:
		return write_text(out, (const char *)value, strnlen((const char *)value, field->length));
	case FIELD_U16_LIST:
	case FIELD_U32_LIST:
		return write_list(out, field, body);
	}
	return out;
}

size_t csv_format_line(const struct csv_format *format, const void *body, char *line) {
	char *out = line;
	for (const struct field *field = format->schema->fields; field->name != NULL; field++) {
		if (schema_is_present(format->schema, field, body))
			out = write_value(out, field, body);
		*out++ = ',';
	}
	out[-1] = '\n';
	return (size_t)(out - line);
}
