// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Distributions: what they give against what they should, and how they are written.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/distribution.h"
#include "dataplane/random.h"

enum { DRAWS = 400000 };

static int parse(struct distribution *out, const char *text, bool is_real, unsigned *taken, char *error) {
	static char copy[200];
	char *words[8], *rest = NULL;
	unsigned count = 0;
	strcpy(copy, text);
	for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	return distribution_parse(out, words, count, is_real, taken, error, 200);
}

static struct distribution make(const char *text, bool is_real) {
	struct distribution made;
	unsigned taken;
	char error[200];
	assert_int_equal(parse(&made, text, is_real, &taken, error), 0);
	return made;
}

static void test_sequence(void **state) {
	struct distribution made = make("sequence", false);
	uint64_t random = 1;
	assert_int_equal(distribution_next(&made, &random, 0), 0);
	assert_int_equal(distribution_next(&made, &random, 41), 41);
	made = make("sequence 100 -3", false);
	assert_int_equal(distribution_next(&made, &random, 2), 94);
	made = make("sequence -1", true);
	assert_true(distribution_next_real(&made, &random, 0) == -1.0);
}

static void test_uniform(void **state) {
	struct distribution made = make("uniform -2 3", false);
	unsigned counts[6] = {0};
	uint64_t random = 1;
	for (unsigned i = 0; i < DRAWS; i++) {
		int64_t value = (int64_t)distribution_next(&made, &random, i);
		assert_in_range(value + 2, 0, 5);
		counts[value + 2]++;
	}
	for (unsigned i = 0; i < 6; i++) // five deviations of a binomial count
		assert_true(fabs(counts[i] - DRAWS / 6.0) < 5 * sqrt(DRAWS * 5.0 / 36));
	made = make("uniform 0 18446744073709551615", false);
	uint64_t all = 0;
	for (unsigned i = 0; i < 1000; i++)
		all |= distribution_next(&made, &random, i);
	assert_true(all == UINT64_MAX);
	made = make("uniform -0.5 0.5", true);
	double sum = 0;
	for (unsigned i = 0; i < DRAWS; i++) {
		double value = distribution_next_real(&made, &random, i);
		assert_true(value >= -0.5 && value < 0.5);
		sum += value;
	}
	assert_true(fabs(sum / DRAWS) < 5 / sqrt(12.0 * DRAWS));
}

static void expect_zipf(const char *text, double exponent, unsigned count) {
	struct distribution made = make(text, false);
	unsigned *counts = calloc(count + 1, sizeof(*counts));
	double sum = 0;
	uint64_t random = 7;
	for (unsigned k = 1; k <= count; k++)
		sum += pow(k, -exponent);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t value = distribution_next(&made, &random, i);
		assert_in_range(value, 1, count);
		counts[value]++;
	}
	for (unsigned k = 1; k <= count; k++) {
		double p = pow(k, -exponent) / sum, deviation = sqrt(DRAWS * p * (1 - p));
		assert_true(fabs(counts[k] - DRAWS * p) <= 5.5 * deviation + 1);
	}
	free(counts);
	distribution_fini(&made);
}

static void test_zipf(void **state) {
	expect_zipf("zipf 1.2 1000", 1.2, 1000);
	expect_zipf("zipf 0 7", 0, 7);
	expect_zipf("zipf 2.5 3", 2.5, 3);
	expect_zipf("zipf 1 1", 1, 1);
}

static void test_normal(void **state) {
	struct distribution made = make("normal 10 2", true);
	double sum = 0, squares = 0;
	uint64_t random = 3;
	for (unsigned i = 0; i < DRAWS; i++) {
		double value = distribution_next_real(&made, &random, i) - 10;
		sum += value;
		squares += value * value;
	}
	assert_true(fabs(sum / DRAWS) < 5 * 2 / sqrt(DRAWS));
	assert_true(fabs(squares / DRAWS - 4) < 5 * 4 * sqrt(2.0 / DRAWS));
}

static void test_words(void **state) {
	static const struct {
		const char *text;
		bool is_real;
		int ret;
		unsigned taken;
		const char *error;
	} cases[] = {
		{"sequence more", false, 0, 1, NULL},
		{"sequence 1 x", false, 0, 2, NULL},
		{"uniform 1 2 3", false, 0, 3, NULL},
		{"gauss 1 2", false, -ENOENT, 0, NULL},
		{"uni 1 2", false, -ENOENT, 0, NULL},
		{"uniform 2 1", false, -EINVAL, 0, "uniform: expected uniform LOW HIGH"},
		{"uniform 1 -1", false, -EINVAL, 0, "uniform: expected uniform LOW HIGH"},
		{"uniform 0.5 1", false, -EINVAL, 0, "uniform: expected uniform LOW HIGH"},
		{"uniform 1", false, -EINVAL, 0, "uniform: expected uniform LOW HIGH"},
		{"zipf 1.2", false, -EINVAL, 0, "zipf: expected zipf EXPONENT COUNT (0..20, 1..16777216)"},
		{"zipf -1 5", false, -EINVAL, 0, "zipf: expected zipf EXPONENT COUNT (0..20, 1..16777216)"},
		{"zipf 1 0", false, -EINVAL, 0, "zipf: expected zipf EXPONENT COUNT (0..20, 1..16777216)"},
		{"zipf 1 16777217", false, -EINVAL, 0, "zipf: expected zipf EXPONENT COUNT (0..20, 1..16777216)"},
		{"normal 1 2", false, -EINVAL, 0,
			"normal: expected normal MEAN DEVIATION for a field of type f64 only"},
		{"normal 1 -2", true, -EINVAL, 0, "normal: expected normal MEAN DEVIATION"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct distribution made;
		unsigned taken = 0;
		char error[200] = "";
		assert_int_equal(parse(&made, cases[i].text, cases[i].is_real, &taken, error), cases[i].ret);
		if (cases[i].ret == 0)
			assert_int_equal(taken, cases[i].taken);
		if (cases[i].error != NULL)
			assert_string_equal(error, cases[i].error);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_zipf),
		cmocka_unit_test(test_normal),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
