// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Text to values: every type, its bounds, and what is not of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "api/flow_record.h"
#include "api/schema_build.h"
#include "dataplane/value_parse.h"

struct made {
	struct schema *schema;
	struct column column;
	union {
		uint64_t word;
		uint8_t bytes[64];
	} body;
};

static void make(struct made *made, enum field_type type, unsigned length, uint64_t time_unit_ns) {
	*made = (struct made){.column.time_unit_ns = time_unit_ns};
	assert_int_equal(schema_new(&made->schema, "made"), 0);
	assert_int_equal(schema_add(made->schema, "x", type, length, NULL), 0);
	made->column.field = schema_last(made->schema);
}

static enum value_verdict parse(struct made *made, const char *text) {
	memset(&made->body, 0, sizeof(made->body));
	return value_parse(made->schema, &made->column, text, strlen(text), made->body.bytes);
}

// The value, as weir prints it.
static void expect(struct made *made, const char *text, const char *printed) {
	char shown[128];
	assert_int_equal(parse(made, text), VALUE_OK);
	assert_int_equal(made->body.word, 2);
	field_format(made->column.field, made->body.bytes, shown, sizeof(shown));
	assert_string_equal(shown, printed);
}

static void expect_wrong(struct made *made, const char *text) {
	assert_int_equal(parse(made, text), VALUE_WRONG);
	assert_int_equal(made->body.word, 0);
}

static void test_whole_numbers(void **state) {
	static const struct {
		enum field_type type;
		const char *greatest, *too_much;
	} types[] = {
		{FIELD_U8, "255", "256"},
		{FIELD_U16, "65535", "65536"},
		{FIELD_U32, "4294967295", "4294967296"},
		{FIELD_U64, "18446744073709551615", "18446744073709551616"},
		{FIELD_I64, "9223372036854775807", "9223372036854775808"},
	};
	static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "one", "--1"};
	struct made made;
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		make(&made, types[i].type, 0, 0);
		expect(&made, "0", "0");
		expect(&made, "007", "7");
		expect(&made, types[i].greatest, types[i].greatest);
		expect_wrong(&made, types[i].too_much);
		for (unsigned j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++)
			expect_wrong(&made, wrong[j]);
		if (types[i].type != FIELD_I64)
			expect_wrong(&made, "-1");
		schema_free(made.schema);
	}
	make(&made, FIELD_I64, 0, 0);
	expect(&made, "-9223372036854775808", "-9223372036854775808");
	expect_wrong(&made, "-9223372036854775809");
	schema_free(made.schema);
}

static void test_reals(void **state) {
	static const char *const numbers[] = {"0", "-0.5", "0.1", "123456789012345", "1234567890.12345", "1e300",
		"2.2250738585072014e-308", "0.30000000000000004", "12345678901234567890", "5e-324", "1E+2", "00.25"};
	static const char *const wrong[] = {
		"", ".", "-", "1e999", "nan", "inf", "0x1p3", " 1", "1\t", "1.2.3", "+1", "e5"};
	struct made made;
	make(&made, FIELD_F64, 0, 0);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(parse(&made, numbers[i]), VALUE_OK);
		double expected = strtod(numbers[i], NULL);
		assert_memory_equal(made.body.bytes + made.column.field->offset, &expected, sizeof(expected));
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_wrong(&made, wrong[i]);
	schema_free(made.schema);
}

static void test_times(void **state) {
	struct made made;
	make(&made, FIELD_U64, 0, 1000000000);
	expect(&made, "1970-01-01T00:00:00Z", "0");
	expect(&made, "2026-01-31T12:00:00.5Z", "1769860800500000000");
	expect(&made, "2026-01-31 13:00:00.5+01:00", "1769860800500000000");
	expect(&made, "2026-01-31T07:30:00-0430", "1769860800000000000");
	expect(&made, "2024-02-29T23:59:60", "1709251200000000000"); // a leap second is the next second
	expect(&made, "2000-03-01T00:00:00.1234567899Z", "951868800123456789");
	expect(&made, "1769860800.000000001", "1769860800000000001");
	expect(&made, "5", "5000000000");
	static const char *const wrong[] = {"", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
		"2026-01-01", "2026-01-01T00:00:00ZZ", "2026-01-01T00:00:00+25:00", "1969-12-31T23:59:59Z", "-1", "1.",
		"1.5s", "9223372036.9", "99999999999999999999", "9999-12-31T00:00:00Z"};
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_wrong(&made, wrong[i]);
	schema_free(made.schema);
	make(&made, FIELD_U64, 0, 1000000);
	expect(&made, "1769860800000.25", "1769860800000250000");
	schema_free(made.schema);
	make(&made, FIELD_U64, 0, 1);
	expect(&made, "1769860800000000001.9", "1769860800000000001");
	schema_free(made.schema);
}

static void test_addresses(void **state) {
	struct made made;
	make(&made, FIELD_IP, 0, 0);
	expect(&made, "192.0.2.1", "192.0.2.1");
	expect(&made, "2001:db8::1", "2001:db8::1");
	expect(&made, "::ffff:10.0.0.1", "10.0.0.1");
	expect_wrong(&made, "192.0.2");
	expect_wrong(&made, "192.0.2.256");
	expect_wrong(&made, "host");
	expect_wrong(&made, "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa");
	schema_free(made.schema);
	make(&made, FIELD_MAC, 0, 0);
	expect(&made, "02:00:00:Ab:cd:EF", "02:00:00:ab:cd:ef");
	expect(&made, "02-00-00-ab-cd-ef", "02:00:00:ab:cd:ef");
	expect_wrong(&made, "02:00:00:ab:cd");
	expect_wrong(&made, "02:00:00:ab:cd:eg");
	schema_free(made.schema);
}

static void test_words(void **state) {
	struct made made;
	make(&made, FIELD_BOOL, 0, 0);
	expect(&made, "true", "true");
	expect(&made, "false", "false");
	expect(&made, "1", "true");
	expect(&made, "0", "false");
	expect_wrong(&made, "yes");
	expect_wrong(&made, "");
	schema_free(made.schema);
	make(&made, FIELD_STRING, 4, 0);
	expect(&made, "", "");
	expect(&made, "abcd", "abcd");
	assert_int_equal(parse(&made, "abcde"), VALUE_CUT);
	assert_memory_equal(made.body.bytes + made.column.field->offset, "abcd\0", 5);
	schema_free(made.schema);
	assert_int_equal(schema_new(&made.schema, "made"), 0);
	assert_int_equal(schema_add_like(made.schema, "why", schema_field(&flow_schema, "end_reason")), 0);
	made.column = (struct column){schema_last(made.schema), 0};
	expect(&made, "tcp_end", "tcp_end");
	expect_wrong(&made, "tcp_en");
	schema_free(made.schema);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_reals),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
