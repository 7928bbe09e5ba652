// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sliding windows: by event time, emptied by the clock, late summaries refused, lists that add up.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/window.h"

enum { SLOTS = 12 };

static int setup(void **state) {
	return window_new((struct window **)state, SLOTS, NS_PER_S, 16);
}

static int teardown(void **state) {
	window_free(*state);
	return 0;
}

// A summary of one packet and one flow for the interval that ends at end_s.
static bool add(struct window *window, uint64_t end_s, uint64_t mono_s) {
	Weir__Summary summary = WEIR__SUMMARY__INIT;
	Weir__Totals totals = WEIR__TOTALS__INIT;
	Weir__FlowDelta flow = WEIR__FLOW_DELTA__INIT;
	Weir__FlowDelta *flows[] = {&flow};
	uint8_t address[4] = {10, 0, 0, (uint8_t)end_s};

	totals.packets = 1;
	totals.bytes = 100;
	flow.src_ip = flow.dst_ip = (ProtobufCBinaryData){sizeof(address), address};
	flow.fwd_packets = 1;
	flow.fwd_bytes = 100;
	summary.start_ns = (end_s - 1) * NS_PER_S;
	summary.end_ns = end_s * NS_PER_S;
	summary.interval = &totals;
	summary.flows = flows;
	summary.n_flows = 1;
	return window_add(window, &summary, NULL, mono_s * NS_PER_S);
}

static uint64_t packets(const struct window *window, uint32_t length, uint64_t mono_s) {
	struct window_sums sums;
	window_totals(window, length, mono_s * NS_PER_S, &sums);
	return sums.totals.v[TOTALS_PACKETS];
}

static void slides_over_event_time(void **state) {
	// A capture of long ago, read at once: the clock stands still.
	for (uint64_t s = 1000; s < 1030; s++)
		assert_true(add(*state, s, 5));
	assert_int_equal(packets(*state, 1, 5), 1);
	assert_int_equal(packets(*state, 10, 5), 10);
	assert_int_equal(packets(*state, SLOTS, 5), SLOTS);
}

static void empties_when_nothing_comes(void **state) {
	for (uint64_t s = 1000; s < 1010; s++)
		assert_true(add(*state, s, s - 900));
	assert_int_equal(packets(*state, 10, 109), 10);
	assert_int_equal(packets(*state, 10, 110), 10); // the next one is due now
	assert_int_equal(packets(*state, 10, 112), 8);
	assert_int_equal(packets(*state, 10, 125), 0);
}

static void late_ones_count_while_there_is_room(void **state) {
	assert_true(add(*state, 1000, 1));
	assert_true(add(*state, 1020, 1));
	assert_true(add(*state, 1015, 1));
	assert_false(add(*state, 1020 - SLOTS, 1));
	assert_false(add(*state, 1000, 1));
	assert_int_equal(packets(*state, 10, 1), 2);
}

static void a_clock_that_steps_back_is_followed(void **state) {
	for (uint64_t s = 4600; s < 4610; s++)
		assert_true(add(*state, s, s - 4600));
	unsigned late = 0;
	for (uint64_t s = 1010; s < 1020; s++)
		late += !add(*state, s, s - 1000);
	assert_int_equal(late, WINDOW_LATE_MAX - 1);
	assert_int_equal(packets(*state, 10, 19), 10 - late);
	// A straggler among good ones moves nothing.
	for (uint64_t s = 1020; s < 1030; s++) {
		assert_false(add(*state, 900, s - 1000));
		assert_true(add(*state, s, s - 1000));
	}
	assert_int_equal(packets(*state, 10, 29), 10);
}

static void young_windows_know_their_age(void **state) {
	struct window_sums sums;

	assert_int_equal(window_totals(*state, 10, NS_PER_S, &sums), 1);
	add(*state, 1000, 1);
	add(*state, 1001, 2);
	add(*state, 1002, 3);
	assert_int_equal(window_totals(*state, 10, 3 * NS_PER_S, &sums), 3);
	assert_int_equal(sums.totals.v[TOTALS_PACKETS], 3);
	window_restart(*state);
	assert_int_equal(packets(*state, 10, 3), 0);
	assert_true(add(*state, 5, 4)); // the time before counts no more
}

static void lists_add_up_to_the_totals(void **state) {
	struct topn list;

	for (uint64_t s = 1; s <= 10; s++)
		for (uint64_t i = 0; i < 5; i++)
			assert_true(add(*state, s, s));
	topn_init(&list, 4, TOPN_BYTES, list_types[LIST_FLOWS].max_mask);
	window_merge(*state, LIST_FLOWS, 10, &list, 10 * NS_PER_S);
	uint64_t sum = list.rest.packets;
	for (size_t i = 0; i < list.length; i++)
		sum += list.entries[i].values[TOPN_PACKETS];
	assert_int_equal(list.length, 4);
	assert_int_equal(list.rest.count, 6);
	assert_int_equal(sum, packets(*state, 10, 10));
	topn_fini(&list);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slides_over_event_time, setup, teardown),
		cmocka_unit_test_setup_teardown(empties_when_nothing_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(late_ones_count_while_there_is_room, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_that_steps_back_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(young_windows_know_their_age, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_add_up_to_the_totals, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
