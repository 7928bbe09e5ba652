// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Histograms of times: quantiles within the stated error of the exact ones at every resolution, merging that loses
// nothing more, packed forms that are read back or refused.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/histogram.h"

enum { SAMPLES = 20000 };

static const double shares[] = {0.01, 0.5, 0.9, 0.95, 0.99, 1};

static int compare(const void *a, const void *b) {
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

// From 2 us to 30 s, most of them around 10 ms.
static uint64_t random_time_ns(void) {
	double u = (double)rand() / RAND_MAX + (double)rand() / RAND_MAX + (double)rand() / RAND_MAX;
	return (uint64_t)(2e3 * pow(10, 7.2 * u / 3));
}

static void assert_quantiles(const struct histogram *histogram, uint64_t *sorted, size_t n) {
	qsort(sorted, n, sizeof(*sorted), compare);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		size_t rank = (size_t)ceil(shares[i] * (double)n);
		double exact = (double)sorted[rank > 0 ? rank - 1 : 0];
		double found = (double)histogram_quantile(histogram, shares[i]);
		assert_true(fabs(found - exact) <= histogram_error(histogram) * exact + 1);
	}
}

static void quantiles_are_within_the_stated_error(void **state) {
	static uint64_t times[SAMPLES];
	struct histogram histogram = {0}, halves[2] = {0};
	srand(7);
	for (unsigned i = 0; i < SAMPLES; i++) {
		times[i] = random_time_ns();
		histogram_add(&histogram, times[i], 1);
		histogram_add(&halves[i % 2], times[i], 1);
	}
	assert_true(histogram_error(&histogram) < 0.032);
	assert_int_equal(histogram_count(&histogram), SAMPLES);
	assert_quantiles(&histogram, times, SAMPLES);
	histogram_merge(&halves[0], &halves[1]);
	assert_memory_equal(&halves[0], &histogram, sizeof(histogram));
}

static void shorter_forms_are_coarser_and_say_so(void **state) {
	static uint64_t times[SAMPLES];
	static uint8_t packed[HISTOGRAM_PACKED_MAX];
	struct histogram histogram = {0};
	size_t before = SIZE_MAX;
	srand(8);
	for (unsigned i = 0; i < SAMPLES; i++)
		histogram_add(&histogram, times[i] = random_time_ns(), 1);
	for (int resolution = HISTOGRAM_RESOLUTION_MAX; resolution >= 0; resolution--) {
		struct histogram read = {0};
		size_t size = histogram_pack(&histogram, (unsigned)resolution, packed, sizeof(packed));
		assert_true(size > 0 && size < before);
		before = size;
		assert_int_equal(histogram_merge_packed(&read, packed, size), 0);
		assert_int_equal(histogram_count(&read), SAMPLES);
		assert_true(fabs(histogram_error(&read) - 0.5 / (1 << resolution)) < 1e-9);
		assert_quantiles(&read, times, SAMPLES);
	}
}

static void a_bound_in_bytes_is_kept(void **state) {
	uint8_t packed[600];
	struct histogram histogram = {0}, read = {0};
	srand(9);
	for (unsigned i = 0; i < 3000; i++)
		histogram_add(&histogram, random_time_ns(), 1000);
	for (size_t max = 0; max < sizeof(packed); max++) {
		memset(packed, 0xee, sizeof(packed));
		size_t size = histogram_pack(&histogram, HISTOGRAM_RESOLUTION_MAX, packed, max);
		assert_true(size <= max);
		for (size_t i = max; i < sizeof(packed); i++)
			assert_int_equal(packed[i], 0xee);
		if (max >= 120)
			assert_true(size > 0);
		if (size > 0)
			assert_int_equal(histogram_merge_packed(&read, packed, size), 0);
	}
	assert_int_equal(histogram_pack(&(struct histogram){0}, 4, packed, sizeof(packed)), 0);
}

static void ends_of_the_range(void **state) {
	struct histogram histogram = {0};
	histogram_add(&histogram, 0, 1);
	histogram_add(&histogram, UINT64_MAX, 1);
	assert_int_equal(histogram_count(&histogram), 2);
	assert_true(histogram_quantile(&histogram, 0) < 1100);
	assert_true(histogram_quantile(&histogram, 1) > UINT64_C(65000000000));
	histogram_add(&histogram, 5000000, UINT64_MAX);
	histogram_add(&histogram, 5000000, UINT64_MAX); // a full count stays full
	assert_true(histogram_count(&histogram) == UINT64_C(2) + UINT32_MAX);
	assert_int_equal(histogram_quantile(&(struct histogram){0}, 0.5), 0);
}

static void what_is_no_histogram_is_refused(void **state) {
	static const struct {
		uint8_t data[12];
		size_t size;
	} bad[] = {
		{{0}, 0},                                                           // nothing
		{{4}, 1},                                                           // no bucket
		{{5, 0, 1}, 3},                                                     // a resolution that does not exist
		{{4, 0}, 2},                                                        // no count
		{{4, 0, 0}, 3},                                                     // an empty bucket
		{{4, 0xa0, 0x03, 1}, 4},                                            // beyond the last bucket
		{{0, 25, 1, 0, 1}, 5},                                              // the same, after a good one
		{{4, 0x80, 0x00, 1}, 4},                                            // a varint that is too long
		{{4, 0, 0xff, 0xff, 0xff, 0xff, 0x1f}, 7},                          // more than 32 bits
		{{4, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 8}, {{4, 0, 1, 0x80}, 4}, // cut
	};
	struct histogram histogram = {0};
	const struct histogram empty = {0};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_not_equal(histogram_merge_packed(&histogram, bad[i].data, bad[i].size), 0);
		assert_memory_equal(&histogram, &empty, sizeof(empty));
	}
	const uint8_t last[] = {0, 25, 1};
	assert_int_equal(histogram_merge_packed(&histogram, last, sizeof(last)), 0);
	assert_int_equal(histogram_count(&histogram), 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_within_the_stated_error),
		cmocka_unit_test(shorter_forms_are_coarser_and_say_so),
		cmocka_unit_test(a_bound_in_bytes_is_kept),
		cmocka_unit_test(ends_of_the_range),
		cmocka_unit_test(what_is_no_histogram_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
