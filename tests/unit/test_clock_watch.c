// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A clock that is set is noticed, one that drifts or a program that stood still is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/clock_watch.h"

#define HOUR_NS (3600 * NS_PER_S)
#define LIMIT_NS (500 * NS_PER_MS)

static void steps_are_noticed(void **state) {
	struct clock_watch watch = {0};
	uint64_t wall_ns = 1000 * HOUR_NS, mono_ns = 5 * NS_PER_S;
	assert_int_equal(clock_watch_step(&watch, wall_ns, mono_ns, LIMIT_NS), 0);
	wall_ns += HOUR_NS + NS_PER_S;
	assert_int_equal(clock_watch_step(&watch, wall_ns, mono_ns += NS_PER_S, LIMIT_NS), HOUR_NS);
	wall_ns -= HOUR_NS - NS_PER_S;
	assert_int_equal(clock_watch_step(&watch, wall_ns, mono_ns += NS_PER_S, LIMIT_NS), -(int64_t)HOUR_NS);
	assert_int_equal(watch.steps, 2);
}

static void drift_and_stalls_are_not(void **state) {
	struct clock_watch watch = {0};
	uint64_t wall_ns = 1000 * HOUR_NS, mono_ns = 5 * NS_PER_S;
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			clock_watch_step(&watch, wall_ns += NS_PER_S + 400 * NS_PER_MS, mono_ns += NS_PER_S, LIMIT_NS),
			0);
	assert_int_equal(clock_watch_step(&watch, wall_ns + HOUR_NS, mono_ns + HOUR_NS, LIMIT_NS), 0);
	assert_int_equal(watch.steps, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_noticed),
		cmocka_unit_test(drift_and_stalls_are_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
