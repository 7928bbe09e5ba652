// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// GLPK behind its guard: solutions and dual values of a known program, every way in which it can fail, and that the
// process lives on and solves the next one after each.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "ctrlplane/optimise/lp.h"

static void near(double value, double wanted) {
	if (fabs(value - wanted) > 1e-7 * fmax(1, fabs(wanted)))
		fail_msg("%.9g: %.9g wanted", value, wanted);
}

// Maximise 3x + 5y, x <= 4, 2y <= 12, 3x + 2y <= 18: 36 at (2, 6), prices 0, 1.5, 1.
static void pose(struct lp *lp) {
	assert_int_equal(lp_init(lp, 2, 3, 4), 0);
	lp_column(lp, 0, 0, INFINITY, 3);
	lp_column(lp, 1, 0, INFINITY, 5);
	lp_row(lp, 0, -INFINITY, 4);
	lp_row(lp, 1, -INFINITY, 12);
	lp_row(lp, 2, -INFINITY, 18);
	lp_set(lp, 0, 0, 1);
	lp_set(lp, 1, 1, 2);
	lp_set(lp, 2, 0, 3);
	lp_set(lp, 2, 1, 2);
}

static void solves(struct lp *lp) {
	pose(lp);
	assert_int_equal(lp_maximise(lp), 0);
	near(lp->objective, 36);
	near(lp->values[0], 2);
	near(lp->values[1], 6);
	near(lp->prices[0], 0);
	near(lp->prices[1], 1.5);
	near(lp->prices[2], 1);
}

static void test_known_program(void **state) {
	struct lp lp = {0};
	solves(&lp);
	solves(&lp);
	lp_fini(&lp);
}

static void test_minimise(void **state) {
	struct lp lp = {0};
	assert_int_equal(lp_init(&lp, 2, 1, 2), 0);
	lp_column(&lp, 0, 0, INFINITY, 2);
	lp_column(&lp, 1, 1, 3, 1);
	lp_row(&lp, 0, 5, INFINITY);
	lp_set(&lp, 0, 0, 1);
	lp_set(&lp, 0, 1, 1);
	assert_int_equal(lp_minimise(&lp), 0);
	near(lp.objective, 7);
	near(lp.values[0], 2);
	near(lp.values[1], 3);
	near(lp.prices[0], 2);
	lp_fini(&lp);
}

static void test_nothing_fulfils_it(void **state) {
	struct lp lp = {0};
	pose(&lp);
	lp_row(&lp, 0, 5, 5);
	lp_row(&lp, 2, -INFINITY, 3);
	assert_int_equal(lp_maximise(&lp), -ERANGE);
	assert_string_equal(lp.error, "GLPK: nothing fulfils all constraints");
	solves(&lp);
	lp_fini(&lp);
}

static void test_no_bound(void **state) {
	struct lp lp = {0};
	assert_int_equal(lp_init(&lp, 1, 1, 1), 0);
	lp_column(&lp, 0, 0, INFINITY, 1);
	lp_row(&lp, 0, 1, INFINITY);
	lp_set(&lp, 0, 0, 1);
	assert_int_equal(lp_maximise(&lp), -EDOM);
	assert_string_equal(lp.error, "GLPK: the objective has no bound");
	solves(&lp);
	lp_fini(&lp);
}

// GLPK calls its error hook, which would end the process: for a coefficient given twice, and for a program of no
// columns.
static void test_errors_of_glpk_do_not_end_the_process(void **state) {
	struct lp lp = {0};
	for (int i = 0; i < 3; i++) {
		pose(&lp);
		assert_int_equal(lp_init(&lp, 2, 3, 5), 0);
		lp_set(&lp, 0, 0, 1);
		lp_set(&lp, 0, 0, 1);
		assert_int_equal(lp_maximise(&lp), -EPROTO);
		assert_memory_equal(lp.error, "GLPK: ", 6);
		assert_int_equal(lp_init(&lp, 0, 0, 0), 0);
		assert_int_equal(lp_maximise(&lp), -EPROTO);
		solves(&lp);
	}
	lp_fini(&lp);
}

static void test_bounds_the_wrong_way_round(void **state) {
	struct lp lp = {0};
	pose(&lp);
	lp_column(&lp, 0, 3, 2, 3);
	assert_int_equal(lp_maximise(&lp), -ERANGE);
	assert_string_equal(lp.error, "a least value above the greatest: nothing fulfils both");
	pose(&lp);
	lp_row(&lp, 2, 18, 17);
	assert_int_equal(lp_minimise(&lp), -ERANGE);
	solves(&lp);
	lp_fini(&lp);
}

// An assignment problem, many times larger than what a millisecond is enough for.
static void test_time_limit(void **state) {
	enum { SIZE = 200 };
	struct lp lp = {0};
	uint64_t seed = 7;
	assert_int_equal(lp_init(&lp, SIZE * SIZE, 2 * SIZE, 2 * SIZE * SIZE), 0);
	for (unsigned i = 0; i < 2 * SIZE; i++)
		lp_row(&lp, i, 1, 1);
	for (unsigned i = 0; i < SIZE; i++)
		for (unsigned j = 0; j < SIZE; j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			lp_column(&lp, i * SIZE + j, 0, INFINITY, (double)(seed >> 40));
			lp_set(&lp, i, i * SIZE + j, 1);
			lp_set(&lp, SIZE + j, i * SIZE + j, 1);
		}
	lp.limit_ms = 1;
	assert_int_equal(lp_maximise(&lp), -ETIME);
	assert_string_equal(lp.error, "GLPK: no solution within 1 ms");
	// The programs of a round share the limit: nothing of it is left.
	pose(&lp);
	assert_int_equal(lp_maximise(&lp), -ETIME);
	lp.used_ns = 0;
	solves(&lp);
	lp_fini(&lp);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_program),
		cmocka_unit_test(test_minimise),
		cmocka_unit_test(test_nothing_fulfils_it),
		cmocka_unit_test(test_no_bound),
		cmocka_unit_test(test_errors_of_glpk_do_not_end_the_process),
		cmocka_unit_test(test_bounds_the_wrong_way_round),
		cmocka_unit_test(test_time_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
