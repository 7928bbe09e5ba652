// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Any line as JSON, CSV and text: a record of defined values, or malformed. What is JSON, jansson says as well: both
// take the same lines, and find the same text in them.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/schema_build.h"
#include "dataplane/field_text.h"
#include "dataplane/line_record.h"

enum { USER_SIZE = 64, DEPTH_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema *schema;
static struct line_layout layout;
static uint8_t *body;

// Text alone for JSON, so that every object is a record; the others have one of each type for CSV.
static void make(const char *const *items, unsigned count) {
	struct column columns[SCHEMA_FIELDS_MAX];
	char error[300];
	if (schema_new(&schema, "fuzzed") != 0)
		abort();
	for (unsigned i = 0; i < count; i++) {
		struct field_text text;
		if (field_text_add(&text, items[i], schema, &columns[i], error, sizeof(error)) != 0)
			abort();
		field_text_fini(&text);
	}
	body = calloc(1, schema->size);
	if (body == NULL || line_layout_init(&layout, schema, columns, count) != 0)
		abort();
}

static void release(void) {
	line_layout_fini(&layout);
	schema_free(schema);
	free(body);
}

static unsigned depth_of(const json_t *value) {
	unsigned deepest = 0;
	const char *key;
	json_t *item;
	size_t i;
	if (json_is_object(value))
		json_object_foreach((json_t *)value, key, item) deepest =
			depth_of(item) > deepest ? depth_of(item) : deepest;
	else if (json_is_array(value))
		json_array_foreach(value, i, item) deepest = depth_of(item) > deepest ? depth_of(item) : deepest;
	else
		return 0;
	return deepest + 1;
}

// Whether jansson's value of `user` is what the record has.
static void compare(const json_t *user) {
	const struct field *field = schema_field(schema, "user");
	char expected[USER_SIZE + 1] = "";
	if (schema_is_present(schema, field, body) != (user != NULL && !json_is_null(user)))
		abort();
	if (!json_is_string(user))
		return;
	size_t size = json_string_length(user) < USER_SIZE ? json_string_length(user) : USER_SIZE;
	memcpy(expected, json_string_value(user), size);
	if (memcmp(expected, body + field->offset, USER_SIZE) != 0)
		abort();
}

static void check_json(const char *line, size_t size) {
	static const char *const items[] = {"user string 64", "other string 8"};
	json_error_t error;
	make(items, 2);
	enum line_verdict verdict = line_read_json(&layout, line, size, body);
	if (memchr(line, '\0', size) != NULL) { // jansson passes over some behind numbers
		if (verdict != LINE_MALFORMED)
			abort();
		release();
		return;
	}
	json_t *value = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	if (value == NULL) {
		enum json_error_code code = json_error_code(&error);
		bool is_expected = code == json_error_numeric_overflow || code == json_error_duplicate_key;
		if (verdict != LINE_MALFORMED && !is_expected)
			abort();
	} else if (json_is_object(value) && depth_of(value) <= 8) {
		json_t *user = json_object_get(value, "user"), *other = json_object_get(value, "other");
		bool is_nested =
			json_is_object(user) || json_is_array(user) || json_is_object(other) || json_is_array(other);
		if ((verdict == LINE_MALFORMED) != is_nested)
			abort();
		if (!is_nested)
			compare(user);
	} else if (!json_is_object(value) && verdict != LINE_MALFORMED) {
		abort();
	}
	json_decref(value);
	release();
}

static void check_others(const char *line, size_t size) {
	static const char *const items[] = {
		"user string 4", "n u8", "at time ms", "place ip", "hardware mac", "ok bool", "r f64", "d i64"};
	make(items, 8);
	const char *newline = memchr(line, '\n', size);
	size_t header_size = newline != NULL ? (size_t)(newline - line) : 0;
	line_read_json(&layout, line, size, body);
	memset(body, 0, schema->size);
	line_read_text(&layout, line, size, body);
	memset(body, 0, schema->size);
	line_read_csv(&layout, line, size, body);
	memset(body, 0, schema->size);
	if (line_read_csv_header(&layout, line, header_size) && newline != NULL)
		line_read_csv(&layout, newline + 1, size - header_size - 1, body);
	release();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	check_json((const char *)data, size);
	check_others((const char *)data, size);
	return 0;
}
