// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Options: values from text and back, bounds, and what messages say.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/option.h"
#include "dataplane/text.h"

struct values {
	bool flag;
	uint64_t number;
	unsigned choice;
	char *string;
	struct option_list list;
};

static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct option flag = {"flag", OPTION_BOOL, offsetof(struct values, flag)};
static const struct option count = {"count", OPTION_UINT, offsetof(struct values, number)};
static const struct option duration = {"duration", OPTION_DURATION, offsetof(struct values, number)};
static const struct option size = {"size", OPTION_SIZE, offsetof(struct values, number)};
static const struct option rate = {"rate", OPTION_RATE, offsetof(struct values, number)};
static const struct option bounded = {
	"idle_timeout", OPTION_DURATION, offsetof(struct values, number), "60s", 1000000, UINT64_C(604800000000000)};
static const struct option colour = {"colour", OPTION_ENUM, offsetof(struct values, choice), .choices = colours};
static const struct option table[] = {
	{"string", OPTION_STRING, offsetof(struct values, string), "abc", .max = 5, .help = "some text"},
	{"list", OPTION_LIST, offsetof(struct values, list), "a,b", .max = 3},
	{"number", OPTION_UINT, offsetof(struct values, number), "7", .required = true},
	{0},
};

static void expect_number(const struct option *option, const char *text, uint64_t expected) {
	struct values values = {.number = 4711};
	char error[256];
	assert_int_equal(option_set(option, &values, text, error, sizeof(error)), 0);
	assert_int_equal(values.number, expected);
}

static void expect_error(const struct option *option, const char *text, int code, const char *expected) {
	struct values values = {.number = 4711, .choice = 2};
	char error[256];
	assert_int_equal(option_set(option, &values, text, error, sizeof(error)), code);
	assert_string_equal(error, expected);
	assert_int_equal(values.number, 4711); // a failed option_set changes nothing
	assert_int_equal(values.choice, 2);
}

static void numbers_take_units(void **state) {
	expect_number(&count, "0", 0);
	expect_number(&count, "1048576", 1048576);
	expect_number(&count, "1k", 1000);
	expect_number(&count, "2M", 2000000);
	expect_number(&count, "3G", UINT64_C(3000000000));
	expect_number(&count, "1.5k", 1500);
	expect_number(&count, "18446744073709551615", UINT64_MAX);
	expect_number(&duration, "30s", UINT64_C(30000000000));
	expect_number(&duration, "500ms", 500000000);
	expect_number(&duration, "2m", UINT64_C(120000000000));
	expect_number(&duration, "2min", UINT64_C(120000000000));
	expect_number(&duration, "1h", UINT64_C(3600000000000));
	expect_number(&duration, "7d", UINT64_C(604800000000000));
	expect_number(&duration, "10us", 10000);
	expect_number(&duration, "5ns", 5);
	expect_number(&duration, "1.5s", 1500000000);
	expect_number(&duration, "0", 0);
	expect_number(&size, "64", 64);
	expect_number(&size, "10KiB", 10240);
	expect_number(&size, "1MiB", 1048576);
	expect_number(&size, "2GiB", UINT64_C(2147483648));
	expect_number(&size, "10kB", 10000);
	expect_number(&size, "1MB", 1000000);
	expect_number(&rate, "1.5M", 1500000);
	expect_number(&rate, "10k", 10000);
}

