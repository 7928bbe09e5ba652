// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// JSON lines: what the formatter writes, jansson reads back as the values that went in.
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/flow_record.h"
#include "dataplane/json_format.h"
#include "dataplane/json_value.h"
#include "dataplane/value_text.h"

// Format into a heap block of exactly the promised size, so that a sanitizer sees what goes beyond.
static char *format(const struct schema *schema, const void *body) {
	struct json_format *format;
	assert_int_equal(json_format_new(&format, schema), 0);
	char *line = malloc(json_format_max(format));
	assert_non_null(line);
	size_t size = json_format_line(format, body, line);
	assert_true(size <= json_format_max(format));
	assert_int_equal(line[size - 1], '\n');
	assert_null(memchr(line, '\n', size - 1));
	line[size - 1] = '\0';
	json_format_free(format);
	return line;
}

static json_t *parse(const struct schema *schema, const void *body) {
	char *line = format(schema, body);
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		fail_msg("%s: %s", error.text, line);
	free(line);
	return object;
}

static void assert_line(const struct schema *schema, const void *body, const char *expected) {
	char *line = format(schema, body);
	assert_string_equal(line, expected);
	free(line);
}

static void test_flow(void **state) {
	struct flow_record record = {
		.present = 1 << FLOW_HAS_PORTS | 1 << FLOW_HAS_VLAN,
		.src_ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
		.dst_ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 255},
		.src_port = 1024,
		.dst_port = 53,
		.protocol = 17,
		.end_reason = FLOW_END_OF_INPUT,
		.vlan_count = 2,
		.vlan = {5, 4095},
		.start_ns = 1700000000123456789,
		.fwd = {.packets = 1, .bytes = 99, .ttl = 64},
	};
	assert_line(&flow_schema, &record,
		"{\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.255\",\"src_port\":1024,\"dst_port\":53,\"protocol\":17,"
		"\"vlan\":[5,4095],\"start_ns\":1700000000123456789,\"end_ns\":0,\"duration_ns\":0,"
		"\"end_reason\":\"end_of_input\",\"fwd\":{\"packets\":1,\"bytes\":99,\"payload_bytes\":0,\"ttl\":64,"
		"\"tos\":0}}");
}

// Every field of the schema, at its longest.
static void test_flow_full(void **state) {
	struct flow_record record;
	memset(&record, 0xff, sizeof(record));
	record.start_ns = record.end_ns = record.duration_ns = record.response_ns =
		INT64_MAX; // jansson reads no more than that
	record.fwd.packets = record.fwd.bytes = record.fwd.payload_bytes = record.fwd.throughput_bps = INT64_MAX;
	record.rev = record.fwd;
	memset(&record.tcp, 0x7f, sizeof(record.tcp));
	record.tcp.limited = true;
	record.end_reason = FLOW_END_REASONS; // no such reason: its number
	json_t *object = parse(&flow_schema, &record);
	json_t *rev = json_object_get(object, "rev");
	assert_int_equal(json_object_size(rev), 7);
	assert_int_equal(json_integer_value(json_object_get(rev, "throughput_bps")), INT64_MAX);
	assert_int_equal(json_integer_value(json_object_get(rev, "tcp_flags")), 255);
	assert_int_equal(json_array_size(json_object_get(object, "vlan")), FLOW_VLAN_MAX);
	assert_int_equal(json_array_size(json_object_get(object, "mpls")), FLOW_MPLS_MAX);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(object, "mpls"), 7)), UINT32_MAX);
	assert_string_equal(json_string_value(json_object_get(object, "dst_mac")), "ff:ff:ff:ff:ff:ff");
	assert_int_equal(json_integer_value(json_object_get(object, "end_reason")), FLOW_END_REASONS);
	json_decref(object);
}

struct sample {
	uint64_t present;
	double f64;
	uint32_t a, b;
	char text[12];
	bool yes;
};

#define AT(member) .offset = offsetof(struct sample, member)

static void test_nesting(void **state) {
	// Members of one object that do not stand together in the table still end up in one object.
	static const struct field fields[] = {
		{"x.y.a", FIELD_U32, AT(a), .present = 1},
		{"top", FIELD_U32, AT(a), .present = 2},
		{"x.y.b", FIELD_U32, AT(b), .present = 3},
		{"x.c", FIELD_U32, AT(b), .present = 4},
		{"xy", FIELD_BOOL, AT(yes), .present = 5},
		{0},
	};
	static const struct schema schema = {"sample", SCHEMA_RECORD, sizeof(struct sample), 0, fields};
	struct sample sample = {.present = 0x3e, .a = 1, .b = 2};
	assert_line(&schema, &sample, "{\"x\":{\"y\":{\"a\":1,\"b\":2},\"c\":2},\"top\":1,\"xy\":false}");
	sample.present = 1 << 3;
	assert_line(&schema, &sample, "{\"x\":{\"y\":{\"b\":2}}}");
	sample.present = 1 << 4 | 1 << 5;
	assert_line(&schema, &sample, "{\"x\":{\"c\":2},\"xy\":false}");
	sample.present = 0;
	assert_line(&schema, &sample, "{}");
	sample.present = UINT64_MAX;
	json_decref(parse(&schema, &sample));
}

