// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Rates as the controller writes them: lines that are none change nothing, channels that are not here are told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "dataplane/switch/link_beat.h"

static char text[200];

static int set(const char *rates) {
	char copy[200];
	strcpy(copy, rates);
	text[0] = '\0';
	return link_beat_set_rates(NULL, copy, text, sizeof(text));
}

static void test_lines_that_are_no_rates(void **state) {
	const char *const wrong[] = {"p/a>b.0", "p/a>b.0 ", " 5", "p/a>b.0 -5", "p/a>b.0 1e6", "p/a>b.0 5\nx",
		"p/a>b.0 99999999999999999999999"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(set(wrong[i]), -EINVAL);
		assert_string_equal(text, "expected lines of a channel and its rate in bit/s, such as p/a>b.0 1000000");
	}
}

static void test_channels_that_are_not_here(void **state) {
	assert_int_equal(set("p/a>b.0 1000000\np/a>b.1 0\n"), 0);
	assert_string_equal(text, "rates of 0 channels; 2 are not here");
}

static void test_no_links_no_ends(void **state) {
	size_t length = 7;
	assert_null(link_beat_measure(NULL, &length));
	assert_int_equal(length, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_that_are_no_rates),
		cmocka_unit_test(test_channels_that_are_not_here),
		cmocka_unit_test(test_no_links_no_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
