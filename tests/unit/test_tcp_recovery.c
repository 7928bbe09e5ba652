// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Why segments come again or out of order: each test plays what happened, and knows it.
#include "tests/unit/tcp_conversation.h"

#define US UINT64_C(1000)

static void stamp(uint32_t value, uint32_t echo) {
	options.has_stamps = true;
	options.stamp = value;
	options.echo = echo;
}

// SACK blocks of what A sent, for the next segments of B.
static void sack(unsigned count, const uint32_t *edges) {
	options.sack_count = (uint8_t)count;
	for (unsigned i = 0; i < count; i++)
		options.sacks[i] = (struct tcp_sack){isn[A] + edges[2 * i], isn[A] + edges[2 * i + 1]};
}

// The next segment comes so long after the one before.
static void after(uint64_t delay_ns) {
	now_ns += delay_ns - MS;
}

// The round trip is 1 ms: nobody sends again 10 us later.
static void copied(void) {
	open();
	play(A, ACK, 1, 1, 100);
	after(10 * US);
	play(A, ACK, 1, 1, 100);
	play(B, ACK, 1, 101, 0);
	sack(1, (const uint32_t[]){1, 101});
	play(B, ACK, 1, 101, 0);
	struct flow_tcp tcp = figures();
	assert_true(has(FLOW_HAS_FWD_RECOVERY));
	assert_false(has(FLOW_HAS_REV_RECOVERY));
	assert_int_equal(tcp.fwd.retransmitted_packets, 1); // as tcptrace counts
	assert_int_equal(tcp.fwd.network_duplicates, 1);
	assert_int_equal(tcp.fwd.dsacks, 1);
	assert_int_equal(tcp.fwd.spurious_retransmissions, 0);
}

// Longer than a round trip after it: sent again, or late. The time stamp knows.
static void copied_late(void) {
	open();
	stamp(20, 0);
	play(A, ACK, 101, 1, 100); // a gap: from here on time stamps are followed
	stamp(10, 0);
	play(A, ACK, 1, 1, 100);
	after(50 * MS);
	play(A, ACK, 1, 1, 100);
	assert_int_equal(figures().fwd.network_duplicates, 1);
	stamp(70, 0);
	play(A, ACK, 1, 1, 100);
	assert_int_equal(figures().fwd.network_duplicates, 1);
	assert_int_equal(figures().fwd.retransmitted_packets, 2);
}

static void needed(void) {
	open();
	stamp(10, 0);
	play(A, ACK, 1, 1, 100);
	after(300 * MS);
	stamp(310, 0);
	play(A, ACK, 1, 1, 100);
	after(7 * MS);
	stamp(5, 310);
	play(B, ACK, 1, 101, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.retransmitted_packets, 1);
	assert_int_equal(tcp.fwd.network_duplicates, 0);
	assert_int_equal(tcp.fwd.spurious_retransmissions, 0);
	assert_int_equal(tcp.fwd.rtt_samples, 1); // the SYN alone: Karn
	assert_int_equal(tcp.fwd.repeat_rtt_samples, 1);
	assert_in_range(tcp.fwd.repeat_rtt_avg_ns, 7 * MS - 8, 7 * MS + 8);
	assert_true(has(FLOW_HAS_FWD_REPEAT_RTT));
}

// The ACK echoes what was sent first, and a D-SACK says it again.
static void in_vain(void) {
	open();
	stamp(10, 0);
	play(A, ACK, 1, 1, 100);
	after(300 * MS);
	stamp(310, 0);
	play(A, ACK, 1, 1, 100);
	stamp(5, 10);
	play(B, ACK, 1, 101, 0);
	assert_int_equal(figures().fwd.spurious_retransmissions, 1);
	sack(1, (const uint32_t[]){1, 101});
	play(B, ACK, 1, 101, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.spurious_retransmissions, 1);
	assert_int_equal(tcp.fwd.sacks, 1);
	assert_int_equal(tcp.fwd.dsacks, 1);
	assert_int_equal(tcp.fwd.repeat_rtt_samples, 0);
}

// Below something unacknowledged, an older echo proves nothing: the receiver may have waited with its ACK.
static void echo_of_another(void) {
	open();
	stamp(10, 0);
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 101, 1, 100);
	after(50 * MS);
	stamp(60, 0);
	play(A, ACK, 101, 1, 100);
	stamp(5, 10);
	play(B, ACK, 1, 201, 0);
	assert_int_equal(figures().fwd.retransmitted_packets, 1);
	assert_int_equal(figures().fwd.spurious_retransmissions, 0);
}

// Without time stamps: two segments sent again, of which one had arrived.
static void one_of_two(void) {
	open();
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 101, 1, 100);
	after(300 * MS);
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 101, 1, 100);
	play(B, ACK, 1, 201, 0);
	sack(1, (const uint32_t[]){101, 201});
	play(B, ACK, 1, 201, 0);
	assert_int_equal(figures().fwd.spurious_retransmissions, 1);
	play(B, ACK, 1, 201, 0); // the D-SACK once more
	assert_int_equal(figures().fwd.spurious_retransmissions, 1);
	assert_int_equal(figures().fwd.dsacks, 2);
}

