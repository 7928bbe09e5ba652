// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What is usual is the median of what was before the window, whatever its length; it comes back from JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/baseline.h"
#include "api/clock.h"

static struct baseline baseline;

static int setup(void **state) {
	memset(&baseline, 0, sizeof(baseline));
	return 0;
}

static void add(const struct baseline_shape *shape, int times, double rate) {
	for (int i = 0; i < times; i++)
		baseline_add(&baseline, shape, rate);
}

static void any_time_is_cut_into_few_bins(void **state) {
	static const struct {
		uint64_t window_s, baseline_s, interval_s;
		uint32_t bin, bins, window;
	} cases[] = {
		{1, 10, 1, 1, 10, 1},
		{10, 300, 1, 5, 60, 10},
		{600, 86400, 1, 1440, 60, 600},
		{600, 600, 1, 150, 4, 600},
		{600, 5, 1, 150, 1, 600},
		{10, 300, 10, 1, 30, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct baseline_shape shape = baseline_shape(
			cases[i].window_s * NS_PER_S, cases[i].baseline_s * NS_PER_S, cases[i].interval_s * NS_PER_S);
		assert_int_equal(shape.bin, cases[i].bin);
		assert_int_equal(shape.bins, cases[i].bins);
		assert_int_equal(shape.window, cases[i].window);
		assert_true(shape.bins <= BASELINE_BINS && (shape.window + shape.bin - 1) / shape.bin < BASELINE_SKIP);
	}
}

static void known_after_a_fifth_and_not_from_the_window(void **state) {
	struct baseline_shape shape = baseline_shape(2 * NS_PER_S, 10 * NS_PER_S, NS_PER_S);
	struct baseline_usual usual;
	add(&shape, 3, 100);
	assert_false(baseline_usual(&baseline, &shape, &usual)); // one of ten, the window's two left out
	add(&shape, 1, 100);
	assert_true(baseline_usual(&baseline, &shape, &usual));
	add(&shape, 2, 9999); // the present window: it does not become what is usual
	assert_true(baseline_usual(&baseline, &shape, &usual));
	assert_true(usual.median == 100 && usual.mad == 0);
}

static void outliers_do_not_move_it(void **state) {
	struct baseline_shape shape = baseline_shape(NS_PER_S, 50 * NS_PER_S, NS_PER_S);
	struct baseline_usual usual;
	for (int i = 0; i < 1000; i++)
		add(&shape, 1, i % 10 == 0 ? 1e9 : 90 + i % 3 * 10);
	assert_true(baseline_usual(&baseline, &shape, &usual));
	assert_true(usual.median == 100 && usual.mad == 10);
	assert_true(baseline_deviation(&usual, 100) == 0);
	assert_true(baseline_deviation(&usual, 100 + 14.826) > 0.99 && baseline_deviation(&usual, 114.826) < 1.01);
	assert_true(baseline_deviation(&usual, 70) < -2);
}

static void what_never_varied_may_vary_by_a_tenth(void **state) {
	assert_true(baseline_deviation(&(struct baseline_usual){100, 0}, 130) == 3);
	assert_true(baseline_deviation(&(struct baseline_usual){0, 0}, 7) == 7);
}

static void a_day_in_a_few_bytes(void **state) {
	struct baseline_shape shape = baseline_shape(10 * NS_PER_S, 86400 * NS_PER_S, NS_PER_S);
	struct baseline_usual usual;
	add(&shape, 86400, 50);
	add(&shape, 20000, 150); // less than half of a day ago
	assert_true(baseline_usual(&baseline, &shape, &usual));
	assert_true(usual.median == 50);
	add(&shape, 40000, 150);
	assert_true(baseline_usual(&baseline, &shape, &usual));
	assert_true(usual.median == 150);
}

static void comes_back_from_json(void **state) {
	struct baseline_shape shape = baseline_shape(2 * NS_PER_S, 120 * NS_PER_S, NS_PER_S);
	struct baseline_shape other = baseline_shape(2 * NS_PER_S, 60 * NS_PER_S, NS_PER_S);
	struct baseline back;
	struct baseline_usual a, b;
	for (int i = 0; i < 1001; i++)
		add(&shape, 1, i % 17);
	json_t *object = baseline_to_json(&baseline, &shape);
	assert_false(baseline_from_json(object, &other, &back));
	assert_true(baseline_from_json(object, &shape, &back));
	for (int i = 0; i < 20; i++) {
		assert_true(baseline_usual(&baseline, &shape, &a) && baseline_usual(&back, &shape, &b));
		assert_true(a.median == b.median && a.mad == b.mad);
		add(&shape, 1, 400 + i);
		baseline_add(&back, &shape, 400 + i);
	}
	json_decref(object);
	assert_false(baseline_from_json(NULL, &shape, &back));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_time_is_cut_into_few_bins),
		cmocka_unit_test_setup(known_after_a_fifth_and_not_from_the_window, setup),
		cmocka_unit_test_setup(outliers_do_not_move_it, setup),
		cmocka_unit_test(what_never_varied_may_vary_by_a_tenth),
		cmocka_unit_test_setup(a_day_in_a_few_bytes, setup),
		cmocka_unit_test_setup(comes_back_from_json, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
