// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Shares of a worker's time: by weight where all want more, whatever their batches cost; nobody waits for one that has
// little to do, and what it did not use before is not made up for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/share.h"

enum { LENGTH = 3, ROUNDS = 100000, BATCH = 64 };

struct load {
	unsigned cost;  // ticks of a batch
	unsigned taken; // tuples of each batch
	uint64_t ticks, batches;
};

static void run(struct share *shares, struct load *loads, unsigned count) {
	for (unsigned i = 0; i < count; i++)
		loads[i].ticks = loads[i].batches = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		shares_begin(shares, count);
		for (unsigned i = 0; i < count; i++) {
			if (shares[i].waits)
				continue;
			share_take(&shares[i], loads[i].taken, BATCH);
			share_charge(&shares[i], loads[i].cost);
			loads[i].ticks += loads[i].cost;
			loads[i].batches++;
		}
	}
}

static void assert_near(uint64_t found, double expected) {
	assert_in_range(found, (uint64_t)(expected * 0.99), (uint64_t)(expected * 1.01));
}

static void test_by_weight(void **state) {
	struct share shares[LENGTH] = {{.weight = 3}, {.weight = 1}, {.weight = 2}};
	struct load alike[LENGTH] = {{1000, BATCH}, {1000, BATCH}, {1000, BATCH}};
	run(shares, alike, 2);
	assert_near(alike[0].batches, 3.0 * (double)alike[1].batches);
	// Time is shared, not batches.
	struct load loads[LENGTH] = {{700, BATCH}, {9100, BATCH}, {130, SHARE_FULL}};
	run(shares, loads, LENGTH);
	uint64_t all = loads[0].ticks + loads[1].ticks + loads[2].ticks;
	assert_near(loads[0].ticks, (double)all * 3 / 6);
	assert_near(loads[1].ticks, (double)all * 1 / 6);
	assert_near(loads[2].ticks, (double)all * 2 / 6);
}

static void test_one_that_has_little_to_do(void **state) {
	struct share shares[LENGTH] = {{.weight = 1}, {.weight = 1000}, {.weight = 1}};
	struct load loads[LENGTH] = {{1000, BATCH}, {50, 2}, {10, 0}};
	run(shares, loads, LENGTH);
	for (unsigned i = 0; i < LENGTH; i++)
		assert_int_equal(loads[i].batches, ROUNDS);
	// It has much to do now, and begins with what the other has.
	loads[2] = (struct load){.cost = 1000, .taken = BATCH};
	run(shares, loads, LENGTH);
	assert_near(loads[2].batches, (double)loads[0].batches);
	assert_int_equal(loads[1].batches, ROUNDS);
}

// Room for few is not little to do.
static void test_little_room(void **state) {
	struct share share = {.weight = 1};
	share_take(&share, 3, 3);
	assert_true(share.wants);
	share.wants = false;
	share_take(&share, 0, 0);
	assert_false(share.wants);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_weight),
		cmocka_unit_test(test_one_that_has_little_to_do),
		cmocka_unit_test(test_little_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
