// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What nodes lost, over windows: each loss once, none of the past.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/losses.h"

static struct losses losses;

static int setup(void **state) {
	losses = (struct losses){.count = 0};
	return 0;
}

static void note(uint64_t incarnation, uint64_t dropped, uint64_t at_s) {
	const uint64_t now[LOSS_KINDS] = {[LOSS_DROPPED] = dropped, [LOSS_OUTSIDE] = 2 * dropped};
	losses_note(&losses, incarnation, false, now, at_s * NS_PER_S);
}

static uint64_t within(uint64_t window_s) {
	assert_int_equal(losses_within(&losses, LOSS_OUTSIDE, window_s * NS_PER_S),
		2 * losses_within(&losses, LOSS_DROPPED, window_s * NS_PER_S));
	return losses_within(&losses, LOSS_DROPPED, window_s * NS_PER_S);
}

static void a_window_holds_what_grew_in_it(void **state) {
	assert_int_equal(within(10), 0);
	losses_note(&losses, 1, false, NULL, 99 * NS_PER_S); // nothing told yet
	note(1, 5, 100);
	note(1, 5, 101);
	note(1, 12, 102);
	assert_int_equal(within(1), 7);
	assert_int_equal(within(2), 7);
	assert_int_equal(within(3), 12); // of a new process all is new
	assert_int_equal(within(600), 12);
	losses_note(&losses, 1, false, NULL, 103 * NS_PER_S);
	assert_int_equal(within(1), 0);
	note(1, 13, 104);
	assert_int_equal(within(2), 1);
}

static void what_was_lost_before_the_first_look_is_in_its_window(void **state) {
	note(1, 5, 100);
	assert_int_equal(within(1), 5);
	note(1, 5, 101);
	assert_int_equal(within(1), 0);
	assert_int_equal(within(2), 5);
}

static void a_restart_is_no_loss_and_hides_none(void **state) {
	note(1, 100, 100);
	note(1, 110, 101);
	note(2, 3, 102);
	assert_int_equal(within(2), 13);
	note(2, 1, 103); // never told so by a node that is right
	assert_int_equal(within(1), 0);
}

static void what_an_earlier_controller_saw_is_the_past(void **state) {
	const uint64_t before[LOSS_KINDS] = {1000, 2000}, now[LOSS_KINDS] = {1001, 2002};
	losses_note(&losses, 1, true, before, 100 * NS_PER_S);
	assert_int_equal(within(10), 0);
	losses_note(&losses, 1, true, now, 101 * NS_PER_S);
	assert_int_equal(within(10), 1);
}

static void the_ring_forgets_the_oldest(void **state) {
	for (uint64_t s = 1; s <= 3 * LOSSES_SAMPLES; s++)
		note(1, s, s);
	assert_int_equal(within(600), 600);
	assert_int_equal(within(1000000), LOSSES_SAMPLES - 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_window_holds_what_grew_in_it, setup),
		cmocka_unit_test_setup(what_was_lost_before_the_first_look_is_in_its_window, setup),
		cmocka_unit_test_setup(a_restart_is_no_loss_and_hides_none, setup),
		cmocka_unit_test_setup(what_an_earlier_controller_saw_is_the_past, setup),
		cmocka_unit_test_setup(the_ring_forgets_the_oldest, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
