// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The history waiting for Redis: bounded, in order, and what is given up is named.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/history.h"

static void add(struct history *history, uint64_t ms) {
	history_add(history, &(struct history_entry){.ms = ms});
}

static void time_only_goes_forward(void **state) {
	static struct history history;
	history = (struct history){.last_stored_ms = 5000};
	add(&history, 5000);
	add(&history, 6000);
	add(&history, 6000);
	add(&history, 5500);
	add(&history, 7000);
	assert_int_equal(history.added, 2);
	assert_int_equal(history_last_ms(&history), 7000);
}

static void stored_entries_are_not_pending(void **state) {
	static struct history history;
	add(&history, 1000);
	add(&history, 2000);
	history_mark_stored(&history, 1, 0);
	assert_int_equal(history.first_ms, 1000);
	assert_int_equal(history.last_stored_ms, 1000);
	history_mark_stored(&history, 2, 0);
	assert_int_equal(history.first_ms, 1000);
	assert_int_equal(history.last_stored_ms, 2000);
	assert_int_equal(history.added - history.stored, 0);
}

static void what_is_given_up_is_one_gap(void **state) {
	static struct history history;
	for (uint64_t i = 1; i <= HISTORY_PENDING_MAX + 3; i++)
		add(&history, 1000 * i);
	assert_int_equal(history.added - history.stored, HISTORY_PENDING_MAX);
	assert_int_equal(history.gaps_length, 1);
	assert_int_equal(history.gaps[0].from_ms, 1000);
	assert_int_equal(history.gaps[0].to_ms, 3000);
	history_mark_stored(&history, history.added, 1);
	assert_int_equal(history.gaps_length, 0);
}

static void gaps_are_bounded(void **state) {
	static struct history history;
	static const char *const reasons[] = {"one", "other"};
	for (uint64_t i = 0; i < 3 * HISTORY_GAPS_MAX; i++)
		history_add_gap(&history, &(struct history_gap){i, i + 1, i + 1, reasons[i % 2]});
	assert_int_equal(history.gaps_length, HISTORY_GAPS_MAX);
	assert_int_equal(history.gaps[0].from_ms, 0);
	assert_int_equal(history.gaps[HISTORY_GAPS_MAX - 1].to_ms, 3 * HISTORY_GAPS_MAX);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_only_goes_forward),
		cmocka_unit_test(stored_entries_are_not_pending),
		cmocka_unit_test(what_is_given_up_is_one_gap),
		cmocka_unit_test(gaps_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