// A D-SACK above the ACK lies inside of the second block (RFC 2883 4.2); one that does not is a plain SACK.
static void dsack_above(void) {
	open();
	play(A, ACK, 101, 1, 100);
	after(300 * MS);
	play(A, ACK, 101, 1, 100);
	sack(2, (const uint32_t[]){301, 401, 101, 201});
	play(B, ACK, 1, 1, 0);
	assert_int_equal(figures().fwd.dsacks, 0);
	sack(2, (const uint32_t[]){101, 201, 101, 401});
	play(B, ACK, 1, 1, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.sacks, 2);
	assert_int_equal(tcp.fwd.dsacks, 1);
	assert_int_equal(tcp.fwd.spurious_retransmissions, 1);
}

static void overtaken(void) {
	open();
	play(A, ACK, 101, 1, 100);
	after(100 * US);
	play(A, ACK, 1, 1, 100);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.out_of_order_packets, 1);
	assert_int_equal(tcp.fwd.reordered_packets, 1);
	play(A, ACK, 301, 1, 100);
	after(40 * MS);
	play(A, ACK, 201, 1, 100); // lost before it was seen, and sent again
	tcp = figures();
	assert_int_equal(tcp.fwd.out_of_order_packets, 2);
	assert_int_equal(tcp.fwd.reordered_packets, 1);
	assert_int_equal(tcp.fwd.retransmitted_packets, 0);
}

// Time stamps decide also where the time says otherwise.
static void overtaken_by_stamps(void) {
	open();
	stamp(11, 0);
	play(A, ACK, 101, 1, 100);
	after(40 * MS);
	stamp(10, 0);
	play(A, ACK, 1, 1, 100);
	assert_int_equal(figures().fwd.reordered_packets, 1);
	stamp(20, 0);
	play(A, ACK, 301, 1, 100);
	after(100 * US);
	stamp(21, 0);
	play(A, ACK, 201, 1, 100);
	assert_int_equal(figures().fwd.reordered_packets, 1);
	assert_int_equal(figures().fwd.out_of_order_packets, 2);
}

// More repeats at once than are remembered: the record says how many are forgotten.
static void too_many(void) {
	open();
	for (uint32_t i = 0; i <= TCP_REPEATS_MAX; i++)
		play(A, ACK, 1 + 100 * i, 1, 100);
	after(300 * MS);
	for (uint32_t i = 0; i <= TCP_REPEATS_MAX; i++) {
		assert_int_equal(figures().fwd.unjudged_retransmissions, 0);
		play(A, ACK, 1 + 100 * i, 1, 100);
	}
	assert_int_equal(figures().fwd.unjudged_retransmissions, 1);
	assert_false(has(FLOW_HAS_TCP_LIMITED));
	assert_int_equal(figures().fwd.retransmitted_packets, TCP_REPEATS_MAX + 1);
	sack(1, (const uint32_t[]){1, 101 + 100 * TCP_REPEATS_MAX});
	play(B, ACK, 1, 101 + 100 * TCP_REPEATS_MAX, 0);
	assert_int_equal(figures().fwd.spurious_retransmissions, TCP_REPEATS_MAX);
}

// A record in the middle: its figures restart, and what was sent again before it is still known.
static void cut(void) {
	open();
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 101, 1, 100);
	play(A, ACK, 201, 1, 100);
	after(300 * MS);
	play(A, ACK, 1, 1, 100);
	tcp_flow_cut(&flow, &lender);
	assert_int_equal(figures().fwd.retransmitted_packets, 0);
	sack(1, (const uint32_t[]){1, 101});
	play(B, ACK, 1, 301, 0);
	assert_int_equal(figures().fwd.spurious_retransmissions, 1);
	tcp_flow_cut(&flow, &lender);
	assert_false(has(FLOW_HAS_FWD_RECOVERY));
}

// Nothing left to borrow: the record says that it knows less.
static void nothing_to_borrow(void) {
	open();
	play(A, ACK, 1, 1, 100);
	uint32_t taken[BLOCKS];
	for (unsigned i = 0; i < BLOCKS; i++)
		taken[i] = tcp_borrow(&lender);
	after(300 * MS);
	play(A, ACK, 1, 1, 100);
	assert_true(has(FLOW_HAS_TCP_LIMITED));
	assert_false(has(FLOW_HAS_FWD_RECOVERY));
	assert_int_equal(figures().fwd.retransmitted_packets, 1);
	for (unsigned i = 0; i < BLOCKS; i++)
		tcp_return(&lender, taken[i]);
}

#define TEST(name)                                                                                                     \
	static void test_##name(void **state) {                                                                        \
		each_way(name);                                                                                        \
	}
TEST(copied)
TEST(copied_late)
TEST(needed)
TEST(in_vain)
TEST(echo_of_another)
TEST(one_of_two)
TEST(dsack_above)
TEST(overtaken)
TEST(overtaken_by_stamps)
TEST(too_many)
TEST(cut)
TEST(nothing_to_borrow)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copied),
		cmocka_unit_test(test_copied_late),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_echo_of_another),
		cmocka_unit_test(test_one_of_two),
		cmocka_unit_test(test_dsack_above),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_overtaken_by_stamps),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_nothing_to_borrow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
