// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP analysis at its bounds: narrow counters, no memory, records cut, and the inline path against the general one.
#include "tests/unit/tcp_conversation.h"

// Narrow counters are carried: nothing is lost at 256 or 65,536.
static void many(void) {
	open();
	play(A, ACK, 1, 1, 100);
	for (unsigned i = 0; i < 70000; i++)
		play(B, ACK, 1, 101, 0);
	for (unsigned i = 0; i < 1000; i++)
		play(A, ACK, 1, 1, 100);
	for (unsigned i = 0; i < 300; i++)
		play(B, RST, 1, 0, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.rev.pure_acks, 70000);
	assert_int_equal(tcp.fwd.duplicate_acks, 69999);
	assert_int_equal(tcp.fwd.retransmitted_packets, 1000);
	assert_int_equal(tcp.fwd.retransmitted_bytes, 100000);
	assert_int_equal(tcp.fwd.unique_bytes, 100);
	assert_int_equal(tcp.rev.rst, 300);
}

static void test_many(void **state) {
	each_way(many);
}

static void many_samples(void) {
	open();
	for (uint32_t i = 0; i < 140000; i++) {
		play(A, ACK, 1 + 10 * i, 1, 10);
		now_ns += i % 2 ? 0 : 2 * MS;
		play(B, ACK, 1, 11 + 10 * i, 0);
	}
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.rtt_samples, 140001);
	assert_int_equal(tcp.fwd.rtt_min_ns, MS);
	assert_int_equal(tcp.fwd.rtt_max_ns, 3 * MS);
	assert_in_range(tcp.fwd.rtt_avg_ns, 1999 * MS / 1000, 2001 * MS / 1000);
	assert_in_range(tcp.fwd.rtt_stddev_ns, 999 * MS / 1000, 1001 * MS / 1000);
}

static void test_many_samples(void **state) {
	each_way(many_samples);
}

static void cut(void) {
	open();
	for (uint32_t i = 0; i < 4; i++)
		play(A, ACK, 1 + 100 * i, 1, 100);
	play(A, ACK, 1, 1, 100);
	tcp_flow_cut(&flow, &lender);
	payload[A] = payload[B] = 0;
	play(A, ACK, 401, 1, 100);
	play(B, ACK, 1, 501, 0); // of a segment in flight since before, and of the last one
	play(A, ACK, 401, 1, 100);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.syn, 0);
	assert_int_equal(tcp.fwd.unique_bytes, 100);
	assert_int_equal(tcp.fwd.retransmitted_bytes, 100);
	assert_int_equal(tcp.fwd.rtt_samples, 1);
	assert_int_equal(tcp.state, FLOW_TCP_ESTABLISHED);
	assert_false(has(FLOW_HAS_HANDSHAKE));
}

static void test_cut(void **state) {
	each_way(cut);
}

// Without memory to borrow the figures stay possible, and the record says what happened.
static void test_no_memory(void **state) {
	lender = lender_open(1);
	open();
	for (uint32_t i = 0; i < 10; i++)
		play(A, ACK, 1 + 100 * i, 1, 100);
	play(B, ACK, 1, 1001, 0);
	for (unsigned i = 0; i < 300; i++)
		play(A, ACK, 1, 1, 100);
	struct flow_tcp tcp = figures();
	assert_true(tcp.limited);
	assert_int_equal(tcp.fwd.retransmitted_packets, UINT8_MAX);
	assert_int_equal(tcp.rev.pure_acks, 1);
	tcp_flow_end(&flow, &lender);
	assert_int_equal(lender_close(&lender), 1);
}

// Whatever the conversation, the inline path changes just what the general one would change.
static void test_inline_path(void **state) {
	uint32_t seed = 1;
	lender = lender_open(BLOCKS);
	unsigned taken = 0;
	for (unsigned run = 0; run < 300; run++) {
		start();
		uint32_t next[2] = {seed, seed * 7};
		for (unsigned i = 0; i < 200; i++) {
			seed = seed * 1664525 + 1013904223;
			unsigned from = seed >> 31, kind = seed >> 20 & 31, size = kind & 1 ? 0 : 10;
			struct tcp_segment segment = {
				.time_ns = T0 + i * MS,
				.seq = next[from] - (kind == 8 ? 10 : 0),
				.ack = next[!from] - (kind % 3 == 0 ? 10 : 0),
				.payload_bytes = size,
				.window = kind == 9 ? 0 : 1000 + (kind & 2),
				.flags = ACK | (kind == 10 && run % 4 == 0 ? FIN : 0),
				.has_plain_options = true,
				.options.scale = TCP_SCALE_NONE,
			};
			next[from] = segment.seq + size;
			struct tcp_flow before = flow;
			struct flow_tcp expected, got;
			if (tcp_plain_count(&flow, &segment, from)) {
				taken++;
				got = figures();
				struct tcp_flow by_plain = flow;
				flow = before;
				tcp_flow_count(&flow, &lender, &segment, from);
				expected = figures();
				assert_memory_equal(&got, &expected, sizeof(got));
				assert_int_equal(flow.near[A].bits, by_plain.near[A].bits);
				assert_int_equal(flow.near[B].bits, by_plain.near[B].bits);
				flow = by_plain;
			} else {
				assert_memory_equal(&flow, &before, sizeof(flow));
				tcp_flow_count(&flow, &lender, &segment, from);
			}
		}
		tcp_flow_end(&flow, &lender);
	}
	assert_true(taken > 10000);
	assert_int_equal(lender_close(&lender), BLOCKS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_many_samples),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_inline_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
