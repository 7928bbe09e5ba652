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

// The second segment arrives, so that the first one's stamp is known to be older than the next.
static void lose_first(uint32_t value) {
	open();
	stamp(value, 0);
	play(A, ACK, 1, 1, 100);
	play(A, ACK, 101, 1, 100);
	stamp(5, 0);
	sack(1, (const uint32_t[]){101, 201});
	play(B, ACK, 1, 1, 0);
	options.sack_count = 0;
	stamp(value, 0);
	play(A, ACK, 201, 1, 100);
}

static void needed(void) {
	lose_first(10);
	after(300 * MS);
	stamp(310, 0);
	play(A, ACK, 1, 1, 100);
	after(7 * MS);
	stamp(5, 310);
	play(B, ACK, 1, 301, 0);
	struct flow_tcp tcp = figures();
	assert_int_equal(tcp.fwd.retransmitted_packets, 1);
	assert_int_equal(tcp.fwd.network_duplicates, 0);
	assert_int_equal(tcp.fwd.spurious_retransmissions, 0);
	assert_int_equal(tcp.fwd.rtt_samples, 1); // the SYN alone: Karn
	assert_int_equal(tcp.fwd.repeat_rtt_samples, 1);
	assert_in_range(tcp.fwd.repeat_rtt_avg_ns, 7 * MS - 8, 7 * MS + 8);
	assert_true(has(FLOW_HAS_FWD_REPEAT_RTT));
}

// The clock did not tick between what was sent first and again: the ACK may be of either.
static void same_stamp(void) {
	lose_first(10);
	after(4 * MS);
	play(A, ACK, 1, 1, 100);
	stamp(5, 10);
	play(B, ACK, 1, 301, 0);
	assert_int_equal(figures().fwd.retransmitted_packets, 1);
	assert_int_equal(figures().fwd.network_duplicates, 0);
	assert_int_equal(figures().fwd.repeat_rtt_samples, 0);
}

// Nor between what was sent for the second time and for the third.
static void same_stamp_again(void) {
	lose_first(10);
	after(300 * MS);
	stamp(310, 0);
	play(A, ACK, 1, 1, 100);
	after(4 * MS);
	play(A, ACK, 1, 1, 100);
	stamp(5, 310);
	play(B, ACK, 1, 301, 0);
	assert_int_equal(figures().fwd.retransmitted_packets, 2);
	assert_int_equal(figures().fwd.repeat_rtt_samples, 0);
}

