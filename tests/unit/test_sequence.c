// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sequence numbers: each taken once whatever the order, and what is missing counted exactly.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/sequence.h"

static void any_order_within_reach_loses_nothing(void **state) {
	struct sequence sequence = {0};
	uint64_t numbers[SEQUENCE_AHEAD], lost = 0;

	srand(1);
	for (unsigned i = 0; i < SEQUENCE_AHEAD; i++)
		numbers[i] = i + 1;
	for (unsigned i = SEQUENCE_AHEAD - 1; i > 0; i--) {
		unsigned other = (unsigned)rand() % (i + 1);
		uint64_t number = numbers[i];
		numbers[i] = numbers[other];
		numbers[other] = number;
	}
	for (unsigned i = 0; i < SEQUENCE_AHEAD; i++) {
		assert_false(sequence_has(&sequence, numbers[i]));
		assert_true(sequence_take(&sequence, numbers[i], &lost));
		assert_true(sequence_has(&sequence, numbers[i]));
		assert_false(sequence_take(&sequence, numbers[i], &lost));
	}
	assert_int_equal(sequence.contiguous, SEQUENCE_AHEAD);
	assert_false(sequence_has_hole(&sequence));
	assert_int_equal(lost, 0);
}

static void holes_are_given_up_once(void **state) {
	struct sequence sequence = {0};
	uint64_t lost = 0;

	assert_true(sequence_take(&sequence, 1, &lost));
	assert_true(sequence_take(&sequence, 4, &lost));
	assert_true(sequence_take(&sequence, 6, &lost));
	assert_true(sequence_has_hole(&sequence));
	assert_int_equal(sequence.contiguous, 1);
	assert_int_equal(sequence_give_up(&sequence), 3); // 2, 3 and 5
	assert_int_equal(sequence_give_up(&sequence), 0);
	assert_int_equal(sequence.contiguous, 6);
	assert_true(sequence_has(&sequence, 3) && !sequence_has(&sequence, 7));
	assert_false(sequence_take(&sequence, 3, &lost)); // too late
	assert_true(sequence_take(&sequence, 7, &lost));
	assert_int_equal(lost, 0);
}

static void far_jump_gives_up_what_lies_between(void **state) {
	struct sequence sequence = {0};
	uint64_t lost = 0, far = 1000000;

	assert_true(sequence_take(&sequence, 1, &lost));
	assert_true(sequence_take(&sequence, 3, &lost));
	assert_true(sequence_take(&sequence, far, &lost));
	assert_int_equal(lost, far - 3);
	assert_int_equal(sequence.contiguous, far);
	assert_true(sequence_take(&sequence, UINT64_MAX, &lost));
	assert_int_equal(sequence.contiguous, UINT64_MAX);
	assert_false(sequence_take(&sequence, UINT64_MAX, &lost));
}

static void start_goes_on_from_what_was_stored(void **state) {
	struct sequence sequence = {0};
	uint64_t lost = 0;

	assert_true(sequence_take(&sequence, 12, &lost));
	assert_true(sequence_take(&sequence, 14, &lost));
	sequence_start(&sequence, 11);
	assert_int_equal(sequence.contiguous, 12);
	assert_true(sequence_has_hole(&sequence));
	assert_true(sequence_take(&sequence, 13, &lost));
	assert_int_equal(sequence.contiguous, 14);
	sequence_start(&sequence, 10);
	assert_int_equal(sequence.contiguous, 14);
	sequence_start(&sequence, 20);
	assert_false(sequence_take(&sequence, 20, &lost));
	assert_true(sequence_take(&sequence, 21, &lost));
	assert_int_equal(lost, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_within_reach_loses_nothing),
		cmocka_unit_test(holes_are_given_up_once),
		cmocka_unit_test(far_jump_gives_up_what_lies_between),
		cmocka_unit_test(start_goes_on_from_what_was_stored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
