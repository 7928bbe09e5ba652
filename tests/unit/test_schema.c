// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schemas: every field of the shipped tables lies inside its body, and prints as promised.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/flow_record.h"

// Fields of one object must stand together, or a sink that opens an object at the first of them writes it twice.
static void assert_objects_contiguous(const struct schema *schema) {
	for (const struct field *a = schema->fields; a->name; a++) {
		const char *dot = strchr(a->name, '.');
		if (!dot)
			continue;
		size_t prefix = (size_t)(dot - a->name) + 1;
		bool left = false;
		for (const struct field *b = a + 1; b->name; b++) {
			bool same = !strncmp(a->name, b->name, prefix);
			assert_false(same && left);
			left |= !same;
		}
	}
}

static void assert_schema_sound(const struct schema *schema) {
	unsigned count = 0;
	for (const struct field *field = schema->fields; field->name; field++, count++) {
		assert_true(field_size(field) > 0);
		assert_true(field->offset + field_size(field) <= schema->size);
		assert_true(field->present <= SCHEMA_PRESENT_MAX);
		assert_non_null(field->help);
		assert_int_equal(field->type == FIELD_ENUM, field->choices != NULL);
		assert_ptr_equal(schema_field(schema, field->name), field); // no name twice
		if (field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST)
			assert_true(field->count_offset > 0 && field->count_offset < schema->size);
	}
	assert_true(count > 0 && count <= SCHEMA_FIELDS_MAX);
	assert_objects_contiguous(schema);
}

static void test_tables(void **state) {
	assert_schema_sound(&flow_schema);
	assert_schema_sound(&flow_update_schema);
	assert_null(schema_field(&flow_schema, "fwd"));
	assert_null(schema_field(&flow_schema, ""));
}

static void assert_field(const struct schema *schema, const void *body, const char *name, const char *expected) {
	char text[256];
	size_t length = field_format(schema_field(schema, name), body, text, sizeof(text));
	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static void test_format(void **state) {
	struct flow_record record = {
		.src_ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 255},
		.dst_ip = {[0] = 0x20, [1] = 0x01, [2] = 0x0d, [3] = 0xb8, [15] = 1},
		.src_port = 65535,
		.protocol = 6,
		.end_reason = FLOW_END_TCP,
		.vlan_count = 2,
		.vlan = {7, 4094},
		.mpls_count = 200, // past the array: as many as there are
		.mpls = {[0] = 1048575},
		.src_mac = {0x02, 0, 0, 0xab, 0xcd, 0xef},
		.start_ns = UINT64_MAX,
	};
	assert_field(&flow_schema, &record, "src_ip", "192.0.2.255");
	assert_field(&flow_schema, &record, "dst_ip", "2001:db8::1");
	assert_field(&flow_schema, &record, "src_port", "65535");
	assert_field(&flow_schema, &record, "protocol", "6");
	assert_field(&flow_schema, &record, "end_reason", "tcp_end");
	assert_field(&flow_schema, &record, "vlan", "[7,4094]");
	assert_field(&flow_schema, &record, "mpls", "[1048575,0,0,0,0,0,0,0]");
	assert_field(&flow_schema, &record, "src_mac", "02:00:00:ab:cd:ef");
	assert_field(&flow_schema, &record, "start_ns", "18446744073709551615");
	record.end_reason = FLOW_END_REASONS;
	assert_field(&flow_schema, &record, "end_reason", "6");
}

struct sample {
	double f64;
	bool yes;
	char text[4];
};

static void test_format_others(void **state) {
	static const struct field fields[] = {
		{"f64", FIELD_F64, offsetof(struct sample, f64)},
		{"yes", FIELD_BOOL, offsetof(struct sample, yes)},
		{"text", FIELD_STRING, offsetof(struct sample, text), .length = 4},
		{0},
	};
	static const struct schema schema = {"sample", SCHEMA_RECORD, sizeof(struct sample), 0, fields};
	struct sample sample = {.f64 = 0.1, .yes = true, .text = {'a', 'b', 'c', 'd'}};
	assert_field(&schema, &sample, "f64", "0.1");
	assert_field(&schema, &sample, "yes", "true");
	assert_field(&schema, &sample, "text", "abcd"); // all four, no closing zero
	sample.f64 = 1.0 / 3;
	assert_field(&schema, &sample, "f64", "0.3333333333333333");
	sample.text[1] = '\0';
	assert_field(&schema, &sample, "text", "a");
}

static void test_format_small(void **state) {
	struct flow_record record = {.vlan_count = 3, .vlan = {100, 200, 300}};
	char text[8] = "xxxxxxx";
	assert_int_equal(field_format(schema_field(&flow_schema, "vlan"), &record, text, 6), 5);
	assert_string_equal(text, "[100,");
	assert_int_equal(text[6], 'x');
}

static void test_presence(void **state) {
	struct flow_record record = {.present = UINT64_C(1) << FLOW_HAS_REV};
	assert_true(schema_is_present(&flow_schema, schema_field(&flow_schema, "src_ip"), &record));
	assert_true(schema_is_present(&flow_schema, schema_field(&flow_schema, "rev.bytes"), &record));
	assert_false(schema_is_present(&flow_schema, schema_field(&flow_schema, "rev.tcp_flags"), &record));
	assert_false(schema_is_present(&flow_schema, schema_field(&flow_schema, "src_port"), &record));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_format_others),
		cmocka_unit_test(test_format_small),
		cmocka_unit_test(test_presence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
