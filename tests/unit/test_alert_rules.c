// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a file of rules says is kept as it is, or refused; nothing is cut.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctrlplane/alert_rules.h"
#include "ctrlplane/conf.h"
#include "ctrlplane/text.h"

static struct alert_rules rules;
static char error[CONF_ERROR_SIZE];

// Read a rule of this name that has these fields as well.
static int load(const char *name, const char *fields) {
	static const struct views views;
	char path[] = "/tmp/weir-rules-XXXXXX";
	int file = mkstemp(path);
	assert_true(file >= 0);
	dprintf(file, "rules:\n- {name: %s, over: total, field: bytes, aggregate: sum, threshold: 1, %s}\n", name,
		fields);
	close(file);
	int err = alert_rules_load(&rules, &views, path, error);
	unlink(path);
	return err;
}

static void windows_are_whole_seconds(void **state) {
	assert_int_equal(load("a", "window: 2s"), 0);
	assert_int_equal(rules.list[0].window_s, 2);
	assert_int_equal(load("a", "window: 1500ms"), -EINVAL);
	assert_non_null(strstr(error, ":2: rule a: window: 1.5s: expected whole seconds"));
}

static void names_are_plain(void **state) {
	assert_int_equal(load("a.B_0-9", "severity: info"), 0);
	static const char *const bad[] = {"ä", "a b", "\"\\e[31m\"", "\"\""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(load(bad[i], "severity: info"), -EINVAL);
		assert_non_null(strstr(error, "expected 1 to 63 of A-Z a-z 0-9 . _ -"));
	}
}

static void descriptions_are_of_any_language(void **state) {
	assert_int_equal(load("a", "description: \"zu viel – ünï 😀\""), 0);
	assert_string_equal(rules.list[0].description, "zu viel – ünï 😀");
	assert_int_equal(load("a", "description: \"\\e[31m\\x7f\\x9b\\u202e\""), 0);
	assert_string_equal(rules.list[0].description, "?[31m??????");
}

static void what_is_not_utf8_is_replaced(void **state) {
	static const struct {
		const char *text, *clean;
	} cases[] = {
		{"\xfc", "?"},
		{"a\xc3", "a?"},
		{"\xc3(", "?("},
		{"\xc0\xaf", "??"},
		{"\xe0\x80\xaf", "???"},
		{"\xed\xa0\x80", "???"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xc2\x9b", "??"},
		{"\xc2\xa0\xf4\x8f\xbf\xbf", "\xc2\xa0\xf4\x8f\xbf\xbf"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[16];
		snprintf(text, sizeof(text), "%s", cases[i].text);
		text_clean_utf8(text);
		assert_string_equal(text, cases[i].clean);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_whole_seconds),
		cmocka_unit_test(names_are_plain),
		cmocka_unit_test(descriptions_are_of_any_language),
		cmocka_unit_test(what_is_not_utf8_is_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
