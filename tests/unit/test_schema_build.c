// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schemas made at run time: where fields lie, their presence bits, what is refused, and when two are the same.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/flow_record.h"
#include "api/schema_build.h"

static struct schema *make(void) {
	struct schema *schema = NULL;
	assert_int_equal(schema_new(&schema, "made"), 0);
	return schema;
}

static void test_fields_are_aligned_behind_the_presence_word(void **state) {
	struct schema *schema = make();
	assert_int_equal(schema_add(schema, "yes", FIELD_BOOL, 0, NULL), 0);
	assert_int_equal(schema_add(schema, "change", FIELD_I64, 0, "bytes"), 0);
	assert_int_equal(schema_add(schema, "user", FIELD_STRING, 5, NULL), 0);
	assert_int_equal(schema_add(schema, "ports", FIELD_U16_LIST, 3, NULL), 0);
	assert_int_equal(schema_add(schema, "count", FIELD_U32, 0, NULL), 0);
	static const struct {
		const char *name;
		unsigned offset, present;
	} expected[] = {{"yes", 8, 1}, {"change", 16, 2}, {"user", 24, 3}, {"ports", 30, 4}, {"count", 40, 5}};
	for (unsigned i = 0; i < 5; i++) {
		const struct field *field = schema_field(schema, expected[i].name);
		assert_ptr_equal(field, &schema->fields[i]);
		assert_int_equal(field->offset, expected[i].offset);
		assert_int_equal(field->present, expected[i].present);
	}
	assert_int_equal(schema_field(schema, "ports")->count_offset, 36);
	assert_string_equal(schema_field(schema, "change")->unit, "bytes");
	assert_null(schema->fields[5].name);
	assert_int_equal(schema->size, 48);
	assert_int_equal(schema->present_offset, 0);
	assert_int_equal(schema->body, SCHEMA_RECORD);
	assert_int_equal(schema_all_present(schema), 0x3e);
	assert_ptr_equal(schema_last(schema), schema_field(schema, "count"));
	schema_free(schema);
}

static void test_what_is_added_is_copied(void **state) {
	struct schema *schema = make();
	char name[] = "name", unit[] = "ns";
	assert_int_equal(schema_add(schema, name, FIELD_U64, 0, unit), 0);
	assert_int_equal(schema_add_like(schema, "why", schema_field(&flow_schema, "end_reason")), 0);
	name[0] = unit[0] = 'X';
	assert_string_equal(schema->fields[0].name, "name");
	assert_string_equal(schema->fields[0].unit, "ns");
	const struct field *why = schema_field(schema, "why");
	assert_int_equal(why->type, FIELD_ENUM);
	assert_string_equal(why->choices[FLOW_END_TCP], "tcp_end");
	assert_ptr_not_equal(why->choices, schema_field(&flow_schema, "end_reason")->choices);
	schema_free(schema);
}

static void test_values_are_found(void **state) {
	struct schema *schema = make();
	assert_int_equal(schema_add(schema, "low", FIELD_I64, 0, NULL), 0);
	assert_int_equal(schema_add(schema, "text", FIELD_STRING, 4, NULL), 0);
	union {
		uint64_t words[8];
		uint8_t bytes[64];
	} body = {.words = {0x2}};
	const int64_t low = INT64_MIN;
	memcpy(body.bytes + schema->fields[0].offset, &low, sizeof(low));
	char text[64];
	field_format(&schema->fields[0], &body, text, sizeof(text));
	assert_string_equal(text, "-9223372036854775808");
	assert_true(schema_is_present(schema, &schema->fields[0], &body));
	assert_false(schema_is_present(schema, &schema->fields[1], &body));
	schema_free(schema);
}

static void test_refused(void **state) {
	struct schema *schema = make();
	char long_name[SCHEMA_NAME_MAX + 2];
	memset(long_name, 'a', sizeof(long_name));
	long_name[SCHEMA_NAME_MAX + 1] = '\0';
	assert_int_equal(schema_add(schema, "a", FIELD_U8, 0, NULL), 0);
	assert_int_equal(schema_add(schema, "a", FIELD_U16, 0, NULL), -EEXIST);
	assert_int_equal(schema_add(schema, "", FIELD_U8, 0, NULL), -EINVAL);
	assert_int_equal(schema_add(schema, long_name, FIELD_U8, 0, NULL), -EINVAL);
	assert_int_equal(schema_add(schema, "b", FIELD_U8, 1, NULL), -EINVAL);
	assert_int_equal(schema_add(schema, "b", FIELD_STRING, 0, NULL), -EINVAL);
	assert_int_equal(schema_add(schema, "b", FIELD_U16_LIST, 256, NULL), -EINVAL);
	assert_int_equal(schema_add(schema, "b", FIELD_ENUM, 0, NULL), -EINVAL);
	assert_int_equal(schema_add(schema, "b", FIELD_STRING, SCHEMA_SIZE_MAX, NULL), -ENOSPC);
	assert_int_equal(schema_add(schema, "b", FIELD_STRING, 1u << 31, NULL), -ENOSPC);
	assert_int_equal(schema->size, 16);
	assert_null(schema->fields[1].name);
	// A name may begin with another, and be as long as allowed.
	assert_int_equal(schema_add(schema, long_name + 1, FIELD_U8, 0, NULL), 0);
	schema_free(schema);
	schema_free(NULL);
}

static void test_presence_bits_run_out_before_fields(void **state) {
	struct schema *schema = make();
	char name[16];
	for (unsigned i = 0; i < SCHEMA_FIELDS_MAX; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(schema_add(schema, name, FIELD_U8, 0, NULL), 0);
	}
	assert_int_equal(schema_add(schema, "more", FIELD_U8, 0, NULL), -ENOSPC);
	assert_int_equal(schema_field(schema, "f62")->present, SCHEMA_PRESENT_MAX);
	assert_int_equal(schema_field(schema, "f63")->present, FIELD_ALWAYS);
	assert_true(schema_all_present(schema) == ~UINT64_C(1));
	schema_free(schema);
}

static void test_same(void **state) {
	struct schema *a = make(), *b = make();
	assert_true(schema_is_same(a, b));
	assert_int_equal(schema_add(a, "x", FIELD_U32, 0, NULL), 0);
	assert_ptr_equal(schema_difference(a, b), &a->fields[0]);
	assert_ptr_equal(schema_difference(b, a), &b->fields[0]); // the end of b's
	assert_int_equal(schema_add(b, "x", FIELD_U32, 0, "packets"), 0);
	assert_true(schema_is_same(a, b));
	assert_int_equal(schema_add(a, "y", FIELD_STRING, 8, NULL), 0);
	assert_int_equal(schema_add(b, "y", FIELD_STRING, 6, NULL), 0);
	assert_ptr_equal(schema_difference(a, b), &a->fields[1]);
	assert_false(schema_is_same(&flow_schema, a));
	schema_free(a);
	schema_free(b);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_are_aligned_behind_the_presence_word),
		cmocka_unit_test(test_what_is_added_is_copied),
		cmocka_unit_test(test_values_are_found),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_presence_bits_run_out_before_fields),
		cmocka_unit_test(test_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
