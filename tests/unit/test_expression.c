// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Expressions: what each operator and function gives, what is absent, what is refused and where, and that a batch gives
// what its tuples give one by one. The results were written down from docs/expressions.md.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/expression.h"

struct body {
	uint64_t present;
	uint64_t big, bytes;
	int64_t debt;
	double ratio;
	uint32_t items[4];
	uint32_t small;
	uint16_t ports[4], port;
	uint8_t flags, item_count, port_count, reason;
	bool is_open;
	uint8_t ip[16], ip6[16], mac[6];
	char name[12], city[8];
};

static const char *const reasons[] = {"idle", "active", "tcp_end", NULL};

#define AT(member) .offset = offsetof(struct body, member)
static const struct field fields[] = {
	{.name = "big", .type = FIELD_U64, AT(big)},
	{.name = "fwd.bytes", .type = FIELD_U64, AT(bytes), .present = 1},
	{.name = "debt", .type = FIELD_I64, AT(debt)},
	{.name = "ratio", .type = FIELD_F64, AT(ratio)},
	{.name = "items",
		.type = FIELD_U32_LIST,
		AT(items),
		.length = 4,
		.count_offset = offsetof(struct body, item_count),
		.present = 2},
	{.name = "small", .type = FIELD_U32, AT(small)},
	{.name = "ports",
		.type = FIELD_U16_LIST,
		AT(ports),
		.length = 4,
		.count_offset = offsetof(struct body, port_count)},
	{.name = "port", .type = FIELD_U16, AT(port), .present = 3},
	{.name = "flags", .type = FIELD_U8, AT(flags)},
	{.name = "reason", .type = FIELD_ENUM, AT(reason), .choices = reasons},
	{.name = "is_open", .type = FIELD_BOOL, AT(is_open), .present = 4},
	{.name = "ip", .type = FIELD_IP, AT(ip)},
	{.name = "ip6", .type = FIELD_IP, AT(ip6)},
	{.name = "mac", .type = FIELD_MAC, AT(mac)},
	{.name = "name", .type = FIELD_STRING, AT(name), .length = 12},
	{.name = "city", .type = FIELD_STRING, AT(city), .length = 8, .present = 5},
	{.name = "odd name", .type = FIELD_U32, AT(small)},
	{.name = NULL},
};
static const struct schema schema = {
	.name = "test", .body = SCHEMA_RECORD, .size = sizeof(struct body), .fields = fields};

static const struct body body = {
	.present = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4,
	.big = UINT64_MAX,
	.bytes = 1500,
	.debt = -7,
	.ratio = 2.5,
	.items = {10, 20, 30},
	.item_count = 3,
	.small = 4000000000,
	.ports = {80, 443},
	.port_count = 2,
	.port = 443,
	.flags = 0x12,
	.reason = 1,
	.is_open = true,
	.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3},
	.ip6 = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
	.mac = {2, 0, 0, 0, 0, 1},
	.name = "Hello World", // with its zero, as long as the field
};

static void format_value(const struct value *value, char *out, size_t size) {
	struct field as = {.type = value->type};
	if (!value->present)
		snprintf(out, size, "absent");
	else if (value->type == FIELD_BOOL)
		snprintf(out, size, "%s", value->truth ? "true" : "false");
	else if (value->type == FIELD_STRING)
		snprintf(out, size, "'%.*s'", (int)value->bytes.size, (const char *)value->bytes.data);
	else if (value->type == FIELD_IP || value->type == FIELD_MAC)
		field_format(&as, value->bytes.data, out, size);
	else
		field_format(&as, &value->u64, out, size);
	if (value->present && value->type == FIELD_F64 && strpbrk(out, ".e") == NULL)
		strncat(out, ".0", size - strlen(out) - 1);
}

