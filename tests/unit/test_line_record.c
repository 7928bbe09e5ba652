// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines to records: what JSON and CSV give, and what is malformed. Records are compared as the json sink prints them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api/schema_build.h"
#include "dataplane/field_text.h"
#include "dataplane/json_format.h"
#include "dataplane/line_record.h"

struct reading {
	struct schema *schema;
	struct line_layout layout;
	struct json_format *format;
	uint8_t *body;
	char *printed;
};

static int setup(void **state) {
	static const char *const items[] = {"user string 6", "n u32", "at.time time ms",
		"at.place string 4", /* longest */
		"ok bool"};
	static struct reading reading;
	struct column columns[5];
	char error[200] = "";
	assert_int_equal(schema_new(&reading.schema, "read"), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct field_text text;
		assert_int_equal(field_text_add(&text, items[i], reading.schema, &columns[i], error, sizeof(error)), 0);
		field_text_fini(&text);
	}
	assert_int_equal(line_layout_init(&reading.layout, reading.schema, columns, 5), 0);
	assert_int_equal(json_format_new(&reading.format, reading.schema), 0);
	reading.body = malloc(reading.schema->size); // as large as a record, so that ASan sees what goes beyond
	reading.printed = malloc(json_format_max(reading.format) + 1);
	*state = &reading;
	return 0;
}

static int teardown(void **state) {
	struct reading *reading = *state;
	free(reading->body);
	free(reading->printed);
	json_format_free(reading->format);
	line_layout_fini(&reading->layout);
	schema_free(reading->schema);
	return 0;
}

// The same line at the end of its memory, so that nothing beyond it can be read unseen.
static enum line_verdict read_line(struct reading *reading,
	enum line_verdict (*read)(struct line_layout *, const char *, size_t, uint8_t *), const char *line) {
	char *copy = malloc(strlen(line) + !*line);
	memcpy(copy, line, strlen(line));
	memset(reading->body, 0, reading->schema->size);
	enum line_verdict verdict = read(&reading->layout, copy, strlen(line), reading->body);
	free(copy);
	reading->printed[json_format_line(reading->format, reading->body, reading->printed) - 1] = '\0';
	return verdict;
}

#define EXPECT(read, line, verdict, json)                                                                              \
	do {                                                                                                           \
		assert_int_equal(read_line(reading, read, line), verdict);                                             \
		assert_string_equal(reading->printed, json);                                                           \
	} while (0)

static void test_json_members(void **state) {
	struct reading *reading = *state;
	EXPECT(line_read_json, "{\"user\":\"ann\",\"n\":7,\"ok\":true}", LINE_RECORD,
		"{\"user\":\"ann\",\"n\":7,\"ok\":true}");
	EXPECT(line_read_json, " { } ", LINE_RECORD, "{}");
	EXPECT(line_read_json, "{\"ok\":false,\"user\":null,\"n\":\"12\"}", LINE_RECORD, "{\"n\":12,\"ok\":false}");
	EXPECT(line_read_json, "{\"x\":[1,{\"n\":5},[]],\"y\":{\"n\":6},\"n\":7,\"z\":\"\\u00e9\"}", LINE_RECORD,
		"{\"n\":7}");
	EXPECT(line_read_json, "{\"at\":{\"time\":1.5,\"place\":\"here\",\"x\":1},\"n\":1}", LINE_RECORD,
		"{\"n\":1,\"at\":{\"time\":1500000,\"place\":\"here\"}}");
	EXPECT(line_read_json, "{\"at\":{\"time\":1},\"user\":\"a\",\"at\":{\"time\":\"1970-01-01T00:00:01Z\"}}",
		LINE_RECORD, "{\"user\":\"a\",\"at\":{\"time\":1000000000}}");
	EXPECT(line_read_json, "{\"n\":1,\"n\":2,\"user\":\"abcdef\",\"user\":\"x\"}", LINE_RECORD,
		"{\"user\":\"x\",\"n\":2}");
	EXPECT(line_read_json, "{\"n\":1,\"n\":null}", LINE_RECORD, "{}");
	EXPECT(line_read_json, "{\"\":{\"n\":1},\"nn\":2,\"us\":\"a\"}", LINE_RECORD, "{}");
	EXPECT(line_read_json, "{\"user\":1e5}", LINE_RECORD, "{\"user\":\"1e5\"}");
}

