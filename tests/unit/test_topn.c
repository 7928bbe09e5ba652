// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Bounded tables of the greatest: entries and remainder add up to what was put in, and the great stay in.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/topn.h"

enum { MAX_VALUE = 2 };

static struct topn_entry entry(uint32_t key, uint64_t packets, uint64_t bytes) {
	struct topn_entry made = {.values = {packets, bytes, bytes}};
	memcpy(made.key, &key, sizeof(key));
	return made;
}

static void add(struct topn *topn, uint32_t key, uint64_t packets, uint64_t bytes) {
	struct topn_entry made = entry(key, packets, bytes);
	topn_add(topn, &made);
}

static void sums(const struct topn *topn, uint64_t *packets, uint64_t *bytes) {
	*packets = topn->rest.packets;
	*bytes = topn->rest.bytes;
	for (size_t i = 0; i < topn->length; i++) {
		*packets += topn->entries[i].values[TOPN_PACKETS];
		*bytes += topn->entries[i].values[TOPN_BYTES];
	}
}

static void adds_up_whatever_is_evicted(void **state) {
	struct topn topn;
	uint64_t packets = 0, bytes = 0, seen_packets, seen_bytes;

	topn_init(&topn, 64, TOPN_BYTES, 0);
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t key = (uint32_t)rand() % 1000;
		uint64_t size = 40 + (uint64_t)rand() % 1460;
		add(&topn, key, 1, size);
		packets++;
		bytes += size;
	}
	sums(&topn, &seen_packets, &seen_bytes);
	assert_int_equal(topn.length, 64);
	assert_int_equal(seen_packets, packets);
	assert_int_equal(seen_bytes, bytes);
	assert_true(topn.rest.count > 0);
	topn_fini(&topn);
}

// The same by looking at every entry.
struct plain {
	uint32_t keys[64];
	uint64_t bytes[64], errors[64];
	size_t length;
};

static void plain_add(struct plain *plain, uint32_t key, uint64_t bytes) {
	size_t least = 0;
	for (size_t i = 0; i < plain->length; i++) {
		if (plain->keys[i] == key) {
			plain->bytes[i] += bytes;
			return;
		}
		if (plain->bytes[i] + plain->errors[i] < plain->bytes[least] + plain->errors[least])
			least = i;
	}
	uint64_t error = 0;
	if (plain->length < 64)
		least = plain->length++;
	else
		error = plain->bytes[least] + plain->errors[least];
	plain->keys[least] = key;
	plain->bytes[least] = bytes;
	plain->errors[least] = error;
}

static void the_least_makes_room(void **state) {
	struct topn topn;
	struct plain plain = {0};

	topn_init(&topn, 64, TOPN_BYTES, 0);
	srand(2);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t key = (uint32_t)rand() % 300;
		uint64_t size = 1 + (uint64_t)rand() % (1 + i);
		add(&topn, key, 1, size);
		plain_add(&plain, key, size);
	}
	assert_int_equal(topn.length, plain.length);
	for (size_t i = 0; i < topn.length; i++) {
		struct topn_entry expected = entry(plain.keys[i], 0, 0);
		assert_memory_equal(topn.entries[i].key, expected.key, TOPN_KEY_SIZE);
		assert_int_equal(topn.entries[i].values[TOPN_BYTES], plain.bytes[i]);
		uint64_t error = plain.errors[i] < topn.rest.bytes ? plain.errors[i] : topn.rest.bytes;
		assert_int_equal(topn_error(&topn, &topn.entries[i]), error);
	}
	topn_fini(&topn);
}

// Keys with sizes as unequal as those of flows.
static uint32_t random_key(unsigned keys) {
	double u = (double)rand() / RAND_MAX;
	return (uint32_t)(keys * u * u * u);
}

static void errors_are_bounds(void **state) {
	enum { KEYS = 2000, ENTRIES = 128, PARTS = 7 };
	static uint64_t truth[KEYS];
	struct topn whole;
	uint64_t all = 0;

	srand(3);
	topn_init(&whole, ENTRIES, TOPN_BYTES, 0);
	for (unsigned p = 0; p < PARTS; p++) {
		struct topn part;
		uint64_t in_part = 0;
		// A few of few keys: those are exact.
		topn_init(&part, ENTRIES, TOPN_BYTES, 0);
		for (unsigned i = 0; i < 30000; i++) {
			uint32_t key = random_key(p % 3 == 0 ? 100 : KEYS);
			add(&part, key, 1, 100);
			truth[key] += 100;
			in_part += 100;
		}
		assert_true(topn_absent(&part) <= in_part / ENTRIES);
		assert_true(p % 3 != 0 || topn_absent(&part) == 0);
		topn_merge(&whole, &part);
		topn_fini(&part);
		all += in_part;
	}
	bool is_listed[KEYS] = {false};
	for (size_t i = 0; i < whole.length; i++) {
		uint32_t key;
		memcpy(&key, whole.entries[i].key, sizeof(key));
		uint64_t seen = whole.entries[i].values[TOPN_BYTES];
		assert_true(seen <= truth[key]);
		assert_true(truth[key] <= seen + topn_error(&whole, &whole.entries[i]));
		is_listed[key] = true;
	}
	for (unsigned key = 0; key < KEYS; key++)
		assert_true(is_listed[key] || truth[key] <= topn_absent(&whole));
	assert_true(topn_absent(&whole) <= 2 * all / ENTRIES);
	topn_fini(&whole);
}