static const char *const results[][2] = {
	// numbers
	{"1 + 2 * 3", "7"},
	{"(1 + 2) * 3", "9"},
	{"7 - 10", "-3"},
	{"-7 - 1", "-8"},
	{"- -7", "7"},
	{"2 * -3", "-6"},
	{"7 / 2", "3.5"},
	{"7 // 2", "3"},
	{"-7 // 2", "-3"},
	{"7 % 4", "3"},
	{"-7 % 4", "-3"},
	{"1 + 2.5", "3.5"},
	{"0x1f + 1", "32"},
	{"1e3", "1000.0"},
	{"2.5e-1", "0.25"},
	{"10k + 1M", "1010000"},
	{"4KiB", "4096"},
	{"1m + 30s + 500ms", "90500000000"},
	{"2d", "172800000000000"},
	{"fwd.bytes / 1000", "1.5"},
	{"big - big", "0"},
	{"small * 4", "16000000000"},
	{"flags", "18"},
	{"debt + 10", "3"},
	{"abs(debt)", "7"},
	{"min(3, 1, 2)", "1"},
	{"max(3, 1, 4.5)", "4.5"},
	{"min(debt, 5)", "-7"},
	{"floor(2.7)", "2.0"},
	{"ceil(2.1)", "3.0"},
	{"round(2.5)", "3.0"},
	{"sqrt(9)", "3.0"},
	{"log(1)", "0.0"},
	{"exp(0)", "1.0"},
	{"int(-2.7)", "-2"},
	{"int(5)", "5"},
	{"float(5)", "5.0"},
	{"`odd name`", "4000000000"},
	{"6 & 3 | 8 ^ 1", "11"},
	{"1 << 4 >> 2", "4"},
	{"~0 >> 60", "15"},
	{"flags & 2 != 0", "true"},
	// no value
	{"1 / 0", "absent"},
	{"1 // 0", "absent"},
	{"debt % 0", "absent"},
	{"0.0 / 0.0", "absent"},
	{"big + 1", "absent"},
	{"big * 2", "absent"},
	{"big - 0", "absent"},
	{"-big", "absent"},
	{"1 << 64", "absent"},
	{"3 << 63", "absent"},
	{"1 >> 64", "0"},
	{"sqrt(0 - 1)", "absent"},
	{"log(0)", "absent"},
	{"int(1e30)", "absent"},
	{"city", "absent"},
	{"length(city) + 1", "absent"},
	{"if(city == 'x', 1, 2)", "absent"},
	{"items[3]", "absent"},
	{"big + debt", "absent"},
	{"present(city)", "false"},
	{"present(items)", "true"},
	{"default(city, name)", "'Hello World'"},
	{"default(1 // 0, big + 1, 5)", "5"},
	{"default(port, 0)", "443"},
	// truth
	{"true and not false", "true"},
	{"1 == 1 && !(2 < 1)", "true"},
	{"false or false", "false"},
	{"city == 'x' and false", "false"},
	{"city == 'x' or true", "true"},
	{"city == 'x' or false", "absent"},
	{"not (city == 'x')", "absent"},
	{"not 1 == 2", "true"},
	{"is_open", "true"},
	{"is_open == true", "true"},
	{"is_open != (1 < 2)", "false"},
	{"if(port == 443, 'https', 'other')", "'https'"},
	{"if(1 > 2, 1, 2.5)", "2.5"},
	{"if(1 > 2, true, false)", "false"},
	// comparisons
	{"1 < 2", "true"},
	{"2 <= 2", "true"},
	{"3 >= 4", "false"},
	{"2 > 1.5", "true"},
	{"debt < 0", "true"},
	{"-1 < 1", "true"},
	{"'abc' < 'abd'", "true"},
	{"'ab' < 'abc'", "true"},
	{"'' == \"\"", "true"},
	{"ip == 10.1.2.3", "true"},
	{"ip < 10.1.2.4", "true"},
	{"ip6 == 2001:db8::1", "true"},
	{"mac == 02:00:00:00:00:01", "true"},
	{"mac != 02:00:00:00:00:01", "false"},
	{"reason == 'active'", "true"},
	{"'idle' == reason", "false"},
	{"reason != 'idle'", "true"},
	{"reason < 'idle'", "true"},
	{"reason", "'active'"},
	{"concat(reason, '!')", "'active!'"},
	// in
	{"ip in 10.0.0.0/8", "true"},
	{"ip in 10.1.2.0/25", "true"},
	{"ip not in 10.1.2.128/25", "true"},
	{"ip in 0.0.0.0/0", "true"},
	{"ip6 in 0.0.0.0/0", "false"},
	{"ip6 in 2001:db8::/32", "true"},
	{"ip6 in ::/0", "true"},
	{"ip in [192.168.0.0/16, 10.1.2.3]", "true"},
	{"ip in [192.168.0.0/16, 10.1.2.4]", "false"},
	{"port in [80, 443]", "true"},
	{"port not in [80, 443]", "false"},
	{"port in ports", "true"},
	{"8080 in ports", "false"},
	{"20 in items", "true"},
	{"40 in items", "false"},
	{"reason in ['idle', 'tcp_end']", "false"},
	{"name in ['x', 'Hello World']", "true"},
	{"items[1]", "20"},
	{"ports[0] + ports[1]", "523"},
	{"length(items)", "3"},
	// texts
	{"length(name)", "11"},
	{"lower(name)", "'hello world'"},
	{"upper('straße')", "'STRAßE'"},
	{"contains(name, 'lo Wo')", "true"},
	{"contains(name, 'x')", "false"},
	{"starts_with(name, 'Hell')", "true"},
	{"starts_with('a', 'ab')", "false"},
	{"ends_with(name, 'World')", "true"},
	{"ends_with(name, '')", "true"},
	{"slice(name, 6)", "'World'"},
	{"slice(name, 1, 3)", "'ell'"},
	{"slice(name, 20, 3)", "''"},
	{"concat(lower(name), ':', port)", "'hello world:443'"},
	{"concat(ip, ' ', mac, ' ', is_open, ' ', ratio, ' ', debt)", "'10.1.2.3 02:00:00:00:00:01 true 2.5 -7'"},
	{"text(ip6)", "'2001:db8::1'"},
	{"'a\\'b\\n\\x41'", "'a'b\nA'"},
	{"prefix(ip, 24)", "10.1.2.0"},
	{"prefix(ip, 20) == 10.1.0.0", "true"},
	{"prefix(ip, 99)", "10.1.2.3"},
	{"prefix(ip6, 32)", "2001:db8::"},
	{"prefix(ip6, 0)", "::"},
	{"ip_version(ip) + ip_version(ip6)", "10"},
};

