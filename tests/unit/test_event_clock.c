// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Event time: what packets carry never runs back, whatever the capture's timestamps do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/event_clock.h"

#define SECOND_NS UINT64_C(1000000000)

static void test_in_order(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	for (uint64_t time_ns = 5; time_ns < 5 + 3 * SECOND_NS; time_ns += SECOND_NS) {
		event_clock_stamp(&clock, time_ns, &meta);
		assert_int_equal(meta.timestamp_ns, time_ns);
		assert_int_equal(meta.late_ms, 0);
		assert_int_equal(clock.now_ns, time_ns);
	}
}

static void test_late_is_rounded_up(void **state) {
	struct event_clock clock = {.now_ns = 10 * SECOND_NS};
	struct packet_meta meta;
	event_clock_stamp(&clock, 10 * SECOND_NS - 1, &meta);
	assert_int_equal(meta.timestamp_ns, 10 * SECOND_NS - 1);
	assert_int_equal(meta.late_ms, 1);
	assert_int_equal(packet_clock_ns(&meta), 10 * SECOND_NS + 999999);
	assert_int_equal(clock.now_ns, packet_clock_ns(&meta));
	// The same time again lags behind the clock that the rounding moved: exactly a millisecond, not two.
	event_clock_stamp(&clock, 10 * SECOND_NS - 1, &meta);
	assert_int_equal(meta.late_ms, 1);
	assert_int_equal(clock.now_ns, 10 * SECOND_NS + 999999);
}

static void test_never_runs_back(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	uint64_t before = 0, random = 88172645463325252;
	for (unsigned i = 0; i < 10000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		event_clock_stamp(&clock, random >> (random & 63), &meta);
		assert_true(packet_clock_ns(&meta) >= before);
		assert_int_equal(packet_clock_ns(&meta), clock.now_ns);
		before = clock.now_ns;
	}
}

static void test_far_behind(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	event_clock_stamp(&clock, UINT64_MAX, &meta); // the end of the clock, from a damaged file
	assert_int_equal(meta.timestamp_ns, EVENT_CLOCK_MAX_NS);
	event_clock_stamp(&clock, 0, &meta);
	assert_int_equal(meta.late_ms, UINT32_MAX);
	assert_int_equal(meta.timestamp_ns, EVENT_CLOCK_MAX_NS - UINT32_MAX * UINT64_C(1000000));
	assert_int_equal(clock.now_ns, EVENT_CLOCK_MAX_NS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_late_is_rounded_up),
		cmocka_unit_test(test_never_runs_back),
		cmocka_unit_test(test_far_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
