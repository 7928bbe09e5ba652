// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tallies against plain arrays: every key once, refusal when full, clearing through the wrap of generations, and the
// greatest N.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tally.h"

struct key {
	uint64_t words[2];
};

static uint64_t *at(struct tally *tally, uint64_t number) {
	struct key key = {{number, ~number}};
	return tally_at(tally, &key, tally_hash(tally, &key));
}

static void counts_by_key(void **state) {
	enum { KEYS = 1000 };
	struct tally tally;
	uint64_t expected[KEYS] = {0};

	assert_int_equal(tally_init(&tally, sizeof(struct key), sizeof(uint64_t), KEYS, 1), 0);
	srand(1);
	for (unsigned i = 0; i < 20 * KEYS; i++) {
		unsigned number = (unsigned)rand() % KEYS;
		uint64_t *value = at(&tally, number);
		assert_non_null(value);
		*value += i;
		expected[number] += i;
	}
	assert_int_equal(tally.count, KEYS);
	for (uint32_t entry = 0; entry < tally.count; entry++) {
		const struct key *key = tally_key(&tally, entry);
		const uint64_t *value = tally_value(&tally, entry);
		assert_int_equal(*value, expected[key->words[0]]);
		assert_int_equal(tally_entry(&tally, value), entry);
	}
	assert_int_equal(tally.refused, 0);
	tally_fini(&tally);
}

static void full_refuses_only_new_keys(void **state) {
	struct tally tally;

	assert_int_equal(tally_init(&tally, sizeof(struct key), sizeof(uint64_t), 3, 1), 0);
	for (uint64_t number = 0; number < 3; number++)
		*at(&tally, number) = number;
	assert_null(at(&tally, 3));
	assert_null(at(&tally, 4));
	assert_int_equal(tally.refused, 2);
	for (uint64_t number = 0; number < 3; number++)
		assert_int_equal(*at(&tally, number), number);
	tally_clear(&tally);
	assert_int_equal(*at(&tally, 3), 0);
	tally_fini(&tally);
}

// A key of the same hash is another key: the whole hash is forged here, as the best possible attack.
static void same_hash_is_not_same_key(void **state) {
	struct tally tally;

	assert_int_equal(tally_init(&tally, sizeof(struct key), sizeof(uint64_t), 64, 1), 0);
	for (uint64_t number = 0; number < 64; number++) {
		struct key key = {{number, 0}};
		uint64_t *value = tally_at(&tally, &key, 42);
		assert_int_equal(*value, 0);
		*value = number + 1;
	}
	for (uint64_t number = 0; number < 64; number++) {
		struct key key = {{number, 0}};
		assert_int_equal(*(uint64_t *)tally_at(&tally, &key, 42), number + 1);
	}
	tally_fini(&tally);
}

static void clear_survives_the_wrap(void **state) {
	struct tally tally;

	assert_int_equal(tally_init(&tally, sizeof(struct key), sizeof(uint64_t), 4, 1), 0);
	for (unsigned round = 0; round < 140000; round++) {
		uint64_t *value = at(&tally, round % 5);
		assert_int_equal(tally.count, 1);
		assert_int_equal(*value, 0);
		*value = 7;
		assert_int_equal(*at(&tally, round % 5), 7);
		tally_clear(&tally);
	}
	tally_fini(&tally);
}

static void secrets_differ(void **state) {
	struct tally left, right;
	struct key key = {{1, 2}};

	assert_int_equal(tally_init(&left, sizeof(struct key), 8, 1, 1), 0);
	assert_int_equal(tally_init(&right, sizeof(struct key), 8, 1, 2), 0);
	assert_int_not_equal(tally_hash(&left, &key), tally_hash(&right, &key));
	tally_fini(&left);
	tally_fini(&right);
}

static int descending(const void *left, const void *right) {
	const struct tally_rank *a = left, *b = right;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	return a->entry < b->entry ? -1 : 1;
}

static void top_is_what_sorting_gives(void **state) {
	enum { OFFERS = 300 };
	struct tally_rank all[OFFERS], chosen[OFFERS];

	srand(1);
	for (unsigned capacity = 0; capacity <= OFFERS; capacity += 1 + capacity / 3) {
		struct tally_top top = {.ranks = chosen, .capacity = capacity};
		unsigned nonzero = 0;
		for (uint32_t entry = 0; entry < OFFERS; entry++) {
			uint64_t weight = (uint64_t)rand() % 50; // many equal ones, and zeros
			tally_top_offer(&top, entry, weight);
			if (weight > 0)
				all[nonzero++] = (struct tally_rank){weight, entry};
		}
		tally_top_sort(&top);
		qsort(all, nonzero, sizeof(all[0]), descending);
		assert_int_equal(top.count, capacity < nonzero ? capacity : nonzero);
		for (unsigned i = 0; i < top.count; i++) {
			assert_int_equal(top.ranks[i].weight, all[i].weight);
			assert_int_equal(top.ranks[i].entry, all[i].entry);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_key),
		cmocka_unit_test(full_refuses_only_new_keys),
		cmocka_unit_test(same_hash_is_not_same_key),
		cmocka_unit_test(clear_survives_the_wrap),
		cmocka_unit_test(secrets_differ),
		cmocka_unit_test(top_is_what_sorting_gives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