static void test_results(void **state) {
	char error[EXPRESSION_ERROR_MAX], text[256];
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct expression *expression;
		if (expression_new(&expression, results[i][0], &schema, error, sizeof(error)) != 0)
			fail_msg("%s: %s", results[i][0], error);
		struct value value;
		expression_eval(expression, &body, &value);
		assert_int_equal(value.type, expression_type(expression));
		format_value(&value, text, sizeof(text));
		if (strcmp(text, results[i][1]) != 0)
			fail_msg("%s: expected %s, got %s", results[i][0], results[i][1], text);
		expression_free(expression);
	}
}

static const char *const refused[][2] = {
	{"", "column 1: the text ends: expected a field or a value"},
	{"1 +", "column 4: the text ends: expected a field or a value"},
	{"byts", "column 1: \"byts\": no field of test"},
	{"1 + prt", "column 5: \"prt\": no field of test, did you mean \"port\"?"},
	{"port = 443", "column 6: \"=\": expected == to compare"},
	{"1 < 2 < 3", "column 7: comparisons don't chain: expected and between them"},
	{"port 443", "column 6: \"443\": expected an operator or the end"},
	{"(1 + 2", "column 7: the text ends: expected an operator or )"},
	{"1 + 'a'", "column 5: +: expected a number, this is a text"},
	{"not 5", "column 5: not: expected true or false, this is a number"},
	{"1 and true", "column 1: and: expected true or false, this is a number"},
	{"ip == 'x'", "column 7: types: expected an IP address, this is a text"},
	{"1.5 & 2", "column 1: &: expected a whole number that is not negative, this is a number"},
	{"1.5 % 2", "column 1: %: expected a whole number, this is a number"},
	{"true < false", "column 1: an order: expected a number, a text or an address, this is true or false"},
	{"reason == 'idel'", "column 11: reason: expected idle, active or tcp_end"},
	{"ip in 10.0.0.1/8", "column 7: \"10.0.0.1/8\": expected an address without bits beyond its prefix, such as "
			     "10.0.0.0/8"},
	{"ip in 10.0.0.0/33", "column 7: \"10.0.0.0/33\": expected a prefix of 0..32 bits"},
	{"10.0.0.300", "column 1: \"10.0.0.300\": expected an address such as 10.0.0.1, 2001:db8::1 or "
		       "02:00:00:00:00:01"},
	{"10.0.0.0/8", "column 1: a prefix: expected only behind in"},
	{"[1, 2]", "column 1: a list: expected only behind in"},
	{"port in []", "column 9: []: expected an item at least"},
	{"port in 443", "column 9: in: expected a prefix such as 10.0.0.0/8, a list such as [80, 443], or a field that "
			"is a list"},
	{"port in [80, 'x']", "column 14: types: expected a number, this is a text"},
	{"items + 1", "column 1: +: expected a number, this is a list"},
	{"port[0]", "column 1: an item: expected a list before [, this is a number"},
	{"items[-1]", "column 7: an item's number: expected a whole number that is not negative, this is a number"},
	{"lengths(name)", "column 1: \"lengths\": no such function, did you mean \"length\"?"},
	{"if(true, 1)", "column 1: if: 2 arguments: expected if(condition, value, other)"},
	{"if(true, 1, 'x')", "column 13: types: expected a number, this is a text"},
	{"lower(5)", "column 7: lower: expected a text, this is a number"},
	{"prefix(ip, 0 - 1)", "column 12: prefix: expected a whole number that is not negative, this is a number"},
	{"'abc", "column 1: \"'abc\": expected a closing quote"},
	{"5x", "column 1: \"5x\": expected a number such as 5, 0x1f, 2.5, 1e9, 10k, 4KiB or 30s"},
	{"99999999999999999999", "column 1: \"99999999999999999999\": expected a number below 2^64"},
	{"20000000000G", "column 1: \"20000000000G\": expected a number below 2^64"},
	{"a $ b", "column 3: \"$\": expected a field, a value or an operator"},
	{"1 & not true", "column 5: not: expected brackets around it"},
	{"((((((((((((((((((((((((((((((((((((((((((((((((((1",
		"column 49: nested too deep: expected at most 48 levels"},
};

