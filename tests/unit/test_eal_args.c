// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The EAL's arguments: where they come from, and what is mended.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/eal_args.h"

static bool has(const struct eal_args *args, const char *value) {
	for (int i = 1; i < args->count; i++)
		if (strcmp(args->values[i], value) == 0)
			return true;
	return false;
}

static void test_command_line_comes_before_configuration(void **state) {
	char lcores[] = "-l0-3", huge[] = "--no-huge";
	char *given[] = {lcores}, *items[] = {huge};
	const struct option_list configured = {.count = 1, .items = items}, none = {.count = 0};
	struct eal_args args;
	assert_int_equal(eal_args_compose(&args, given, 1, &configured), 0);
	assert_int_equal(args.count, 2);
	assert_string_equal(args.values[1], "-l0-3");
	assert_null(args.values[2]);
	assert_int_equal(eal_args_compose(&args, NULL, -1, &configured), 0);
	assert_int_equal(args.count, 2);
	assert_string_equal(args.values[1], "--no-huge");
	// `--` with nothing before it means just that.
	assert_int_equal(eal_args_compose(&args, given, 0, &configured), 0);
	assert_int_equal(args.count, 1);
	assert_int_equal(eal_args_compose(&args, NULL, -1, &none), 0);
	assert_true(has(&args, "--no-pci"));
}

static void test_mends_a_refused_pair(void **state) {
	char memory[] = "--in-memory", huge[] = "--no-huge";
	char *given[] = {memory, huge};
	const struct option_list none = {.count = 0};
	struct eal_args args;
	assert_int_equal(eal_args_compose(&args, given, 2, &none), 0);
	assert_false(has(&args, "--in-memory"));
	assert_true(has(&args, "--no-shconf"));
	assert_int_equal(eal_args_compose(&args, given, 1, &none), 0);
	assert_true(has(&args, "--in-memory"));
}

static void test_refuses_too_many(void **state) {
	char word[] = "-v";
	char *given[EAL_ARGS_MAX + 1];
	const struct option_list none = {.count = 0};
	struct eal_args args;
	for (unsigned i = 0; i <= EAL_ARGS_MAX; i++)
		given[i] = word;
	assert_int_equal(eal_args_compose(&args, given, EAL_ARGS_MAX, &none), -E2BIG);
	assert_int_equal(eal_args_compose(&args, given, EAL_ARGS_MAX - 1, &none), 0);
}

static void test_check_keeps_only_lcores(void **state) {
	char l[] = "-l", lcores[] = "0-3", main_lcore[] = "--main-lcore=2", device[] = "--vdev=net_null0", m[] = "-m",
	     megabytes[] = "4096";
	char *given[] = {device, l, lcores, m, megabytes, main_lcore};
	const struct option_list none = {.count = 0};
	struct eal_args args;
	assert_int_equal(eal_args_compose(&args, given, 6, &none), 0);
	assert_int_equal(eal_args_keep_lcores(&args), 0);
	assert_true(has(&args, "-l") && has(&args, "0-3") && has(&args, "--main-lcore=2") && has(&args, "--no-huge"));
	assert_false(has(&args, "--vdev=net_null0") || has(&args, "-m") || has(&args, "4096"));
}

// The 64 MB that the EAL takes by itself serve few workers; only where weir chooses the arguments may it ask for more.
static void test_asks_for_memory_by_workers(void **state) {
	struct eal_args args = {.count = 0};
	assert_int_equal(eal_args_append_memory(&args, 8), 0);
	assert_int_equal(args.count, 0);
	assert_int_equal(eal_args_append_memory(&args, 64), 0);
	assert_int_equal(args.count, 2);
	assert_string_equal(args.values[0], "-m");
	assert_string_equal(args.values[1], "320");
}

static void test_one_lcore(void **state) {
	const struct option_list none = {0};
	struct eal_args args;
	cpu_set_t cpus;
	char lcore[16];
	int last = -1;
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	for (int i = 0; i < CPU_SETSIZE; i++)
		last = CPU_ISSET(i, &cpus) ? i : last;
	snprintf(lcore, sizeof(lcore), "0@%d", last);
	assert_int_equal(eal_args_compose(&args, NULL, -1, &none), 0);
	assert_int_equal(eal_args_append_lcore(&args), 0);
	assert_string_equal(args.values[args.count - 2], "--lcores");
	assert_string_equal(args.values[args.count - 1], lcore);
	assert_int_equal(eal_args_keep_lcores(&args), 0);
	assert_true(has(&args, lcore));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_line_comes_before_configuration),
		cmocka_unit_test(test_mends_a_refused_pair),
		cmocka_unit_test(test_refuses_too_many),
		cmocka_unit_test(test_check_keeps_only_lcores),
		cmocka_unit_test(test_asks_for_memory_by_workers),
		cmocka_unit_test(test_one_lcore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
