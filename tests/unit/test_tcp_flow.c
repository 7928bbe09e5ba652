// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP analysis, segment by segment: the figures of the record. Each test plays a short conversation.
#include "tests/unit/tcp_conversation.h"

static void handshake(void) {
	open();
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.state, FLOW_TCP_ESTABLISHED);
	assert_int_equal(tcp.handshake_syn_ns, MS);
	assert_int_equal(tcp.handshake_ack_ns, MS);
	assert_int_equal(tcp.handshake_rtt_ns, 2 * MS);
	assert_true(has(FLOW_HAS_HANDSHAKE));
	assert_int_equal(tcp.fwd.syn, 1);
	assert_int_equal(tcp.rev.syn, 1);
	assert_int_equal(tcp.fwd.mss, 1460);
	assert_int_equal(tcp.rev.mss, 1400);
	assert_int_equal(tcp.fwd.pure_acks, 1);
	assert_int_equal(tcp.rev.pure_acks, 0);
	assert_int_equal(tcp.fwd.rtt_samples, 1);
	assert_int_equal(tcp.rev.rtt_samples, 1);
	assert_int_equal(tcp.fwd.unique_bytes, 0);
	assert_false(has(FLOW_HAS_FWD_WINDOW_SCALE));
	assert_false(has(FLOW_HAS_TCP_LIMITED));
}

static void test_handshake(void **state) {
	each_way(handshake);
}

// A SYN sent twice times nothing: whose ACK it is nobody knows.
static void syn_again(void) {
	start();
	play_syn(A, SYN, 1460, TCP_SCALE_NONE);
	assert_int_equal(figures().state, FLOW_TCP_SYN_SENT);
	play_syn(A, SYN, 1460, TCP_SCALE_NONE);
	play_syn(B, SYN | ACK, 1400, TCP_SCALE_NONE);
	assert_int_equal(figures().state, FLOW_TCP_SYN_RECEIVED);
	play(A, ACK, 1, 1, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.syn, 2);
	assert_int_equal(tcp.fwd.retransmitted_packets, 1);
	assert_int_equal(tcp.fwd.retransmitted_bytes, 1);
	assert_int_equal(tcp.fwd.rtt_samples, 0);
	assert_false(has(FLOW_HAS_HANDSHAKE));
	assert_false(has(FLOW_HAS_HANDSHAKE_SYN));
	assert_true(has(FLOW_HAS_HANDSHAKE_ACK));
	assert_int_equal(tcp.handshake_ack_ns, MS);
}

static void test_syn_again(void **state) {
	each_way(syn_again);
}

static void simultaneous_open(void) {
	start();
	play_syn(A, SYN, 0, TCP_SCALE_NONE);
	play_syn(B, SYN, 0, TCP_SCALE_NONE);
	play_syn(A, SYN | ACK, 0, TCP_SCALE_NONE);
	play_syn(B, SYN | ACK, 0, TCP_SCALE_NONE);
	play(A, ACK | PSH, 1, 1, 10);
	play(B, ACK, 1, 11, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.state, FLOW_TCP_ESTABLISHED);
	assert_int_equal(tcp.fwd.retransmitted_packets, 1); // each SYN was sent again with the ACK
	assert_int_equal(tcp.rev.retransmitted_packets, 1);
	assert_int_equal(tcp.fwd.unique_bytes, 10);
	assert_int_equal(tcp.fwd.rtt_samples, 1);
}

static void test_simultaneous_open(void **state) {
	each_way(simultaneous_open);
}

static void transfer(void) {
	open();
	for (uint32_t i = 0; i < 100; i++) {
		play(A, ACK, 1 + 100 * i, 1, 100);
		if (i % 2)
			play(B, ACK, 1, 101 + 100 * i, 0); // every other one, as receivers do
	}
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.unique_bytes, 10000);
	assert_int_equal(tcp.fwd.retransmitted_bytes, 0);
	assert_int_equal(tcp.rev.pure_acks, 50);
	assert_int_equal(tcp.fwd.rtt_samples, 51);
	assert_int_equal(tcp.fwd.rtt_min_ns, MS);
	assert_int_equal(tcp.fwd.rtt_max_ns, MS);
	assert_int_equal(tcp.fwd.rtt_stddev_ns, 0);
	assert_int_equal(tcp.fwd.duplicate_acks, 0);
}

static void test_transfer(void **state) {
	each_way(transfer);
}

// Many segments in flight: each that is acknowledged to its end is timed.
static void window_of(uint32_t segments) {
	open();
	for (uint32_t round = 0; round < 4; round++) {
		uint32_t base = 1 + 100 * segments * round;
		for (uint32_t i = 0; i < segments; i++)
			play(A, ACK, base + 100 * i, 1, 100);
		for (uint32_t i = 0; i < segments; i++)
			play(B, ACK, 1, base + 100 * (i + 1), 0);
	}
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.rtt_samples, 1 + 4 * segments);
	assert_int_equal(tcp.fwd.rtt_max_ns, segments * MS);
	assert_int_equal(tcp.fwd.rtt_avg_ns / MS, (1 + 4 * segments * segments) / (1 + 4 * segments));
	assert_false(has(FLOW_HAS_TCP_LIMITED));
}

