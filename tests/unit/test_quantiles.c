// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Quantiles against the sorted numbers themselves.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/quantiles.h"
#include "dataplane/random.h"

enum { N = 20000 };

static uint64_t numbers[N];

static int by_number(const void *left, const void *right) {
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return (a > b) - (a < b);
}

// Numbers of all magnitudes below 2^48.
static void draw(uint64_t seed) {
	for (unsigned i = 0; i < N; i++) {
		uint64_t bits = random_next(&seed);
		numbers[i] = bits >> (16 + bits % 48);
	}
}

static void check(const struct quantiles *quantiles, double share) {
	unsigned rank = (unsigned)(share * N);
	double exact = (double)numbers[rank > 0 ? rank - 1 : 0], told = quantiles_at(quantiles, share);
	double most = exact * QUANTILES_ERROR;
	assert_true(told >= exact - most && told <= exact + most);
}

static void quantiles_are_within_the_error(void **state) {
	static const double shares[] = {0.0001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct quantiles quantiles = {0};
		draw(seed);
		for (unsigned i = 0; i < N; i++)
			quantiles_add(&quantiles, numbers[i]);
		qsort(numbers, N, sizeof(*numbers), by_number);
		for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
			check(&quantiles, shares[i]);
	}
}

static void small_numbers_are_exact(void **state) {
	for (uint64_t number = 0; number < 32; number++) {
		struct quantiles quantiles = {0};
		quantiles_add(&quantiles, number);
		assert_true(quantiles_at(&quantiles, 0.5) == (double)number);
	}
}

static void merging_is_adding_all(void **state) {
	struct quantiles all = {0}, parts[3] = {0};
	draw(77);
	for (unsigned i = 0; i < N; i++) {
		quantiles_add(&all, numbers[i]);
		quantiles_add(&parts[numbers[i] % 3], numbers[i]);
	}
	quantiles_merge(&parts[0], &parts[1]);
	quantiles_merge(&parts[0], &parts[2]);
	assert_memory_equal(&parts[0], &all, sizeof(all));
}

static void extremes_stay_inside(void **state) {
	struct quantiles quantiles = {0};
	assert_true(quantiles_at(&quantiles, 0.5) == 0);
	quantiles_add(&quantiles, UINT64_MAX);
	assert_int_equal(quantiles.counts[QUANTILES_BUCKETS - 1], 1);
	quantiles.counts[3] = UINT32_MAX;
	quantiles_add(&quantiles, 3);
	assert_int_equal(quantiles.counts[3], UINT32_MAX);
	quantiles_merge(&quantiles, &quantiles);
	assert_int_equal(quantiles.counts[3], UINT32_MAX);
	assert_true(quantiles_at(&quantiles, 0.5) == 3);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_within_the_error),
		cmocka_unit_test(small_numbers_are_exact),
		cmocka_unit_test(merging_is_adding_all),
		cmocka_unit_test(extremes_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