static void test_json_strings(void **state) {
	struct reading *reading = *state;
	EXPECT(line_read_json, "{\"user\":\"\\u00e9\\n\\\"\"}", LINE_RECORD, "{\"user\":\"\xc3\xa9\\n\\\"\"}");
	EXPECT(line_read_json, "{\"user\":\"\\ud83d\\ude00\"}", LINE_RECORD, "{\"user\":\"\xf0\x9f\x98\x80\"}");
	EXPECT(line_read_json, "{\"us\\u0065r\":\"\\/\"}", LINE_RECORD, "{\"user\":\"/\"}");
	EXPECT(line_read_json, "{\"user\":\"abcdefg\"}", LINE_CUT, "{\"user\":\"abcdef\"}");
	EXPECT(line_read_json, "{\"user\":\"\\tabcdefg\"}", LINE_CUT, "{\"user\":\"\\tabcde\"}");
	EXPECT(line_read_json, "{\"at\":{\"place\":\"\xe2\x82\xac\"}}", LINE_RECORD,
		"{\"at\":{\"place\":\"\xe2\x82\xac\"}}");
}

static void test_json_that_is_none(void **state) {
	static const char *const lines[] = {"", " ", "[]", "{", "}", "{}x", "{}{}", "{\"n\"}", "{\"n\":}", "{\"n\":1,}",
		"{,}",
		"{\"n\":1\t\"ok\":true}", // no comma
		"{n:1}", "{'n':1}", "{\"n\":01}", "{\"n\":-}", "{\"n\":1.}", "{\"n\":.5}", "{\"n\":1e}", "{\"x\":+1}",
		"{\"x\":tru}", "{\"x\":truex}", "{\"x\":nul}", "{\"x\":\"a}", "{\"x\":\"\t\"}", "{\"x\":\"\\x\"}",
		"{\"x\":\"\\u12\"}", "{\"x\":\"\\u0000\"}", "{\"x\":\"\\ud800\"}", "{\"x\":\"\\udc00\"}",
		"{\"x\":\"\\ud800\\u0041\"}", "{\"x\":\"\xff\"}", "{\"x\":\"\xc0\x80\"}", "{\"x\":\"\xed\xa0\x80\"}",
		"{\"x\":\"\xf4\x90\x80\x80\"}", "{\"x\":\"\xe2\x82\"}", "{\"x\":[1,]}", "{\"x\":[}", "{\"x\":[1 2]}",
		"{\"x\":{}", "{\"x\":\"\\", "{\"x\":Infinity}",
		// Not of the field's type.
		"{\"n\":1.5}", "{\"n\":-1}", "{\"n\":4294967296}", "{\"n\":\"x\"}", "{\"n\":true}", "{\"n\":[1]}",
		"{\"n\":{}}", "{\"ok\":\"yes\"}", "{\"at\":{\"time\":\"noon\"}}", "{\"at\":{\"time\":{}}}"};
	struct reading *reading = *state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (read_line(reading, line_read_json, lines[i]) != LINE_MALFORMED)
			fail_msg("taken for a record: %s", lines[i]);
}

static void test_json_depth(void **state) {
	struct reading *reading = *state;
	char line[2000] = "{\"x\":";
	for (unsigned depth = 63; depth <= 64; depth++) {
		size_t size = 5;
		memset(line + size, '[', depth);
		size += depth;
		memset(line + size, ']', depth);
		size += depth;
		strcpy(line + size, "}");
		assert_int_equal(read_line(reading, line_read_json, line), depth > 64 ? LINE_MALFORMED : LINE_RECORD);
	}
	memset(line + 5, '[', sizeof(line) - 6);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(read_line(reading, line_read_json, line), LINE_MALFORMED);
}

