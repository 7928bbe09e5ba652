// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Event time: no packet's clock lies behind the watermark, whatever the capture's timestamps do, and time goes on.
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

// Whatever the timestamps: no packet's clock lies below the watermark before it, nor a millisecond above the one after
// it, and time doesn't run back.
static void test_watermark_holds(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	uint64_t random = 88172645463325252, base_ns = 0;
	for (unsigned i = 0; i < 200000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		if (i % 100 == 0) // stretches of timestamps near each other, at any time
			base_ns = (random >> (random & 63)) & INT64_MAX;
		uint64_t watermark_ns = clock.now_ns, timestamp_ns = base_ns + (random >> 20) % (100 * SECOND_NS);
		event_clock_stamp(&clock, timestamp_ns, &meta);
		assert_true(clock.now_ns >= watermark_ns);
		assert_true(clock.now_ns <= EVENT_CLOCK_MAX_NS);
		assert_true(packet_clock_ns(&meta) >= watermark_ns);
		assert_true(packet_clock_ns(&meta) < clock.now_ns + 1000000);
	}
}

#define NOON (1700000000 * SECOND_NS)
#define YEAR_NS (365 * UINT64_C(86400) * SECOND_NS)

// One timestamp far from the others is not believed, and changes nothing for them.
static void test_one_jump(void **state) {
	static const uint64_t wild[] = {0, NOON - 2 * YEAR_NS, NOON + YEAR_NS, UINT64_MAX};
	struct event_clock clock = {0};
	struct packet_meta meta;
	event_clock_stamp(&clock, NOON, &meta);
	for (unsigned i = 0; i < 4; i++) {
		event_clock_stamp(&clock, wild[i], &meta);
		assert_int_equal(meta.timestamp_ns, NOON + i * SECOND_NS);
		assert_int_equal(meta.late_ms, 0);
		assert_int_equal(clock.now_ns, NOON + i * SECOND_NS);
		event_clock_stamp(&clock, NOON + (i + 1) * SECOND_NS, &meta);
		assert_int_equal(meta.timestamp_ns, NOON + (i + 1) * SECOND_NS);
		assert_int_equal(meta.late_ms, 0);
	}
	assert_int_equal(clock.corrected, 4);
	// Two of them, each with a time of its own, agree on nothing.
	event_clock_stamp(&clock, NOON + YEAR_NS, &meta);
	event_clock_stamp(&clock, NOON + 3 * YEAR_NS, &meta);
	assert_int_equal(clock.now_ns, NOON + 4 * SECOND_NS);
}

// The second packet after a jump ahead is believed; time has come to there.
static void test_jump_ahead(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	event_clock_stamp(&clock, NOON, &meta);
	event_clock_stamp(&clock, NOON + YEAR_NS, &meta);
	event_clock_stamp(&clock, NOON + YEAR_NS + SECOND_NS, &meta);
	assert_int_equal(meta.timestamp_ns, NOON + YEAR_NS + SECOND_NS);
	assert_int_equal(meta.late_ms, 0);
	assert_int_equal(clock.now_ns, NOON + YEAR_NS + SECOND_NS);
	// A day is no jump.
	event_clock_stamp(&clock, clock.now_ns + EVENT_CLOCK_JUMP_NS, &meta);
	assert_int_equal(clock.now_ns, NOON + YEAR_NS + SECOND_NS + EVENT_CLOCK_JUMP_NS);
}

// Set back by two days, or by decades: time goes on as if nothing had been, the timestamps are moved up, and the time
// between them stays.
static void test_set_back(void **state) {
	static const uint64_t back[] = {2 * EVENT_CLOCK_JUMP_NS, NOON - 5 * SECOND_NS};
	for (unsigned i = 0; i < 2; i++) {
		struct event_clock clock = {0};
		struct packet_meta meta;
		event_clock_stamp(&clock, NOON, &meta);
		event_clock_stamp(&clock, NOON - back[i], &meta);
		event_clock_stamp(&clock, NOON - back[i] + SECOND_NS, &meta);
		assert_int_equal(meta.timestamp_ns, NOON);
		event_clock_stamp(&clock, NOON - back[i] + 4 * SECOND_NS, &meta);
		assert_int_equal(meta.timestamp_ns, NOON + 3 * SECOND_NS);
		assert_int_equal(meta.late_ms, 0);
		event_clock_stamp(&clock, NOON - back[i] + 2 * SECOND_NS, &meta);
		assert_int_equal(meta.timestamp_ns, NOON + SECOND_NS);
		assert_int_equal(meta.late_ms, 2000);
		assert_int_equal(clock.corrected, 4);
		// The old time is back, and moves on from where it is.
		event_clock_stamp(&clock, NOON + 2 * SECOND_NS, &meta);
		assert_int_equal(meta.timestamp_ns, NOON + 2 * SECOND_NS);
		assert_int_equal(meta.late_ms, 1000);
		event_clock_stamp(&clock, NOON + 5 * SECOND_NS, &meta);
		assert_int_equal(meta.timestamp_ns, NOON + 5 * SECOND_NS);
		assert_int_equal(clock.now_ns, NOON + 5 * SECOND_NS);
		assert_int_equal(clock.corrected, 4);
	}
}

// By an hour: late at first, and then the time that it is.
static void test_set_back_by_an_hour(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	event_clock_stamp(&clock, NOON, &meta);
	uint64_t back_ns = 3600 * SECOND_NS;
	for (unsigned i = 0; i < 200; i++) {
		event_clock_stamp(&clock, NOON - back_ns + i * SECOND_NS, &meta);
		assert_int_equal(meta.timestamp_ns, NOON - back_ns + i * SECOND_NS);
		uint64_t passed_ns = i < EVENT_CLOCK_LATE_RUN ? 0 : (i - EVENT_CLOCK_LATE_RUN) * SECOND_NS;
		assert_int_equal(packet_clock_ns(&meta), NOON + passed_ns);
	}
	assert_int_equal(clock.corrected, 0);
}

// Two interfaces in one file, one of them behind by five seconds: as long as both are heard, time is the first's.
static void test_two_clocks(void **state) {
	struct event_clock clock = {0};
	struct packet_meta meta;
	for (unsigned i = 0; i < 1000; i++) {
		event_clock_stamp(&clock, NOON + i * SECOND_NS, &meta);
		assert_int_equal(clock.now_ns, NOON + i * SECOND_NS);
		for (unsigned j = 0; j < i % 130; j++)
			event_clock_stamp(&clock, NOON + i * SECOND_NS - 5 * SECOND_NS + j, &meta);
	}
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
		cmocka_unit_test(test_one_jump),
		cmocka_unit_test(test_jump_ahead),
		cmocka_unit_test(test_set_back),
		cmocka_unit_test(test_set_back_by_an_hour),
		cmocka_unit_test(test_two_clocks),
		cmocka_unit_test(test_advance),
		cmocka_unit_test(test_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
