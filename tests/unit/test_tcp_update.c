// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP figures of updates: each event is told once, whatever the updates and cuts in between, and means of round-trip
// times are those of the samples since the update before.
#include "tests/unit/tcp_conversation.h"

#include "dataplane/tcp_update.h"

static struct tcp_told told;

static struct flow_update tell(void) {
	struct flow_update update = {0};
	tcp_update_fill(&flow, &lender, A, &told, &update);
	return update;
}

static bool tells(const struct flow_update *update, enum flow_present bit) {
	return update->present >> bit & 1;
}

static void assert_near(uint64_t a, uint64_t b) {
	assert_true((a > b ? a - b : b - a) <= b / 10000 + 1);
}

static void begin(void) {
	told = (struct tcp_told){0};
	open();
}

static void play_events_once(void) {
	begin();
	play(A, ACK, 1, 1, 100);
	play(B, ACK, 1, 101, 0); // 1 ms
	struct flow_update first = tell();
	assert_true(tells(&first, FLOW_HAS_TCP) && tells(&first, FLOW_HAS_FWD_RTT));
	assert_true(tells(&first, FLOW_HAS_HANDSHAKE));
	assert_near(first.handshake_rtt_ns, 2 * MS);
	uint64_t samples = first.fwd_tcp.rtt_samples;
	assert_true(samples >= 1);
	assert_int_equal(first.fwd_tcp.retransmitted_packets, 0);

	play(A, ACK, 101, 1, 100);
	play(A, ACK, 101, 1, 100); // again
	now_ns += 8 * MS;
	play(B, ACK, 1, 201, 0); // ambiguous: no sample
	play(A, ACK, 201, 1, 100);
	now_ns += 40 * MS;
	play(B, ACK, 1, 301, 0); // 41 ms
	struct flow_update second = tell();
	assert_int_equal(second.fwd_tcp.retransmitted_packets, 1);
	assert_int_equal(second.fwd_tcp.rtt_samples, 1);
	assert_near(second.fwd_tcp.rtt_avg_ns, 41 * MS);
	assert_false(tells(&second, FLOW_HAS_HANDSHAKE));
	assert_false(tells(&second, FLOW_HAS_REV_RTT));

	struct flow_update third = tell();
	assert_int_equal(third.fwd_tcp.retransmitted_packets, 0);
	assert_int_equal(third.fwd_tcp.rtt_samples, 0);
	assert_int_equal(third.fwd_tcp.rtt_avg_ns, 0);
}

static void play_across_a_cut(void) {
	begin();
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 1, 1, 100); // a repeat that is told
	tell();
	play(A, ACK, 1, 1, 100); // and one that is not, before the cut
	tcp_update_cut(&flow, &lender, &told);
	tcp_flow_cut(&flow, &lender);
	play(B, ACK, 1, 101, 0);
	play(A, ACK, 101, 1, 100);
	now_ns += 5 * MS;
	play(B, ACK, 1, 201, 0); // 6 ms
	play(A, ACK, 101, 1, 100);
	struct flow_update update = tell();
	assert_int_equal(update.fwd_tcp.retransmitted_packets, 2);
	assert_int_equal(update.fwd_tcp.rtt_samples, 1);
	assert_near(update.fwd_tcp.rtt_avg_ns, 6 * MS);
}

// More than the narrow counters hold, and windows that close.
static void play_many(void) {
	begin();
	uint64_t repeats = 0, zero_windows = 0;
	for (unsigned i = 0; i < 700; i++) {
		play(A, ACK, 1, 1, 10);
		if (i % 100 == 50)
			repeats += tell().fwd_tcp.retransmitted_packets;
	}
	window = 0;
	play(B, ACK, 1, 11, 0);
	window = 1000;
	struct flow_update last = tell();
	repeats += last.fwd_tcp.retransmitted_packets;
	zero_windows += last.rev_tcp.zero_windows;
	assert_int_equal(repeats, 699);
	assert_int_equal(zero_windows, figures().rev.zero_windows);
	assert_int_equal(zero_windows, 1);
}

static void events_are_told_once(void **state) {
	each_way(play_events_once);
}

static void cuts_lose_nothing(void **state) {
	each_way(play_across_a_cut);
}

static void counters_that_carry(void **state) {
	each_way(play_many);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_told_once),
		cmocka_unit_test(cuts_lose_nothing),
		cmocka_unit_test(counters_that_carry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
