// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/field_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/text.h"

static const char expected_types[] =
	"bool, u8, u16, u32, u64, i64, f64, ip, mac, string LENGTH, or time with s, ms, us or ns";

int field_text_fail(const char *item, char *error, size_t error_size, const char *format, ...) {
	char message[300];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	error[0] = '\0';
	text_append(error, error_size, "fields: ");
	text_append_quoted(error, error_size, item);
	text_append(error, error_size, ": %s", message);
	return -EINVAL;
}

static int split(struct field_text *text, const char *item) {
	*text = (struct field_text){.words = strdup(item)};
	if (text->words == NULL)
		return -ENOMEM;
	char *rest = NULL;
	for (char *word = strtok_r(text->words, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
		if (text->count == sizeof(text->word) / sizeof(text->word[0]))
			return -E2BIG;
		text->word[text->count++] = word;
	}
	return 0;
}

// Letters, digits and _, with single dots between parts.
static bool is_name(const char *name) {
	if (name[0] == '\0' || strlen(name) > SCHEMA_NAME_MAX)
		return false;
	bool is_part = false;
	for (const char *c = name; *c != '\0'; c++) {
		bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
		if (!is_letter && *c != '_' && (*c != '.' || !is_part))
			return false;
		is_part = *c != '.';
	}
	return is_part;
}

static const char *next_word(const struct field_text *text) {
	return text->next < text->count ? text->word[text->next] : NULL;
}

// `LENGTH` behind string.
static int take_length(struct field_text *text, const char *item, unsigned *length, char *error, size_t size) {
	const char *word = next_word(text);
	uint64_t value = FIELD_STRING_DEFAULT;
	if (word != NULL && word[0] >= '0' && word[0] <= '9') {
		text->next++;
		if (!value_parse_u64(word, strlen(word), &value) || value == 0 || value > SCHEMA_SIZE_MAX / 2)
			return field_text_fail(item, error, size, "length %s: expected 1..%u bytes", word,
				(unsigned)SCHEMA_SIZE_MAX / 2);
	}
	*length = (unsigned)value;
	return 0;
}

// A unit behind time.
static uint64_t take_unit(struct field_text *text) {
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
	const char *word = next_word(text);
	for (unsigned i = 0; word != NULL && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, word) == 0) {
			text->next++;
			return units[i].ns;
		}
	}
	return units[0].ns;
}

static bool lookup_type(const char *word, enum field_type *type) {
	static const enum field_type types[] = {FIELD_BOOL, FIELD_U8, FIELD_U16, FIELD_U32, FIELD_U64, FIELD_I64,
		FIELD_F64, FIELD_IP, FIELD_MAC, FIELD_STRING};
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(field_type_names[types[i]], word) == 0) {
			*type = types[i];
			return true;
		}
	}
	return false;
}

static int add_field(struct field_text *text, const char *item, struct schema *schema, struct column *column,
	char *error, size_t size) {
	enum field_type type = FIELD_U64;
	unsigned length = 0;
	*column = (struct column){.time_unit_ns = 0};
	unsigned at = text->count > 1 && strcmp(text->word[1], "=") == 0 ? 2 : 1; // from a map
	text->next = at + 1;
	if (text->count <= at)
		return field_text_fail(
			item, error, size, "expected NAME TYPE such as user string 32; types: %s", expected_types);
	if (!is_name(text->word[0]))
		return field_text_fail(item, error, size,
			"name: expected 1..%u letters, digits and _, with dots between parts",
			(unsigned)SCHEMA_NAME_MAX);
	if (strcmp(text->word[at], "time") == 0)
		column->time_unit_ns = take_unit(text);
	else if (!lookup_type(text->word[at], &type))
		return field_text_fail(
			item, error, size, "unknown type %s; expected %s", text->word[at], expected_types);
	int ret = type == FIELD_STRING ? take_length(text, item, &length, error, size) : 0;
	if (ret != 0)
		return ret;
	ret = schema_add(schema, text->word[0], type, length, column->time_unit_ns > 0 ? "ns" : NULL);
	if (ret == -EEXIST)
		return field_text_fail(item, error, size, "name given twice");
	if (ret == -ENOSPC)
		return field_text_fail(item, error, size, "too much; expected at most %u fields of %u bytes in all",
			(unsigned)SCHEMA_FIELDS_MAX, (unsigned)SCHEMA_SIZE_MAX);
	column->field = schema_last(schema);
	return ret;
}

int field_text_add(struct field_text *text, const char *item, struct schema *schema, struct column *column, char *error,
	size_t error_size) {
	int ret = split(text, item);
	if (ret == 0)
		ret = add_field(text, item, schema, column, error, error_size);
	else if (ret == -E2BIG)
		ret = field_text_fail(item, error, error_size, "more than 64 words");
	if (ret != 0)
		field_text_fini(text);
	return ret;
}

void field_text_fini(struct field_text *text) {
	free(text->words);
	*text = (struct field_text){0};
}
