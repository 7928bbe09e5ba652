// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// HyperLogLog: its error at several sizes, merging, and the packed form against any bytes.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/hll.h"

static void fill(struct hll *hll, uint64_t first, uint64_t count) {
	for (uint64_t item = first; item < first + count; item++)
		hll_add_hash(hll, hll_hash(&item, sizeof(item)));
}

// Standard error 6.5 %: the mean over 64 sets is within a few per cent, and a single set within four deviations.
static void estimate_is_close(void **state) {
	static const uint64_t sizes[] = {10, 100, 1000, 100000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double sum = 0;
		unsigned sets = sizes[i] > 1000 ? 16 : 64;
		for (uint64_t set = 0; set < sets; set++) {
			struct hll hll = {0};
			fill(&hll, set << 32, sizes[i]);
			double ratio = hll_estimate(&hll) / (double)sizes[i];
			assert_true(fabs(ratio - 1) < 4 * 0.065);
			sum += ratio;
		}
		assert_true(fabs(sum / sets - 1) < 0.05);
	}
}

static void empty_is_zero(void **state) {
	struct hll hll = {0};

	assert_true(hll_estimate(&hll) == 0);
	fill(&hll, 7, 1);
	fill(&hll, 7, 1);
	assert_true(fabs(hll_estimate(&hll) - 1) < 0.01);
}

static void merge_is_union(void **state) {
	struct hll left = {0}, right = {0}, both = {0};

	fill(&left, 0, 600);
	fill(&right, 300, 600);
	fill(&both, 0, 900);
	hll_merge(&left, &right);
	assert_memory_equal(&left, &both, sizeof(both));
	hll_merge(&left, &right);
	assert_memory_equal(&left, &both, sizeof(both));
}

static void extreme_hashes_stay_inside(void **state) {
	struct hll hll = {0}, out;
	uint8_t packed[HLL_REGISTERS + 1];

	hll_add_hash(&hll, 0);
	hll_add_hash(&hll, UINT64_MAX);
	assert_int_equal(hll.registers[0], 57);
	assert_int_equal(hll.registers[HLL_REGISTERS - 1], 1);
	size_t size = hll_pack(&hll, packed);
	assert_int_equal(hll_unpack(packed, size, &out), 0);
	assert_memory_equal(&out, &hll, sizeof(hll));
}

static void pack_round_trips(void **state) {
	for (uint64_t count = 0; count < 5000; count = count * 3 / 2 + 1) {
		struct hll hll = {0}, out;
		uint8_t packed[HLL_REGISTERS + 1];
		fill(&hll, count, count);
		size_t size = hll_pack(&hll, packed);
		assert_true(size <= HLL_REGISTERS);
		if (count <= 4)
			assert_true(size <= 2 + 2 * 4);
		assert_int_equal(hll_unpack(packed, size, &out), 0);
		assert_memory_equal(&out, &hll, sizeof(hll));
	}
}

// Every input is refused or is exactly what hll_pack writes for what it gave. Blocks of exact size, for ASan.
static void unpack_takes_any_bytes(void **state) {
	unsigned accepted = 0;

	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = (size_t)rand() % 300;
		uint8_t *data = malloc(size + !size), again[HLL_REGISTERS + 1];
		for (size_t i = 0; i < size; i++)
			data[i] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 58);
		struct hll out;
		int ret = hll_unpack(data, size, &out);
		assert_true(ret == 0 || ret == -EINVAL);
		if (ret == 0) {
			accepted++;
			assert_int_equal(hll_pack(&out, again), size);
			assert_memory_equal(again, data, size);
		}
		free(data);
	}
	assert_true(accepted < 20000);
}

static void unpack_refuses_other_spellings(void **state) {
	struct hll out;

	assert_int_equal(hll_unpack((const uint8_t[]){0xff, 0xff}, 2, &out), 0);             // the empty sketch
	assert_int_equal(hll_unpack((const uint8_t[]){0xff, 0xfe, 0x80}, 3, &out), -EINVAL); // a run cut short
	assert_int_equal(hll_unpack((const uint8_t[]){0xff, 0xfe, 0}, 3, &out), -EINVAL);    // a literal 0
	assert_int_equal(hll_unpack((const uint8_t[]){0xff, 0xfe, 58}, 3, &out), -EINVAL);   // no such rank
	assert_int_equal(hll_unpack((const uint8_t[]){0xff, 0xfe, 57}, 3, &out), 0);
	assert_int_equal(hll_unpack((const uint8_t[]){0xff, 0xff, 1}, 3, &out), -EINVAL); // one register too many
	assert_int_equal(hll_unpack((const uint8_t[]){0xff}, 1, &out), -EINVAL);          // too few
	assert_int_equal(hll_unpack(NULL, 0, &out), -EINVAL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimate_is_close),
		cmocka_unit_test(empty_is_zero),
		cmocka_unit_test(merge_is_union),
		cmocka_unit_test(extreme_hashes_stay_inside),
		cmocka_unit_test(pack_round_trips),
		cmocka_unit_test(unpack_takes_any_bytes),
		cmocka_unit_test(unpack_refuses_other_spellings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