static void numbers_refuse_the_rest(void **state) {
	static const char expected[] = "a whole number such as 64, 10k, 1M";
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{"", -EINVAL},
		{"-1", -EINVAL},
		{"+1", -EINVAL},
		{" 1", -EINVAL},
		{"1 ", -EINVAL},
		{"0x10", -EINVAL},
		{"1.5", -EINVAL},
		{"1.", -EINVAL},
		{".5k", -EINVAL},
		{"1..5k", -EINVAL},
		{"1e3", -EINVAL},
		{"1m", -EINVAL},
		{"k", -EINVAL},
		{"18446744073709551616", -ERANGE},
		{"18446744073709552k", -ERANGE},
		{"99999999999999999999999999999999999999999", -ERANGE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char message[256];
		snprintf(message, sizeof(message), "\"%s\": expected %s", cases[i].text, expected);
		expect_error(&count, cases[i].text, cases[i].code, message);
	}
	expect_error(&duration, "30", -EINVAL, "\"30\": expected a duration such as 30s, 500ms");
	expect_error(&size, "1mb", -EINVAL, "\"1mb\": expected a size such as 1500, 64KiB, 10MB");
	expect_error(&rate, "fast", -EINVAL, "\"fast\": expected a rate per second such as 1000, 10k, 1.5M");
}

static void bounds_hold_and_are_named(void **state) {
	expect_number(&bounded, "1ms", 1000000);
	expect_number(&bounded, "7d", UINT64_C(604800000000000));
	expect_error(&bounded, "999us", -ERANGE, "\"999us\": expected a duration such as 30s, 500ms (1ms..7d)");
	expect_error(&bounded, "8d", -ERANGE, "\"8d\": expected a duration such as 30s, 500ms (1ms..7d)");
	expect_error(&bounded, "banana", -EINVAL, "\"banana\": expected a duration such as 30s, 500ms (1ms..7d)");
	static const struct option least = {"n", OPTION_UINT, offsetof(struct values, number), NULL, 2, 0};
	expect_error(&least, "1", -ERANGE, "\"1\": expected a whole number such as 64, 10k, 1M (at least 2)");
}

static void words_are_known(void **state) {
	struct values values = {0};
	char error[256];
	static const char *const yes[] = {"true", "yes", "on", "True"}, *const no[] = {"false", "no", "off", "OFF"};
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(option_set(&flag, &values, yes[i], error, sizeof(error)), 0);
		assert_true(values.flag);
		assert_int_equal(option_set(&flag, &values, no[i], error, sizeof(error)), 0);
		assert_false(values.flag);
	}
	expect_error(&flag, "1", -EINVAL, "\"1\": expected true or false");
	assert_int_equal(option_set(&colour, &values, "blue", error, sizeof(error)), 0);
	assert_int_equal(values.choice, 2);
	expect_error(&colour, "Blue", -EINVAL, "\"Blue\": expected red, green or blue");
}

