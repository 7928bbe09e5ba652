// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Parts that are dealt out among the instances of a source that become more or fewer: each has one owner, and nobody
// has two more than another where parts went.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/sharing.h"

enum { INSTANCES = 6, PARTS = 7 };

static struct instance instances[INSTANCES];
static struct instance *all[INSTANCES];
static unsigned owners[PARTS]; // index of an instance
static unsigned gifts;

static unsigned count_parts(const struct instance *instance) {
	unsigned count = 0;
	for (unsigned i = 0; i < PARTS; i++)
		count += owners[i] == instance->index;
	return count;
}

static void give(struct instance *to, struct instance *from) {
	unsigned part = 0;
	while (part < PARTS && owners[part] != from->index)
		part++;
	assert_in_range(part, 0, PARTS - 1);
	owners[part] = to->index;
	gifts++;
}

static void begin(unsigned count) {
	for (unsigned i = 0; i < INSTANCES; i++) {
		instances[i].index = i;
		all[i] = &instances[i];
	}
	for (unsigned i = 0; i < PARTS; i++)
		owners[i] = i % count;
	gifts = 0;
}

static void change(unsigned before, unsigned after) {
	static const struct sharing sharing = {count_parts, give};
	const struct operator op = {.instance_count = after, .instances = all};
	sharing_deal(&sharing, &op, all, before);
	unsigned least = PARTS, most = 0, sum = 0;
	for (unsigned i = 0; i < after; i++) {
		unsigned count = count_parts(&instances[i]);
		least = count < least ? count : least;
		most = count > most ? count : most;
		sum += count;
	}
	assert_int_equal(sum, PARTS);
	assert_in_range(most - least, 0, 1);
}

static void test_every_change(void **state) {
	for (unsigned before = 1; before <= INSTANCES; before++)
		for (unsigned after = 1; after <= INSTANCES; after++) {
			begin(before);
			change(before, after);
		}
}

static void test_back_and_forth(void **state) {
	begin(1);
	change(1, INSTANCES);
	change(INSTANCES, 2);
	change(2, 3);
	assert_int_equal(count_parts(&instances[0]) + count_parts(&instances[1]) + count_parts(&instances[2]), PARTS);
}

// What stays where it is keeps its watermark: nothing goes from one that stays to another that does.
static void test_only_what_has_to_goes(void **state) {
	begin(3); // 3, 2, 2
	change(3, 2);
	assert_int_equal(gifts, 2);
	begin(2); // 4, 3
	change(2, 3);
	assert_int_equal(gifts, 2);
	assert_int_equal(count_parts(&instances[2]), 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_change),
		cmocka_unit_test(test_back_and_forth),
		cmocka_unit_test(test_only_what_has_to_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
