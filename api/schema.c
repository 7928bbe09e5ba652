// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Look up and print the fields of schemas (schema.h). For people and for keys written as text; sinks that must be
// fast have formatters of their own.
#include "api/schema.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const field_type_names[] = {
	[FIELD_BOOL] = "bool",
	[FIELD_U8] = "u8",
	[FIELD_U16] = "u16",
	[FIELD_U32] = "u32",
	[FIELD_U64] = "u64",
	[FIELD_I64] = "i64",
	[FIELD_F64] = "f64",
	[FIELD_IP] = "ip",
	[FIELD_MAC] = "mac",
	[FIELD_ENUM] = "enum",
	[FIELD_STRING] = "string",
	[FIELD_U16_LIST] = "u16 list",
	[FIELD_U32_LIST] = "u32 list",
	NULL,
};

const struct field *schema_field(const struct schema *schema, const char *name) {
	for (const struct field *field = schema->fields; field->name; field++) {
		if (!strcmp(field->name, name))
			return field;
	}
	return NULL;
}

static bool have_same_choices(const struct field *a, const struct field *b) {
	if (a->choices == b->choices || a->choices == NULL || b->choices == NULL)
		return a->choices == b->choices;
	unsigned i = 0;
	while (a->choices[i] != NULL && b->choices[i] != NULL && strcmp(a->choices[i], b->choices[i]) == 0)
		i++;
	return a->choices[i] == NULL && b->choices[i] == NULL;
}

static bool is_same_field(const struct field *a, const struct field *b) {
	return field_is_alike(a, b) && a->offset == b->offset && a->count_offset == b->count_offset &&
	       a->present == b->present && strcmp(a->name, b->name) == 0 && have_same_choices(a, b);
}

const struct field *schema_difference(const struct schema *a, const struct schema *b) {
	const struct field *field = a->fields, *other = b->fields;
	while (field->name != NULL && other->name != NULL && is_same_field(field, other)) {
		field++;
		other++;
	}
	bool is_end = field->name == NULL && other->name == NULL;
	bool same_body = a->body == b->body && a->size == b->size && a->present_offset == b->present_offset;
	return is_end && same_body ? NULL : field;
}

static unsigned choice_count(const struct field *field) {
	unsigned count = 0;
	while (field->choices[count] != NULL)
		count++;
	return count;
}

bool schema_is_sound(const struct schema *schema, const void *body) {
	const uint8_t *bytes = body;
	bool is = true;
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		if (field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST)
			is &= bytes[field->count_offset] <= field->length;
		else if (field->type == FIELD_BOOL)
			is &= bytes[field->offset] <= 1;
		else if (field->type == FIELD_ENUM)
			is &= bytes[field->offset] == 0 || bytes[field->offset] < choice_count(field);
	}
	return is;
}

size_t field_size(const struct field *field) {
	static const uint8_t item_size[] = {
		[FIELD_BOOL] = sizeof(bool),
		[FIELD_U8] = 1,
		[FIELD_U16] = 2,
		[FIELD_U32] = 4,
		[FIELD_U64] = 8,
		[FIELD_I64] = 8,
		[FIELD_F64] = 8,
		[FIELD_IP] = 16,
		[FIELD_MAC] = 6,
		[FIELD_ENUM] = 1,
		[FIELD_STRING] = 1,
		[FIELD_U16_LIST] = 2,
		[FIELD_U32_LIST] = 4,
	};
	bool has_items = field->type == FIELD_STRING || field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST;
	return (size_t)item_size[field->type] * (has_items ? field->length : 1);
}

// Where text is being written; what does not fit is cut.
struct text {
	char *start;
	size_t size, length;
};

static void __attribute__((format(printf, 2, 3))) text_add(struct text *text, const char *format, ...) {
	size_t room = text->size - text->length;
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(text->start + text->length, room, format, arguments);
	va_end(arguments);
	if (n > 0)
		text->length += (size_t)n < room ? (size_t)n : room - 1;
}

static void format_ip(struct text *text, const uint8_t *ip) {
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	char address[INET6_ADDRSTRLEN];
	if (!memcmp(ip, v4_mapped, sizeof(v4_mapped)))
		inet_ntop(AF_INET, ip + sizeof(v4_mapped), address, sizeof(address));
	else
		inet_ntop(AF_INET6, ip, address, sizeof(address));
	text_add(text, "%s", address);
}

// The shortest of 15 to 17 digits that reads back as the same number.
static void format_f64(struct text *text, double value) {
	char digits[40];
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*g", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	text_add(text, "%s", digits);
}

static void format_list(struct text *text, const struct field *field, const uint8_t *body, const uint8_t *value) {
	unsigned count = body[field->count_offset] < field->length ? body[field->count_offset] : field->length;
	text_add(text, "[");
	for (unsigned i = 0; i < count; i++) {
		uint32_t item =
			field->type == FIELD_U16_LIST ? ((const uint16_t *)value)[i] : ((const uint32_t *)value)[i];
		text_add(text, "%s%" PRIu32, i ? "," : "", item);
	}
	text_add(text, "]");
}

static void format_enum(struct text *text, const struct field *field, uint8_t value) {
	for (unsigned i = 0; field->choices[i]; i++) {
		if (i == value) {
			text_add(text, "%s", field->choices[i]);
			return;
		}
	}
	text_add(text, "%u", value);
}

size_t field_format(const struct field *field, const void *body, char *out, size_t size) {
	struct text text = {.start = out, .size = size};
	const uint8_t *value = (const uint8_t *)body + field->offset;
	if (!size)
		return 0;
	out[0] = '\0';
	switch (field->type) {
	case FIELD_BOOL:
		text_add(&text, "%s", *value ? "true" : "false");
		break;
	case FIELD_U8:
		text_add(&text, "%u", *value);
		break;
	case FIELD_U16:
		text_add(&text, "%u", *(const uint16_t *)value);
		break;
	case FIELD_U32:
		text_add(&text, "%" PRIu32, *(const uint32_t *)value);
		break;
	case FIELD_U64:
		text_add(&text, "%" PRIu64, *(const uint64_t *)value);
		break;
	case FIELD_I64:
		text_add(&text, "%" PRId64, *(const int64_t *)value);
		break;
	case FIELD_F64:
		format_f64(&text, *(const double *)value);
		break;
	case FIELD_IP:
		format_ip(&text, value);
		break;
	case FIELD_MAC:
		text_add(&text, "%02x:%02x:%02x:%02x:%02x:%02x", value[0], value[1], value[2], value[3], value[4],
			value[5]);
		break;
	case FIELD_ENUM:
		format_enum(&text, field, *value);
		break;
	case FIELD_STRING:
		text_add(&text, "%.*s", field->length, (const char *)value);
		break;
	case FIELD_U16_LIST:
	case FIELD_U32_LIST:
		format_list(&text, field, body, value);
		break;
	}
	return text.length;
}