static void test_too_deep(void **state) {
	static const struct field fields[] = {{"a.b.c.d.e.f.g.h.i.j", FIELD_U32, AT(a)}, {0}};
	static const struct schema schema = {"deep", SCHEMA_RECORD, sizeof(struct sample), 0, fields};
	struct json_format *format;
	assert_int_equal(json_format_new(&format, &schema), -EINVAL);
}

static void assert_string(const char *text, size_t size, const char *expected) {
	char out[128];
	char *end = json_write_string(out, text, size);
	*end = '\0';
	assert_true((size_t)(end - out) <= 6 * size + 2);
	json_t *value = json_loads(out, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!value)
		fail_msg("not JSON: %s", out);
	assert_int_equal(json_string_length(value), strlen(expected));
	assert_string_equal(json_string_value(value), expected);
	json_decref(value);
}

#define BAD "\xef\xbf\xbd"

static void test_strings(void **state) {
	assert_string("", 0, "");
	assert_string("a\"b\\c/d\x7f", 8, "a\"b\\c/d\x7f");
	assert_string("\b\f\n\r\t\x01\x1f", 7, "\b\f\n\r\t\x01\x1f");
	assert_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_string("\xff|\x80|\xc3", 5, BAD "|" BAD "|" BAD);                  // no lead, no lead, cut
	assert_string("\xc0\xaf", 2, BAD BAD);                                    // overlong /
	assert_string("\xe0\x80\xaf", 3, BAD BAD BAD);                            // overlong
	assert_string("\xed\xa0\x80", 3, BAD BAD BAD);                            // surrogate
	assert_string("\xf4\x90\x80\x80", 4, BAD BAD BAD BAD);                    // beyond U+10FFFF
	assert_string("\xe2\x82", 2, BAD BAD);                                    // cut by the end
	assert_string("\xe2\x82\"", 3, BAD BAD "\"");                             // cut by a quote, which stays escaped
	assert_string("\xed\x9f\xbf\xee\x80\x80", 6, "\xed\x9f\xbf\xee\x80\x80"); // the neighbours of the surrogates
}

static void test_string_field(void **state) {
	static const struct field fields[] = {{"text", FIELD_STRING, AT(text), .length = 12}, {0}};
	static const struct schema schema = {"text", SCHEMA_RECORD, sizeof(struct sample), 0, fields};
	struct sample sample = {.text = "ab"};
	assert_line(&schema, &sample, "{\"text\":\"ab\"}");
	memset(sample.text, 1, sizeof(sample.text)); // no closing zero, each byte six characters
	json_decref(parse(&schema, &sample));
}

static void test_numbers(void **state) {
	char out[64], expected[64];
	for (uint64_t value = 1, i = 0; i < 20; i++, value *= 10) {
		for (int delta = -1; delta <= 1; delta++) {
			*value_write_u64(out, value + (uint64_t)delta) = '\0';
			snprintf(expected, sizeof(expected), "%llu", (unsigned long long)(value + (uint64_t)delta));
			assert_string_equal(out, expected);
		}
	}
	*value_write_u64(out, UINT64_MAX) = '\0';
	assert_string_equal(out, "18446744073709551615");
	static const double doubles[] = {0, -0.0, 0.1, 1.0 / 3, 1e300, 5e-324, -1.7976931348623157e308, 123456789};
	for (size_t i = 0; i < sizeof(doubles) / sizeof(doubles[0]); i++) {
		*json_write_f64(out, doubles[i]) = '\0';
		assert_true(strtod(out, NULL) == doubles[i]);
	}
	*json_write_f64(out, NAN) = '\0';
	assert_string_equal(out, "null");
	*json_write_f64(out, -INFINITY) = '\0';
	assert_string_equal(out, "null");
}

static void test_addresses(void **state) {
	static const char *const addresses[] = {
		"::",
		"::1",
		"1::",
		"2001:db8::1",
		"2001:db8:0:1:1:1:1:1",
		"2001:0:0:1::1",
		"1:0:0:2:0:0:0:3",
		"1:2:3:4:5:6:7:8",
		"ff02::fb",
		"0:1::",
		"1::8:0",
		"a:bc:def:1234::",
	};
	uint8_t ip[16];
	char out[64], expected[64];
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		assert_int_equal(inet_pton(AF_INET6, addresses[i], ip), 1);
		inet_ntop(AF_INET6, ip, expected + 1, sizeof(expected) - 2);
		expected[0] = '"';
		strcat(expected, "\"");
		*json_write_ip(out, ip) = '\0';
		assert_string_equal(out, expected);
	}
	inet_pton(AF_INET6, "::ffff:192.0.2.100", ip);
	*json_write_ip(out, ip) = '\0';
	assert_string_equal(out, "\"192.0.2.100\"");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_flow_full),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_string_field),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