static void test_refused(void **state) {
	char error[EXPRESSION_ERROR_MAX];
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct expression *expression;
		if (expression_new(&expression, refused[i][0], &schema, error, sizeof(error)) == 0)
			fail_msg("%s: not refused", refused[i][0]);
		if (strcmp(error, refused[i][1]) != 0)
			fail_msg("%s: expected \"%s\", got \"%s\"", refused[i][0], refused[i][1], error);
	}
}

static void test_what_is_wanted(void **state) {
	char error[EXPRESSION_ERROR_MAX];
	struct expression *expression;
	assert_int_not_equal(expression_new_condition(&expression, "port + 1", &schema, error, sizeof(error)), 0);
	assert_string_equal(error, "expected a condition, this is a number");
	assert_int_not_equal(expression_new_number(&expression, "name", &schema, error, sizeof(error)), 0);
	assert_string_equal(error, "expected a number, this is a text");
	assert_int_equal(expression_new_number(&expression, "port + 1", &schema, error, sizeof(error)), 0);
	struct value value;
	expression_eval(expression, &body, &value);
	assert_int_equal(value.type, FIELD_F64);
	assert_true(value.present && value.f64 == 444.0);
	expression_free(expression);
}

static void test_what_it_is(void **state) {
	static const struct {
		const char *text, *field;
		enum field_type type;
		unsigned length;
	} cases[] = {
		{"port", "port", FIELD_U64, 0},
		{"(items)", "items", FIELD_U32_LIST, 0},
		{"name", "name", FIELD_STRING, 12},
		{"reason", "reason", FIELD_STRING, 7},
		{"port + 1", NULL, FIELD_U64, 0},
		{"port - 1", NULL, FIELD_I64, 0},
		{"concat(name, 'abc')", NULL, FIELD_STRING, 15},
		{"if(is_open, name, 'a')", NULL, FIELD_STRING, 12},
		{"not is_open", NULL, FIELD_BOOL, 0},
		{"prefix(ip, 8)", NULL, FIELD_IP, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[EXPRESSION_ERROR_MAX];
		struct expression *expression;
		assert_int_equal(expression_new(&expression, cases[i].text, &schema, error, sizeof(error)), 0);
		const struct field *field = expression_field(expression);
		assert_string_equal(field != NULL ? field->name : "", cases[i].field != NULL ? cases[i].field : "");
		assert_int_equal(expression_type(expression), cases[i].type);
		assert_int_equal(expression_length(expression), cases[i].length);
		expression_free(expression);
	}
}

// A batch of different tuples, some without their fields, gives what each gives alone.
static void test_batches(void **state) {
	static const char *const texts[] = {
		"fwd.bytes + port",
		"fwd.bytes > 30 and port != 7",
		"fwd.bytes // (port % 3)",
		"if(is_open, name, city)",
		"concat(name, port)",
		"prefix(ip, 28)",
		"port in items or 5 in ports",
		"default(fwd.bytes, 99) - 50",
		"fwd.bytes / port",
		"not is_open or city == 'b'",
	};
	struct body bodies[EXPRESSION_BATCH];
	const void *places[EXPRESSION_BATCH];
	for (unsigned i = 0; i < EXPRESSION_BATCH; i++) {
		bodies[i] = body;
		bodies[i].present = (uint64_t)i * 7 % 64;
		bodies[i].bytes = i;
		bodies[i].port = (uint16_t)(i % 16);
		bodies[i].is_open = i % 5 == 0;
		bodies[i].ip[15] = (uint8_t)(i * 3);
		bodies[i].port_count = (uint8_t)(i % 5);
		bodies[i].ports[0] = (uint16_t)(i % 7);
		snprintf(bodies[i].name, sizeof(bodies[i].name), "n%u", i);
		snprintf(bodies[i].city, sizeof(bodies[i].city), "%s", i % 2 ? "a" : "b");
		places[i] = &bodies[i];
	}
	for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
		char error[EXPRESSION_ERROR_MAX], one[64], of_batch[64];
		struct expression *whole, *single;
		assert_int_equal(expression_new(&whole, texts[t], &schema, error, sizeof(error)), 0);
		assert_int_equal(expression_new(&single, texts[t], &schema, error, sizeof(error)), 0);
		const struct column *column = expression_run(whole, places, EXPRESSION_BATCH);
		for (unsigned i = 0; i < EXPRESSION_BATCH; i++) {
			struct value value, at = {.type = expression_type(whole), .present = column->present >> i & 1};
			if (at.type == FIELD_BOOL)
				at.truth = column->truth >> i & 1;
			else if (at.type == FIELD_IP || at.type == FIELD_STRING)
				at.bytes = column->bytes[i];
			else
				at.u64 = column->u64[i];
			expression_eval(single, places[i], &value);
			format_value(&value, one, sizeof(one));
			format_value(&at, of_batch, sizeof(of_batch));
			assert_string_equal(of_batch, one);
		}
		expression_free(whole);
		expression_free(single);
	}
}

static void test_selection(void **state) {
	struct body bodies[3] = {body, body, body};
	const void *places[] = {&bodies[0], &bodies[1], &bodies[2]};
	char error[EXPRESSION_ERROR_MAX];
	struct expression *expression;
	bodies[1].port = 80;
	bodies[2].present = 0; // no port
	assert_int_equal(expression_new_condition(&expression, "port == 443", &schema, error, sizeof(error)), 0);
	assert_int_equal(expression_select(expression, places, 3), 1);
	expression_free(expression);
	assert_int_equal(expression_new_condition(&expression, "not (port == 443)", &schema, error, sizeof(error)), 0);
	assert_int_equal(expression_select(expression, places, 3), 2);
	expression_free(expression);
	assert_int_equal(expression_new_condition(&expression, "true", &schema, error, sizeof(error)), 0);
	assert_int_equal(expression_select(expression, places, 3), 7);
	expression_free(expression);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_what_is_wanted),
		cmocka_unit_test(test_what_it_is),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_selection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