static void messages_stay_one_short_line(void **state) {
	expect_error(&flag, "a\nb\x01\x7f", -EINVAL, "\"a\\nb\\x01\\x7f\": expected true or false");
	expect_error(&flag, "0123456789012345678901234567890123456789012345678901234567\xc3\xa4\xc3\xa4\xc3\xa4",
		-EINVAL,
		"\"0123456789012345678901234567890123456789012345678901234567\xc3\xa4...\": expected true or false");
	struct values values = {0};
	char small[12];
	assert_int_equal(option_set(&flag, &values, "banana", small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "\"banana\": e");
}

static void strings_and_lists_are_owned(void **state) {
	struct values values = {0};
	char error[256], text[64];
	assert_int_equal(option_set_defaults(table, &values), 0);
	assert_string_equal(values.string, "abc");
	assert_int_equal(values.number, 7);
	assert_int_equal(values.list.count, 2);

	assert_int_equal(option_set(&table[0], &values, "longer", error, sizeof(error)), -ERANGE);
	assert_string_equal(error, "\"longer\": expected text of at most 5 characters");
	assert_string_equal(values.string, "abc");
	assert_int_equal(option_set(&table[0], &values, "12345", error, sizeof(error)), 0);
	assert_string_equal(values.string, "12345");

	assert_int_equal(option_set(&table[1], &values, "x, y\\,z ,", error, sizeof(error)), 0);
	assert_int_equal(values.list.count, 2);
	assert_string_equal(values.list.items[0], "x");
	assert_string_equal(values.list.items[1], "y,z");
	option_format_value(&table[1], &values, text, sizeof(text));
	assert_string_equal(text, "x,y\\,z");
	assert_int_equal(option_set(&table[1], &values, "a,b,c,d", error, sizeof(error)), -ERANGE);
	assert_string_equal(error, "\"a,b,c,d\": expected a list such as [a, b] of at most 3 items");
	assert_int_equal(values.list.count, 2);

	char *items[] = {"net_pcap0,iface=eth0"};
	assert_int_equal(option_set(&table[1], &values, "[p, q]", error, sizeof(error)), 0);
	assert_int_equal(values.list.count, 2);
	assert_string_equal(values.list.items[0], "p");
	assert_string_equal(values.list.items[1], "q");

	struct option_list given = {1, items};
	assert_int_equal(option_set_list(&table[1], &values, &given, error, sizeof(error)), 0);
	assert_int_equal(values.list.count, 1);
	assert_string_equal(values.list.items[0], items[0]);
	assert_int_equal(option_set_list(&table[0], &values, &given, error, sizeof(error)), -EINVAL);
	assert_int_equal(option_set(&table[1], &values, "", error, sizeof(error)), 0);
	assert_int_equal(values.list.count, 0);
	option_free(table, &values);
	assert_null(values.string);
}

// What option_format_value writes, option_set reads back as the same.
static void values_survive_formatting(void **state) {
	static const uint64_t numbers[] = {0, 1, 999, 1000, 1024, 1500, 65536, 1000000, 1048576, 60000000000,
		90000000000, UINT64_C(604800000000000), UINT64_C(1) << 40, UINT64_MAX};
	static const struct option *const options[] = {&count, &duration, &size, &rate};
	for (unsigned o = 0; o < 4; o++) {
		for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			struct values values = {.number = numbers[i]};
			char text[64];
			option_format_value(options[o], &values, text, sizeof(text));
			expect_number(options[o], text, numbers[i]);
		}
	}
	struct values values = {.number = 90000000000};
	char text[64];
	option_format_value(&duration, &values, text, sizeof(text));
	assert_string_equal(text, "90s");
	option_format_value(&size, &(struct values){.number = 3 << 20}, text, sizeof(text));
	assert_string_equal(text, "3MiB");
	option_format_value(&count, &(struct values){.number = 65536}, text, sizeof(text));
	assert_string_equal(text, "65536");
}

static void lookup_finds_by_name(void **state) {
	assert_ptr_equal(option_lookup(table, "list"), &table[1]);
	assert_null(option_lookup(table, "lis"));
	assert_null(option_lookup(NULL, "list"));
}

static void help_shows_the_table(void **state) {
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	option_print_help(table, out);
	fclose(out);
	assert_non_null(strstr(text, "some text"));
	assert_non_null(strstr(text, "text of at most 5 characters; default abc"));
	assert_non_null(strstr(text, "; default 7; required"));
	free(text);
}

static void near_names_are_found(void **state) {
	struct text_names names = {0};
	text_names_add(&names, "idle_timeout");
	text_names_add(&names, "active_timeout");
	text_names_add(&names, "key");
	assert_string_equal(text_nearest("idle_timout", &names), "idle_timeout");
	assert_string_equal(text_nearest("kay", &names), "key");
	assert_null(text_nearest("max_flows", &names));
	assert_null(text_nearest("k", &names));
	assert_null(text_nearest("a word that is longer than any name may be", &names));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_take_units),
		cmocka_unit_test(numbers_refuse_the_rest),
		cmocka_unit_test(bounds_hold_and_are_named),
		cmocka_unit_test(words_are_known),
		cmocka_unit_test(messages_stay_one_short_line),
		cmocka_unit_test(strings_and_lists_are_owned),
		cmocka_unit_test(values_survive_formatting),
		cmocka_unit_test(lookup_finds_by_name),
		cmocka_unit_test(help_shows_the_table),
		cmocka_unit_test(near_names_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
