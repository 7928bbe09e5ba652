// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What is kept of long transfers: that sequence numbers which come round again are no earlier ones, and that nobody has
// a long list unfolded for each of his segments.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/tcp_flight.h"
#include "dataplane/tcp_plain.h"
#include "tests/unit/tcp_lender.h"

enum { A, B };
enum { BLOCKS = 400, LIST = 900 };
#define US UINT64_C(1000)

static struct tcp_flow flow;
static struct tcp_lender lender;
static uint64_t now_ns;

static void play(unsigned from, uint32_t seq, uint32_t ack, uint32_t size) {
	now_ns += US;
	struct tcp_segment segment = {
		.time_ns = now_ns,
		.seq = seq,
		.ack = ack,
		.payload_bytes = size,
		.window = 1000,
		.flags = TCP_ACK,
		.has_plain_options = true,
		.options.scale = TCP_SCALE_NONE,
	};
	if (!tcp_plain_count(&flow, &segment, from))
		tcp_flow_count(&flow, &lender, &segment, from);
}

static void start(void) {
	lender = lender_open(BLOCKS);
	tcp_flow_start(&flow);
	now_ns = UINT64_C(1700000000000000000);
}

static void end(void) {
	tcp_flow_end(&flow, &lender);
	assert_int_equal(lender_close(&lender), BLOCKS);
}

// Segments of a connection whose beginning was not seen, `in_flight` of them before each ACK, all in order; then the
// last one again, `bytes` from the first number that was seen.
static void transfer(unsigned in_flight, uint64_t bytes) {
	const uint32_t size = 60000;
	uint32_t next[2] = {12345, 1};
	start();
	for (uint64_t sent = 0; sent < bytes;) {
		for (unsigned i = 0; i < in_flight; i++, next[A] += size, sent += size)
			play(A, next[A], next[B], size);
		play(B, next[B], next[A], 10);
		next[B] += 10;
	}
	play(A, next[A] - size, next[B], size);
	assert_int_equal(flow.far[A].retransmitted_packets, 1);
	assert_int_equal(flow.far[A].out_of_order_packets, 0);
	assert_false((flow.far[A].bits | flow.far[B].bits) & TCP_LIMITED);
	end();
}

static void test_numbers_come_round(void **state) {
	const uint64_t distances[] = {1000000000, 3500000000, 4300000000, 7700000000};
	for (unsigned i = 0; i < 4; i++) {
		transfer(1, distances[i]);
		transfer(2, distances[i]);
		transfer(5, distances[i]);
	}
}

static unsigned spans(void) {
	static struct tcp_space space;
	tcp_flight_unfold(&flow, &lender, A, now_ns, &space);
	return space.count;
}

static void open_list(uint32_t step) {
	start();
	play(A, 1, 1, 1);
	play(B, 1, 2, 1);
	for (uint32_t i = 1; i <= LIST; i++)
		play(A, 2 + step * (i - 1) + step - 1, 2, 1);
}

// A loss in a long list of segments in order costs no detail.
static void test_loss(void **state) {
	open_list(1);
	for (uint32_t i = 0; i < 40; i++)
		play(A, 2 + LIST - 1 - i, 2, 1);
	assert_int_equal(flow.far[A].retransmitted_packets, 40);
	assert_true(spans() > LIST - 50);
	assert_false(flow.far[A].bits & TCP_LIMITED);
	end();
}

// Sent again and again, the last segment has the list unfolded until that is no longer paid for.
static void test_again_and_again(void **state) {
	open_list(1);
	for (uint32_t i = 0; i < 100; i++)
		play(A, 2 + LIST - 1, 2, 1);
	assert_int_equal(flow.far[A].retransmitted_packets, 100);
	assert_true(spans() <= 64);
	assert_true(flow.far[A].bits & TCP_LIMITED);
	end();
}

// Gaps make the list longer, and nothing pays for them.
static void test_gaps(void **state) {
	open_list(2);
	assert_true(spans() <= 64);
	assert_true(flow.far[A].bits & TCP_LIMITED);
	end();
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_come_round),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_gaps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
