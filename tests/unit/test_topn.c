// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Bounded tables of the greatest: entries and remainder add up to what was put in, and the great stay in.
#include <setjmp.h>
#include <stdarg.h>
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
	uint64_t bytes[64];
	size_t length;
};

static void plain_add(struct plain *plain, uint32_t key, uint64_t bytes) {
	size_t least = 0;
	for (size_t i = 0; i < plain->length; i++) {
		if (plain->keys[i] == key) {
			plain->bytes[i] += bytes;
			return;
		}
		if (plain->bytes[i] < plain->bytes[least])
			least = i;
	}
	if (plain->length < 64)
		least = plain->length++;
	else if (plain->bytes[least] >= bytes)
		return;
	plain->keys[least] = key;
	plain->bytes[least] = bytes;
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
	}
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
			hll_add(&sketch, hll_hash(&item, sizeof(item)));
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
		cmocka_unit_test(the_greatest_stays_and_sorts_first),
		cmocka_unit_test(the_greatest_of_masked_values_counts),
		cmocka_unit_test(sketches_merge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
