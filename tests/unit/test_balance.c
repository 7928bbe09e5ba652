// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Levelling the load of key groups: within the tolerance where that is possible, else at the bound; few moves; none
// where there is nothing to gain.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <math.h>

#include "ctrlplane/balance.h"

static double rates[BALANCE_GROUPS];
static uint16_t owners[BALANCE_GROUPS];

static double largest_to_mean(const uint16_t *by, unsigned instances) {
	double loads[BALANCE_INSTANCES_MAX] = {0}, sum = 0, largest = 0;
	for (unsigned i = 0; i < BALANCE_GROUPS; i++) {
		loads[by[i]] += rates[i];
		sum += rates[i];
	}
	for (unsigned i = 0; i < instances; i++)
		largest = loads[i] > largest ? loads[i] : largest;
	return largest * instances / sum;
}

static void check(const struct balance *found, unsigned instances) {
	unsigned moves = 0;
	for (unsigned i = 0; i < BALANCE_GROUPS; i++) {
		assert_true(found->owners[i] < instances);
		moves += found->owners[i] != owners[i];
	}
	assert_int_equal(moves, found->moves);
	assert_true(fabs(found->before - largest_to_mean(owners, instances)) < 1e-6);
	assert_true(fabs(found->after - largest_to_mean(found->owners, instances)) < 1e-6);
	assert_true(found->after <= found->before + 1e-9 && found->after >= found->bound - 1e-9);
}

static void spread(unsigned instances) {
	for (unsigned i = 0; i < BALANCE_GROUPS; i++)
		owners[i] = (uint16_t)(i * instances / BALANCE_GROUPS);
}

static void test_level_load_stays(void **state) {
	struct balance found;
	spread(4);
	for (unsigned i = 0; i < BALANCE_GROUPS; i++)
		rates[i] = 10;
	balance_find(&found, rates, owners, 4, 0.05);
	check(&found, 4);
	assert_int_equal(found.moves, 0);
	assert_true(fabs(found.after - 1) < 1e-9);
}

static void test_nothing_to_do_is_no_load(void **state) {
	struct balance found;
	spread(2);
	for (unsigned i = 0; i < BALANCE_GROUPS; i++)
		rates[i] = 0;
	balance_find(&found, rates, owners, 2, 0.05);
	assert_int_equal(found.moves, 0);
	assert_true(found.before == 0 && found.bound == 0);
}

// Zipf over the groups: within 5 % unless the greatest group alone is more.
static void test_skewed_load_is_levelled(void **state) {
	for (unsigned instances = 2; instances <= 8; instances *= 2) {
		for (unsigned exponent = 0; exponent <= 12; exponent += 2) {
			struct balance found;
			spread(instances);
			for (unsigned i = 0; i < BALANCE_GROUPS; i++)
				rates[i] = 1e6 / pow(1 + i, exponent / 10.0);
			balance_find(&found, rates, owners, instances, 0.05);
			check(&found, instances);
			assert_true(found.after <= fmax(found.bound, 1.05) + 1e-9);
		}
	}
}

// One group that is too much on its own stays alone at the bound.
static void test_one_group_is_the_bound(void **state) {
	struct balance found;
	spread(4);
	for (unsigned i = 0; i < BALANCE_GROUPS; i++)
		rates[i] = i == 0 ? 5000 : 1;
	balance_find(&found, rates, owners, 4, 0.05);
	check(&found, 4);
	assert_true(fabs(found.bound - 5000 * 4 / 6023.0) < 1e-9);
	assert_true(found.after < found.bound * 1.01);
}

// Two equal groups on one of two instances: a single move levels them.
static void test_few_moves(void **state) {
	struct balance found;
	spread(2);
	for (unsigned i = 0; i < BALANCE_GROUPS; i++)
		rates[i] = i < 2 ? 1000 : 0.001;
	balance_find(&found, rates, owners, 2, 0.05);
	check(&found, 2);
	assert_int_equal(found.moves, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_level_load_stays),
		cmocka_unit_test(test_nothing_to_do_is_no_load),
		cmocka_unit_test(test_skewed_load_is_levelled),
		cmocka_unit_test(test_one_group_is_the_bound),
		cmocka_unit_test(test_few_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
