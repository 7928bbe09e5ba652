// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sequence space: what counts as sent again, as out of order, as a round-trip sample; also across the wrap.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/tcp_space.h"

static struct tcp_space space;
static uint32_t origin; // tests run from here, so that the wrap falls anywhere

static struct tcp_sent send(uint32_t first, uint32_t end, uint64_t now_ns) {
	return tcp_space_send(&space, origin + first, origin + end, now_ns);
}

static struct tcp_acked ack(uint32_t number, uint64_t now_ns) {
	return tcp_space_ack(&space, origin + number, now_ns);
}

static void assert_new(struct tcp_sent sent) {
	assert_int_equal(sent.repeated, 0);
	assert_false(sent.is_out_of_order);
}

static void assert_sample(struct tcp_acked acked, uint64_t rtt_ns) {
	assert_true(acked.is_sample);
	assert_false(acked.is_repeat);
	assert_int_equal(acked.rtt_ns, rtt_ns);
}

static void each_origin(void (*body)(void)) {
	const uint32_t origins[] = {1, 0x7fffff00, 0xffffff00, 0xfffffff0, 0};
	for (unsigned i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		origin = origins[i];
		space.count = 0;
		body();
	}
}

static void in_order(void) {
	assert_new(send(0, 100, 10));
	assert_new(send(100, 200, 20));
	assert_new(send(200, 300, 30));
	assert_sample(ack(100, 110), 100);
	struct tcp_acked cumulative = ack(300, 150); // the last of two is timed
	assert_sample(cumulative, 120);
	assert_true(ack(300, 160).is_repeat);
	assert_false(ack(100, 160).is_repeat); // an old one is none
}

static void test_in_order(void **state) {
	each_origin(in_order);
}

static void repeated(void) {
	send(0, 100, 10);
	send(100, 200, 20);
	send(200, 300, 30);
	struct tcp_sent again = send(100, 200, 40);
	assert_int_equal(again.repeated, 100);
	assert_false(again.is_out_of_order);
	assert_sample(ack(100, 50), 40);      // sent once, nothing below it again
	assert_false(ack(200, 60).is_sample); // Karn
	assert_false(ack(300, 70).is_sample); // it waited for what is below
	assert_new(send(300, 400, 80));
	assert_sample(ack(400, 90), 10);
	assert_int_equal(send(399, 400, 95).repeated, 1);  // keep-alive
	assert_int_equal(send(350, 450, 99).repeated, 50); // packed anew
	assert_sample(ack(450, 100), 1);                   // its new part
}

static void test_repeated(void **state) {
	each_origin(repeated);
}

static void reordered(void) {
	send(0, 100, 10);
	assert_new(send(200, 300, 20)); // one is missing, or late
	struct tcp_sent late = send(100, 200, 25);
	assert_true(late.is_out_of_order);
	assert_int_equal(late.repeated, 0);
	assert_sample(ack(200, 30), 5);       // the late one itself
	assert_false(ack(300, 40).is_sample); // what is above was sent before it
	assert_int_equal(send(100, 200, 50).repeated, 100);
}

static void test_reordered(void **state) {
	each_origin(reordered);
}

// A segment over a gap and its neighbours counts what it repeats of them.
static void overlapping(void) {
	send(0, 100, 10);
	send(200, 300, 20);
	struct tcp_sent whole = send(50, 250, 30);
	assert_int_equal(whole.repeated, 100);
	assert_true(whole.is_out_of_order); // it ends before the one above it does
	assert_int_equal(send(0, 300, 40).repeated, 300);

	space.count = 0;
	send(0, 100, 10);
	send(200, 300, 20);
	whole = send(50, 350, 30); // ends beyond: sent again as one, and more
	assert_int_equal(whole.repeated, 150);
	assert_false(whole.is_out_of_order);
}

static void test_overlapping(void **state) {
	each_origin(overlapping);
}

static void below_first(void) {
	send(1000, 1100, 10);
	struct tcp_sent below = send(500, 600, 20); // the capture began between the two
	assert_true(below.is_out_of_order);
	assert_int_equal(below.repeated, 0);
	below = send(550, 1000, 30);
	assert_true(below.is_out_of_order);
	assert_int_equal(below.repeated, 50);
	assert_int_equal(send(500, 1100, 40).repeated, 600);
}

static void test_below_first(void **state) {
	each_origin(below_first);
}

// An ACK inside a segment acknowledges all of it, and times nothing (as tcptrace has it).
static void partial(void) {
	send(0, 100, 10);
	assert_false(ack(50, 20).is_sample);
	assert_false(ack(100, 30).is_sample);
	// Inside what can't be timed it acknowledges what lies below.
	send(100, 200, 40);
	send(200, 300, 50);
	send(100, 200, 60);
	ack(200, 70);
	assert_true(ack(200, 80).is_repeat);
	assert_false(ack(300, 90).is_repeat);
}

static void test_partial(void **state) {
	each_origin(partial);
}

// What the capture missed, but the receiver did not: acknowledged, and it may still come.
static void missing(void) {
	send(0, 100, 10);
	send(200, 300, 20);
	assert_sample(ack(300, 30), 10);
	assert_true(send(100, 200, 40).is_out_of_order);
	assert_sample(ack(200, 45), 5);
	assert_int_equal(send(0, 300, 50).repeated, 300);
}

static void test_missing(void **state) {
	each_origin(missing);
}

static void unsent(void) {
	send(0, 100, 10);
	assert_false(ack(500, 20).is_sample); // of what was never sent: all is acknowledged, nothing timed
	assert_false(ack(500, 30).is_repeat);
	assert_false(ack(100, 40).is_sample);
	assert_new(send(100, 200, 50));
	assert_sample(ack(200, 60), 10);
}

static void test_ack_of_unsent(void **state) {
	each_origin(unsent);
}

static void jump(void) {
	send(0, 100, 10);
	assert_new(send(0x50000000, 0x50000064, 20)); // another connection's
	assert_sample(ack(0x50000064, 30), 10);
	struct tcp_sent back = send(0, 100, 40);
	assert_true(back.is_out_of_order);
	assert_int_equal(back.repeated, 0);
}

static void test_jump(void **state) {
	each_origin(jump);
}

// Whatever is missing, memory stays bounded.
static void test_bounded(void **state) {
	origin = 0xfffff000;
	space.count = 0;
	for (uint32_t i = 0; i < 3000; i++) {
		send(20 * i, 20 * i + 10, i);
		if (i % 3 == 0)
			ack(20 * i + 10, i);
		if (tcp_space_reduce(&space, TCP_SPANS_MAX))
			fail_msg("acknowledged spans pile up");
	}
	assert_true(space.count <= 4 * TCP_MISSING_MAX + 4);
	space.count = 0;
	bool was_reduced = false;
	for (uint32_t i = 0; i < 3000; i++) {
		send(20 * i, 20 * i + 10, i);
		was_reduced |= tcp_space_reduce(&space, TCP_SPANS_MAX);
		assert_true(space.count <= TCP_SPANS_MAX);
	}
	assert_true(was_reduced);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_overlapping),
		cmocka_unit_test(test_below_first),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_ack_of_unsent),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
