// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines of comma-separated values: quoting, absent fields and lists, as the header says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/flow_record.h"
#include "dataplane/csv_format.h"

struct body {
	uint64_t present;
	double share;
	uint32_t labels[3];
	uint8_t ip[16], mac[6];
	uint8_t kind, label_count, small;
	bool flag;
	char text[8];
};
static const char *const kinds[] = {"plain", "with, comma", NULL};
#define AT(member) .offset = offsetof(struct body, member)
static const struct field fields[] = {
	{"text", FIELD_STRING, AT(text), .length = 8},
	{"kind", FIELD_ENUM, AT(kind), .choices = kinds},
	{"ip", FIELD_IP, AT(ip)},
	{"mac", FIELD_MAC, AT(mac), .present = 1},
	{"a.labels", FIELD_U32_LIST, AT(labels), .length = 3, .count_offset = offsetof(struct body, label_count)},
	{"a.small", FIELD_U8, AT(small), .present = 2},
	{"flag", FIELD_BOOL, AT(flag)},
	{"share", FIELD_F64, AT(share)},
	{0},
};
static const struct schema schema = {.name = "test",
	.body = SCHEMA_RECORD,
	.size = sizeof(struct body),
	.present_offset = offsetof(struct body, present),
	.fields = fields};

// Format into a heap block of exactly the promised size, so that a sanitizer sees what goes beyond.
static void assert_line(const struct body *body, const char *expected) {
	struct csv_format *format;
	assert_int_equal(csv_format_new(&format, &schema), 0);
	assert_string_equal(csv_format_header(format), "text,kind,ip,mac,a.labels,a.small,flag,share\n");
	char *line = malloc(csv_format_max(format));
	size_t size = csv_format_line(format, body, line);
	assert_true(size <= csv_format_max(format));
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(line, expected, size);
	free(line);
	csv_format_free(format);
}

static void test_values(void **state) {
	struct body body = {
		.present = 1 << 1 | 1 << 2,
		.ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1},
		.mac = {2, 0, 0xab, 0, 0, 255},
		.small = 0,
		.labels = {7, 4294967295, 9},
		.label_count = 2,
		.flag = true,
		.share = 0.1,
		.text = "abc",
	};
	assert_line(&body, "abc,plain,192.0.2.1,02:00:ab:00:00:ff,7 4294967295,0,true,0.1\n");
	body.present = 0;
	body.label_count = 0;
	body.ip[0] = 0x20;
	body.kind = 1;
	body.share = 1e300 * 1e300;
	assert_line(&body, "abc,\"with, comma\",2000::ffff:c000:201,,,,true,\n");
	body.kind = 9;
	assert_line(&body, "abc,9,2000::ffff:c000:201,,,,true,\n");
}

static void test_text(void **state) {
	static const struct {
		const char *text, *written;
	} cases[] = {
		{"a b", "a b"},
		{"", "\"\""},
		{"a,b", "\"a,b\""},
		{"a\"b", "\"a\"\"b\""},
		{"\"\"\"\"\"\"\"\"", "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""},
		{"a\nb", "\"a\nb\""},
		{"a\r", "\"a\r\""},
		{" a", "\" a\""},
		{"a ", "\"a \""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct body body = {.present = 0};
		char expected[64];
		memcpy(body.text, cases[i].text, strnlen(cases[i].text, sizeof(body.text)));
		snprintf(expected, sizeof(expected), "%s,plain,::,,,,false,0\n", cases[i].written);
		assert_line(&body, expected);
	}
}

// The longest line of a real schema fits into what is promised for it.
static void test_longest_flow(void **state) {
	struct csv_format *format;
	struct flow_record record;
	memset(&record, 0xff, sizeof(record));
	record.vlan_count = FLOW_VLAN_MAX;
	record.mpls_count = FLOW_MPLS_MAX;
	assert_int_equal(csv_format_new(&format, &flow_schema), 0);
	char *line = malloc(csv_format_max(format));
	assert_true(csv_format_line(format, &record, line) <= csv_format_max(format));
	unsigned commas = 0, columns = 0;
	for (const char *at = line; *at != '\n'; at++)
		commas += *at == ',';
	for (const char *at = csv_format_header(format); *at != '\n'; at++)
		columns += *at == ',';
	assert_int_equal(commas, columns);
	free(line);
	csv_format_free(format);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_longest_flow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