static void test_csv(void **state) {
	struct reading *reading = *state;
	EXPECT(line_read_csv, "ann,7,1500,here,true", LINE_RECORD,
		"{\"user\":\"ann\",\"n\":7,\"at\":{\"time\":1500000000,\"place\":\"here\"},\"ok\":true}");
	EXPECT(line_read_csv, ",,,,", LINE_RECORD, "{}");
	EXPECT(line_read_csv, "\"\",,,\"\",", LINE_RECORD, "{\"user\":\"\",\"at\":{\"place\":\"\"}}");
	EXPECT(line_read_csv, "\"a,b\",,,,", LINE_RECORD, "{\"user\":\"a,b\"}");
	EXPECT(line_read_csv, "\"a\"\"b\",\"7\",,\"\"\"\",", LINE_RECORD,
		"{\"user\":\"a\\\"b\",\"n\":7,\"at\":{\"place\":\"\\\"\"}}");
	EXPECT(line_read_csv, "a\"b,,,,", LINE_RECORD, "{\"user\":\"a\\\"b\"}");
	EXPECT(line_read_csv, "abcdefg,,,,", LINE_CUT, "{\"user\":\"abcdef\"}");
	static const char *const lines[] = {"", "ann", "ann,7,1500,here", "ann,7,1500,here,true,", "\"ann,7,,,",
		"\"a\"b,7,,,", "ann,x,,,", "\"", "\"\"\"", ",,,,\"x"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (read_line(reading, line_read_csv, lines[i]) != LINE_MALFORMED)
			fail_msg("taken for a record: %s", lines[i]);
}

static void test_csv_header(void **state) {
	struct reading *reading = *state;
	const char *header = "n,other,\"user\"", *others = "x,y", *twice = "n,n";
	assert_true(line_read_csv_header(&reading->layout, header, strlen(header)));
	EXPECT(line_read_csv, "7,ignored,ann", LINE_RECORD, "{\"user\":\"ann\",\"n\":7}");
	assert_int_equal(read_line(reading, line_read_csv, "7,ignored"), LINE_MALFORMED);
	assert_false(line_read_csv_header(&reading->layout, others, strlen(others)));
	assert_false(line_read_csv_header(&reading->layout, twice, strlen(twice)));
	assert_false(line_read_csv_header(&reading->layout, "", 0));
	char wide[2 * LINE_COLUMNS_MAX + 8] = "n";
	memset(wide + 1, ',', LINE_COLUMNS_MAX);
	assert_false(line_read_csv_header(&reading->layout, wide, 1 + LINE_COLUMNS_MAX));
}

static void test_text(void **state) {
	struct reading *reading = *state;
	EXPECT(line_read_text, "a, b", LINE_RECORD, "{\"user\":\"a, b\"}");
	EXPECT(line_read_text, "abcdefg", LINE_CUT, "{\"user\":\"abcdef\"}");
}

static void test_field_texts(void **state) {
	static const struct {
		const char *item, *message;
	} wrong[] = {
		{"user", "fields: \"user\": expected NAME TYPE such as user string 32; types: bool, u8, u16, u32, "
			 "u64, i64, "
			 "f64, ip, mac, string LENGTH, or time with s, ms, us or ns"},
		{"a-b u8", "fields: \"a-b u8\": name: expected 1..63 letters, digits and _, with dots between parts"},
		{"a..b u8", "fields: \"a..b u8\": name: expected 1..63 letters, digits and _, with dots between parts"},
		{"a text", "fields: \"a text\": unknown type text; expected bool, u8, u16, u32, u64, i64, f64, ip, "
			   "mac, "
			   "string LENGTH, or time with s, ms, us or ns"},
		{"a string 0", "fields: \"a string 0\": length 0: expected 1..16384 bytes"},
		{"user u8", "fields: \"user u8\": name given twice"},
	};
	struct reading *reading = *state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct field_text text;
		struct column column;
		char error[300];
		assert_int_equal(
			field_text_add(&text, wrong[i].item, reading->schema, &column, error, sizeof(error)), -22);
		assert_string_equal(error, wrong[i].message);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_json_members, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_strings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_that_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_json_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_csv, setup, teardown),
		cmocka_unit_test_setup_teardown(test_csv_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_field_texts, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
