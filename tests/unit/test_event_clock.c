// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Event time: no packet's clock lies behind the watermark, whatever the capture's timestamps do.
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
	event_clock_stamp(&clock, 8 * SECOND_NS, &meta);
	assert_int_equal(meta.late_ms, 2000);
	assert_int_equal(packet_clock_ns(&meta), 10 * SECOND_NS);
}

// No packet's clock lies below the watermark before it, and late packets don't push time on.
static void test_watermark_holds(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	uint64_t greatest = 0, random = 88172645463325252;
	for (unsigned i = 0; i < 10000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint64_t watermark_ns = clock.now_ns, timestamp_ns = (random >> (random & 63)) & INT64_MAX;
		greatest = timestamp_ns > greatest ? timestamp_ns : greatest;
		event_clock_stamp(&clock, timestamp_ns, &meta);
		assert_true(packet_clock_ns(&meta) >= watermark_ns);
		assert_true(packet_clock_ns(&meta) < clock.now_ns + 1000000);
		assert_int_equal(clock.now_ns, greatest);
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

static void test_advance(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	event_clock_advance(&clock, 5 * SECOND_NS);
	event_clock_advance(&clock, 4 * SECOND_NS);
	assert_int_equal(clock.now_ns, 5 * SECOND_NS);
	event_clock_stamp(&clock, 5 * SECOND_NS - 3000000, &meta);
	assert_int_equal(meta.late_ms, 3);
}

static void test_live(void **state) {
	struct live_clock clock = {0};
	assert_int_equal(live_clock_now(&clock, 1000 * SECOND_NS, 5), 1000 * SECOND_NS);
	assert_int_equal(live_clock_now(&clock, 1000 * SECOND_NS + 10, 15), 1000 * SECOND_NS + 10);
	// Set back by 900 s: time goes on. Set forward again: it follows.
	assert_int_equal(live_clock_now(&clock, 100 * SECOND_NS, SECOND_NS + 15), 1001 * SECOND_NS + 10);
	assert_int_equal(live_clock_now(&clock, 5000 * SECOND_NS, SECOND_NS + 16), 5000 * SECOND_NS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_late_is_rounded_up),
		cmocka_unit_test(test_watermark_holds),
		cmocka_unit_test(test_far_behind),
		cmocka_unit_test(test_advance),
		cmocka_unit_test(test_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