static void windows(void) {
	window_of(1);
	tcp_flow_end(&flow, &lender);
	window_of(2);
	tcp_flow_end(&flow, &lender);
	window_of(3);
	tcp_flow_end(&flow, &lender);
	window_of(300);
}

static void test_windows(void **state) {
	each_way(windows);
}

static void loss(void) {
	open();
	for (uint32_t i = 0; i < 5; i++)
		play(A, ACK, 1 + 100 * i, 1, 100);
	play(B, ACK, 1, 101, 0); // the second is lost on its way
	for (unsigned i = 0; i < 3; i++)
		play(B, ACK, 1, 101, 0);
	play(A, ACK, 101, 1, 100);
	play(B, ACK, 1, 501, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.duplicate_acks, 3);
	assert_int_equal(tcp.fwd.retransmitted_packets, 1);
	assert_int_equal(tcp.fwd.retransmitted_bytes, 100);
	assert_int_equal(tcp.fwd.unique_bytes, 500);
	assert_int_equal(tcp.fwd.out_of_order_packets, 0);
	assert_int_equal(tcp.fwd.rtt_samples, 2); // SYN and the first
}

static void test_loss(void **state) {
	each_way(loss);
}

// Lost before the capture point: what is sent again comes for the first time here.
static void reordering(void) {
	open();
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 201, 1, 100);
	play(A, ACK, 101, 1, 100);
	play(B, ACK, 1, 301, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.out_of_order_packets, 1);
	assert_int_equal(tcp.fwd.retransmitted_packets, 0);
	assert_int_equal(tcp.fwd.unique_bytes, 300);
	assert_int_equal(tcp.fwd.rtt_samples, 1);
}

static void test_reordering(void **state) {
	each_way(reordering);
}

static void close_down(void) {
	open();
	play(A, ACK | PSH, 1, 1, 100);
	play(B, ACK, 1, 101, 0);
	play(B, ACK | FIN, 1, 101, 0);
	assert_int_equal(figures().state, FLOW_TCP_CLOSING);
	play(A, ACK, 101, 2, 0);
	play(A, ACK | FIN, 101, 2, 0);
	play(B, ACK, 2, 102, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.state, FLOW_TCP_CLOSED);
	assert_int_equal(tcp.fwd.fin, 1);
	assert_int_equal(tcp.rev.fin, 1);
	assert_int_equal(tcp.fwd.unique_bytes, 100);
	// A FIN is no pure ACK, but repeats the ACK before it where nothing else is new (tcptrace).
	assert_int_equal(tcp.fwd.pure_acks, 2);
	assert_int_equal(tcp.rev.pure_acks, 2);
	assert_int_equal(tcp.fwd.duplicate_acks, 1);
	assert_int_equal(tcp.fwd.rtt_samples, 3);
	play(B, ACK | FIN, 1, 102, 0); // again
	assert_int_equal(figures().rev.retransmitted_bytes, 1);
	assert_int_equal(figures().rev.unique_bytes, 0);
}

static void test_close(void **state) {
	each_way(close_down);
}

static void reset(void) {
	open();
	window = 0;
	play(B, RST | ACK, 1, 1, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.state, FLOW_TCP_RESET);
	assert_int_equal(tcp.rev.rst, 1);
	assert_int_equal(tcp.rev.zero_windows, 0); // a RST's window means nothing
	assert_int_equal(tcp.rev.pure_acks, 0);
}

static void test_reset(void **state) {
	each_way(reset);
}

static void scaling(void) {
	start();
	window = 60000; // of the SYNs: never scaled, and forgotten once scaling is in use
	play_syn(A, SYN, 1460, 7);
	play_syn(B, SYN | ACK, 1460, 3);
	window = 500;
	play(A, ACK, 1, 1, 0);
	play(A, ACK, 1, 1, 10);
	window = 400;
	play(B, ACK, 1, 11, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.window_scale, 7);
	assert_int_equal(tcp.rev.window_scale, 3);
	assert_int_equal(tcp.fwd.max_window, 500 << 7);
	assert_int_equal(tcp.rev.max_window, 400 << 3);

	tcp_flow_end(&flow, &lender);
	start(); // one end does not scale
	window = 600;
	play_syn(A, SYN, 1460, 7);
	play_syn(B, SYN | ACK, 1460, TCP_SCALE_NONE);
	window = 500;
	play(A, ACK, 1, 1, 0);
	assert_int_equal(figures().fwd.max_window, 600);
	assert_true(has(FLOW_HAS_FWD_WINDOW_SCALE));
	assert_false(has(FLOW_HAS_REV_WINDOW_SCALE));
}

static void test_scaling(void **state) {
	each_way(scaling);
}