// What was sent first was not looked at: its stamp may have been the same.
static void unknown_stamp(void) {
	open();
	stamp(10, 0);
	play(A, ACK, 1, 1, 100);
	after(4 * MS);
	play(A, ACK, 1, 1, 100);
	stamp(5, 10);
	play(B, ACK, 1, 101, 0);
	assert_int_equal(figures().fwd.retransmitted_packets, 1);
	assert_int_equal(figures().fwd.repeat_rtt_samples, 0);
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

// The figures of a record after which the flow goes on.
static struct flow_tcp figures_at_cut(void) {
	struct flow_record record = {.end_reason = FLOW_END_ACTIVE, .rev.packets = 1};
	tcp_record_fill(&flow, &lender, A, &record);
	tcp_flow_cut(&flow, &lender);
	return record.tcp;
}

// Three segments in flight, of which the first is sent again.
static void open_repeat(void) {
	open();
	for (uint32_t i = 0; i < 3; i++)
		play(A, ACK, 1 + 100 * i, 1, 100);
	after(300 * MS);
	play(A, ACK, 1, 1, 100);
}

// What is said after a record of a repeat in it belongs to neither: the next one did not count that.
static void cut(void) {
	open_repeat();
	assert_int_equal(figures().fwd.unjudged_retransmissions, 0);
	struct flow_tcp tcp = figures_at_cut();
	assert_int_equal(tcp.fwd.retransmitted_packets, 1);
	assert_int_equal(tcp.fwd.unjudged_retransmissions, 1);
	assert_true(flow.more != 0); // the segments in flight
	sack(1, (const uint32_t[]){1, 101});
	play(B, ACK, 1, 301, 0);
	tcp = figures();
	assert_int_equal(tcp.fwd.retransmitted_packets, 0);
	assert_int_equal(tcp.fwd.spurious_retransmissions, 0);
	assert_int_equal(tcp.fwd.unjudged_retransmissions, 0);
	assert_int_equal(tcp.fwd.dsacks, 1);
	figures_at_cut();
	assert_false(has(FLOW_HAS_FWD_RECOVERY));
}

// One that was acknowledged is judged by what was known at the end of its record.
static void cut_after_ack(void) {
	open_repeat();
	play(B, ACK, 1, 301, 0);
	for (uint32_t i = 0; i < 3; i++)
		play(A, ACK, 301 + 100 * i, 1, 100);
	assert_int_equal(figures_at_cut().fwd.unjudged_retransmissions, 0);
	sack(1, (const uint32_t[]){1, 101});
	play(B, ACK, 1, 601, 0);
	assert_int_equal(figures().fwd.spurious_retransmissions, 0);
}

// The same with one segment in flight, for which nothing is kept beyond the record.
static void cut_of_all(void) {
	open();
	play(A, ACK, 1, 1, 100);
	play(B, ACK, 1, 101, 0);
	play(A, ACK, 101, 1, 100);
	after(300 * MS);
	play(A, ACK, 101, 1, 100);
	struct flow_tcp tcp = figures_at_cut();
	assert_int_equal(tcp.fwd.retransmitted_packets, 1);
	assert_int_equal(tcp.fwd.unjudged_retransmissions, 1);
	sack(1, (const uint32_t[]){101, 201});
	play(B, ACK, 1, 201, 0);
	assert_int_equal(figures().fwd.spurious_retransmissions, 0);
}

// Take blocks until so many are left.
static unsigned take_but(unsigned left, uint32_t *taken) {
	unsigned count = 0;
	while (index_left(lender.pool, lender.cache) > left)
		taken[count++] = tcp_borrow(&lender);
	return count;
}

static void give_back(unsigned count, const uint32_t *taken) {
	for (unsigned i = 0; i < count; i++)
		tcp_return(&lender, taken[i]);
}

// Gaps, late segments, repeats and SACKs, with more in flight than fits into the connection.
static struct flow_tcp troubled(void) {
	open();
	for (uint32_t i = 0; i < 6; i++)
		play(A, ACK, 1 + 100 * i, 1, 100);
	play(A, ACK, 701, 1, 100);
	play(A, ACK, 601, 1, 100);
	sack(1, (const uint32_t[]){101, 801});
	play(B, ACK, 1, 1, 0);
	options.sack_count = 0;
	for (uint32_t i = 0; i < 6; i++)
		play(A, ACK, 1 + 100 * i, 1, 100);
	play(B, ACK, 1, 801, 0);
	play(A, ACK, 801, 1, 100);
	play(B, ACK, 1, 901, 0);
	return figures();
}

static void forget_recovery(struct flow_tcp_direction *direction) {
	direction->network_duplicates = direction->reordered_packets = direction->sacks = 0;
	direction->spurious_retransmissions = direction->unjudged_retransmissions = direction->dsacks = 0;
	direction->repeat_rtt_samples = 0;
	direction->repeat_rtt_min_ns = direction->repeat_rtt_avg_ns = direction->repeat_rtt_max_ns = 0;
}

// While less than half of the pool is left, why segments came again is not kept, and nothing else changes.
static void nearly_used_up(void) {
	uint32_t taken[BLOCKS];
	struct flow_tcp ample = troubled();
	assert_true(has(FLOW_HAS_FWD_RECOVERY));
	assert_int_equal(ample.fwd.retransmitted_packets, 6);
	tcp_flow_end(&flow, &lender);
	unsigned count = take_but(8, taken);
	struct flow_tcp scarce = troubled();
	assert_false(has(FLOW_HAS_FWD_RECOVERY));
	assert_false(has(FLOW_HAS_TCP_LIMITED));
	forget_recovery(&ample.fwd);
	assert_memory_equal(&scarce, &ample, sizeof(ample));
	give_back(count, taken);
	// What began in scarcity stays without: half of a story misleads.
	play(A, ACK, 801, 1, 100);
	assert_int_equal(figures().fwd.retransmitted_packets, 7);
	assert_false(has(FLOW_HAS_FWD_RECOVERY));
}

// However many connections have trouble, half of the pool stays for the figures.
static void many_troubled(void) {
	static struct tcp_flow flows[BLOCKS];
	for (unsigned i = 0; i < BLOCKS; i++) {
		open();
		sack(1, (const uint32_t[]){101, 201});
		play(B, ACK, 1, 1, 0);
		flows[i] = flow;
	}
	assert_true(flows[0].more != 0);
	assert_true(flows[BLOCKS - 1].more == 0);
	assert_in_range(index_left(lender.pool, lender.cache), BLOCKS / 2 - 2, BLOCKS / 2);
	for (unsigned i = 0; i < BLOCKS; i++)
		tcp_flow_end(&flows[i], &lender);
}

// Two blocks are there, the third is not: none stays borrowed.
static void test_one_short(void **state) {
	uint32_t taken[3];
	inline_first = false;
	lender = lender_open(3);
	unsigned count = take_but(2, taken);
	assert_int_equal(count, 1);
	open();
	sack(1, (const uint32_t[]){101, 201});
	play(B, ACK, 1, 1, 0);
	assert_int_equal(flow.more, 0);
	assert_false(has(FLOW_HAS_TCP_LIMITED));
	give_back(count, taken);
	assert_int_equal(lender_close(&lender), 3);
}

#define TEST(name)                                                                                                     \
	static void test_##name(void **state) {                                                                        \
		each_way(name);                                                                                        \
	}
TEST(copied)
TEST(copied_late)
TEST(needed)
TEST(same_stamp)
TEST(same_stamp_again)
TEST(unknown_stamp)
TEST(in_vain)
TEST(echo_of_another)
TEST(one_of_two)
TEST(dsack_above)
TEST(overtaken)
TEST(overtaken_by_stamps)
TEST(too_many)
TEST(cut)
TEST(cut_after_ack)
TEST(cut_of_all)
TEST(nearly_used_up)
TEST(many_troubled)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copied),
		cmocka_unit_test(test_copied_late),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_same_stamp),
		cmocka_unit_test(test_same_stamp_again),
		cmocka_unit_test(test_unknown_stamp),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_echo_of_another),
		cmocka_unit_test(test_one_of_two),
		cmocka_unit_test(test_dsack_above),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_overtaken_by_stamps),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_after_ack),
		cmocka_unit_test(test_cut_of_all),
		cmocka_unit_test(test_nearly_used_up),
		cmocka_unit_test(test_many_troubled),
		cmocka_unit_test(test_one_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