// Lists that say what they leave out: who is in all of them has no error, who is in none can't have had more.
static void lists_say_what_they_miss(void **state) {
	struct topn topn;

	topn_init(&topn, 16, TOPN_BYTES, 0);
	for (unsigned i = 0; i < 10; i++) {
		struct topn_entry always = entry(1, 1, 1000), sometimes = entry(2, 1, 500);
		topn_add_listed(&topn, &always, i % 2 ? 40 : 500);
		if (i % 2)
			topn_add_listed(&topn, &sometimes, 40);
		topn_add_missed(&topn, i % 2 ? 40 : 500);
		topn_add_rest(&topn, &(struct topn_rest){20, 20, 1500});
	}
	assert_int_equal(topn_error(&topn, &topn.entries[0]), 0);
	assert_int_equal(topn_error(&topn, &topn.entries[1]), 5 * 500);
	assert_int_equal(topn_absent(&topn), 5 * 500 + 5 * 40);
	topn_fini(&topn);
}

static void the_greatest_stays_and_sorts_first(void **state) {
	struct topn topn;

	topn_init(&topn, 16, TOPN_BYTES, 0);
	for (uint32_t key = 0; key < 1000; key++) {
		add(&topn, key, 1, key);
		add(&topn, 7, 1, 1000);
	}
	topn_sort(&topn, TOPN_BYTES);
	struct topn_entry expected = entry(7, 0, 0);
	assert_memory_equal(topn.entries[0].key, expected.key, TOPN_KEY_SIZE);
	assert_true(topn.entries[0].values[TOPN_BYTES] >= 999 * 1000);
	for (size_t i = 1; i < topn.length; i++)
		assert_true(topn.entries[i - 1].values[TOPN_BYTES] >= topn.entries[i].values[TOPN_BYTES]);
	topn_fini(&topn);
}

static void the_greatest_of_masked_values_counts(void **state) {
	struct topn topn;

	topn_init(&topn, 16, TOPN_BYTES, 1 << MAX_VALUE);
	add(&topn, 1, 1, 30);
	add(&topn, 1, 1, 50);
	add(&topn, 1, 1, 40);
	assert_int_equal(topn.entries[0].values[TOPN_BYTES], 120);
	assert_int_equal(topn.entries[0].values[MAX_VALUE], 50);
	topn_fini(&topn);
}

static void sketches_merge(void **state) {
	struct topn parts[2], whole;
	struct hll sketch;

	topn_init(&whole, 16, TOPN_BYTES, 0);
	for (unsigned p = 0; p < 2; p++) {
		struct topn_entry made = entry(1, 1, 1);
		memset(&sketch, 0, sizeof(sketch));
		for (uint64_t i = 0; i < 100; i++) {
			uint64_t item = i + 50 * p; // half of them in both
			hll_add_hash(&sketch, hll_hash(&item, sizeof(item)));
		}
		made.sketch = &sketch;
		topn_init(&parts[p], 16, TOPN_BYTES, 0);
		topn_add(&parts[p], &made);
		topn_add_rest(&parts[p], &(struct topn_rest){1, 2, 3});
		topn_merge(&whole, &parts[p]);
		topn_fini(&parts[p]);
	}
	double estimate = hll_estimate(whole.entries[0].sketch);
	assert_true(estimate > 120 && estimate < 180);
	assert_int_equal(whole.rest.bytes, 6);
	topn_fini(&whole);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_whatever_is_evicted),
		cmocka_unit_test(the_least_makes_room),
		cmocka_unit_test(errors_are_bounds),
		cmocka_unit_test(lists_say_what_they_miss),
		cmocka_unit_test(the_greatest_stays_and_sorts_first),
		cmocka_unit_test(the_greatest_of_masked_values_counts),
		cmocka_unit_test(sketches_merge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