static void zero_window(void) {
	open();
	play(A, ACK, 1, 1, 100);
	window = 0;
	play(B, ACK, 1, 101, 0);
	window = 1000;
	play(A, ACK, 101, 1, 1); // a probe: neither unique nor sent again
	play(A, ACK, 101, 1, 1);
	window = 0;
	play(B, ACK, 1, 101, 0);
	window = 500;
	play(B, ACK, 1, 101, 0);
	window = 1000;
	play(A, ACK, 101, 1, 50);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.rev.zero_windows, 2);
	assert_int_equal(tcp.fwd.window_probes, 2);
	assert_int_equal(tcp.fwd.unique_bytes, 150);
	assert_int_equal(tcp.fwd.retransmitted_packets, 0);
	assert_int_equal(tcp.fwd.duplicate_acks, 1);
}

static void test_zero_window(void **state) {
	each_way(zero_window);
}

static void keep_alive(void) {
	open();
	play(A, ACK, 1, 1, 100);
	play(B, ACK, 1, 101, 0);
	play(A, ACK, 100, 1, 0); // without a byte
	play(B, ACK, 1, 101, 0);
	play(A, ACK, 100, 1, 1); // with one of old
	play(B, ACK, 1, 101, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.keep_alives, 2);
	assert_int_equal(tcp.fwd.retransmitted_packets, 1); // the byte was sent before (tcptrace)
	assert_int_equal(tcp.fwd.unique_bytes, 100);
	assert_int_equal(tcp.fwd.duplicate_acks, 2);
}

static void test_keep_alive(void **state) {
	each_way(keep_alive);
}

static void midstream(void) {
	start();
	play(B, ACK, 5000, 1000, 100);
	play(A, ACK, 1000, 5100, 10);
	play(B, ACK, 4900, 1010, 100); // from before the capture, or late: nobody saw it
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.state, FLOW_TCP_MIDSTREAM);
	assert_int_equal(tcp.rev.unique_bytes, 200);
	assert_int_equal(tcp.rev.out_of_order_packets, 1);
	assert_int_equal(tcp.fwd.rtt_samples, 1);
	assert_int_equal(tcp.rev.rtt_samples, 1);
	assert_false(has(FLOW_HAS_HANDSHAKE));
}

static void test_midstream(void **state) {
	each_way(midstream);
}

// Of a half connection the other end is never heard: it needs no memory to speak of, and is not limited by it.
static void half(void) {
	start();
	play_syn(A, SYN, 1460, 7);
	play(A, ACK, 1, 1, 0);
	for (uint32_t i = 0; i < 3000; i++)
		play(A, ACK, 1 + 1000 * i, 1 + i, 1000);
	play(A, ACK, 1, 1, 1000);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.unique_bytes, 3000000);
	assert_int_equal(tcp.fwd.retransmitted_bytes, 1000);
	assert_false(has(FLOW_HAS_TCP_LIMITED));
}

static void test_half(void **state) {
	each_way(half);
}

// Connections that can't be: each ends in figures, the same ones every time.
static void impossible(void) {
	open();
	play(B, ACK, 1, 5000, 0); // an ACK of what was not sent
	play(A, ACK, 1, 1, 100);
	play(B, ACK, 1, 101, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.rtt_samples, 2);
	assert_int_equal(tcp.fwd.duplicate_acks, 0);

	tcp_flow_end(&flow, &lender);
	start();
	play_syn(A, SYN | FIN, 0, TCP_SCALE_NONE); // two numbers, no byte
	tcp = figures();
	assert_int_equal(tcp.state, FLOW_TCP_CLOSING);
	assert_int_equal(tcp.fwd.syn + tcp.fwd.fin, 2);
	assert_int_equal(tcp.fwd.unique_bytes, 0);
	play(B, RST | ACK, 0, 2, 0);
	assert_int_equal(figures().fwd.rtt_samples, 1);

	tcp_flow_end(&flow, &lender);
	open();
	play(A, 0, 1, 0, 100); // no ACK flag: no window, no ACK
	play(B, ACK, 1, 101, 10);
	tcp = figures();
	assert_int_equal(tcp.fwd.unique_bytes, 100);
	assert_int_equal(tcp.rev.window_probes, 1); // for tcptrace, no window is a closed one
	assert_int_equal(tcp.fwd.zero_windows, 0);

	tcp_flow_end(&flow, &lender);
	open();
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 51, 1, 100); // overlaps: the bytes' content is not looked at
	tcp = figures();
	assert_int_equal(tcp.fwd.unique_bytes, 150);
	assert_int_equal(tcp.fwd.retransmitted_bytes, 50);
	assert_int_equal(tcp.fwd.retransmitted_packets, 1);
}

static void test_impossible(void **state) {
	each_way(impossible);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_syn_again),
		cmocka_unit_test(test_simultaneous_open),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_reordering),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_scaling),
		cmocka_unit_test(test_zero_window),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_midstream),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_impossible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
