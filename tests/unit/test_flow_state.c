// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The life of a flow, packet by packet, and the records made of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/flow_record_fill.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define T0 (UINT64_C(1700000000) * S)
enum { FIN = FLOW_TCP_FIN, SYN = FLOW_TCP_SYN, RST = FLOW_TCP_RST, ACK = FLOW_TCP_ACK };

static const struct flow_timeouts timeouts = {.idle_ns = 60 * S, .active_ns = 300 * S, .linger_ns = 5 * S};
static struct flow flow;
static struct flow_cold cold;
static struct flow_report report;
static struct packet_link_headers headers;

static struct packet_meta packet(uint64_t at_ns, unsigned direction, uint8_t tcp_flags) {
	struct packet_meta meta = {
		.timestamp_ns = T0 + at_ns,
		.ip_bytes = 40,
		.tcp_flags = tcp_flags,
		.bits = direction ? PACKET_REVERSED : 0,
	};
	meta.key.src_ip[15] = direction ? 2 : 1;
	meta.key.dst_ip[15] = direction ? 1 : 2;
	meta.key.src_port = direction ? 80 : 1024;
	meta.key.dst_port = direction ? 1024 : 80;
	meta.key.protocol = 6;
	meta.key.ip_version = 4;
	meta.key.ttl = direction ? 60 : 50;
	return meta;
}

static void count(uint64_t at_ns, unsigned direction, uint8_t tcp_flags) {
	struct packet_meta meta = packet(at_ns, direction, tcp_flags);
	flow_count_any(&flow, &cold, &meta, direction);
}

static void start(uint64_t at_ns, unsigned direction, uint8_t tcp_flags) {
	struct packet_meta meta = packet(at_ns, direction, tcp_flags);
	memset(&flow, 0xff, sizeof(flow)); // what an earlier flow left
	memset(&cold, 0xff, sizeof(cold));
	struct flow_words words;
	flow_words_set(&words, &meta, direction, 0);
	flow_set_words(&flow, &words);
	flow_start(&flow, &cold, &meta);
	headers = (struct packet_link_headers){0};
	report = (struct flow_report){.flow_start_ns = flow.start_ns};
	flow_count_any(&flow, &cold, &meta, direction);
}

static struct flow_decision decide(uint64_t at_ns, uint8_t tcp_flags) {
	struct packet_meta meta = packet(at_ns, 0, tcp_flags);
	return flow_decide(&flow, &cold, &timeouts, &meta, false);
}

static void assert_decision(struct flow_decision got, enum flow_step step, int record_reason) {
	assert_int_equal(got.step, step);
	assert_int_equal(got.exports, record_reason >= 0);
	if (record_reason >= 0)
		assert_int_equal(got.record_reason, record_reason);
}

// Of any flow with the key of packet().
static struct flow_record record_of(const struct flow *of, const struct flow_cold *cold_of) {
	struct flow_record filled = {0};
	struct flow_key key = packet(0, 0, 0).key;
	key.ttl = 0;
	key.protocol = of->protocol;
	flow_record_fill(&filled, &key, of, cold_of, &headers);
	return filled;
}

static struct flow_record record(void) {
	return record_of(&flow, &cold);
}

static bool has(uint64_t present, enum flow_present bit) {
	return present >> bit & 1;
}

static void idle_ends_at_the_deadline_and_not_before(void **state) {
	start(0, 0, 0);
	count(10 * S, 0, 0);
	assert_int_equal(flow_due_at(&flow, &cold, &timeouts, T0 + 70 * S - 1), FLOW_NOT_DUE);
	assert_int_equal(flow_due_at(&flow, &cold, &timeouts, T0 + 70 * S), FLOW_DUE_END);
	assert_int_equal(flow_idle_reason(&flow), FLOW_END_IDLE);
	assert_int_equal(flow_deadline_ns(&flow, &cold, &timeouts), T0 + 70 * S);
	assert_decision(decide(70 * S - 1, 0), FLOW_STEP_COUNT, -1);
	assert_decision(decide(70 * S, 0), FLOW_STEP_RESTART, FLOW_END_IDLE);
}

static void fin_from_both_sides_ends_it(void **state) {
	start(0, 0, SYN);
	count(0, 1, SYN | ACK);
	count(1 * S, 0, FIN | ACK);
	assert_int_equal(flow_deadline_ns(&flow, &cold, &timeouts), T0 + 61 * S);
	count(2 * S, 1, FIN | ACK);
	assert_int_equal(flow_deadline_ns(&flow, &cold, &timeouts), T0 + 7 * S);
	assert_int_equal(flow_idle_reason(&flow), FLOW_END_TCP);
	// Late segments are absorbed and prolong the linger.
	assert_decision(decide(6 * S, ACK), FLOW_STEP_COUNT, -1);
	count(6 * S, 0, ACK);
	assert_int_equal(flow_due_at(&flow, &cold, &timeouts, T0 + 11 * S - 1), FLOW_NOT_DUE);
	assert_decision(decide(11 * S, ACK), FLOW_STEP_RESTART, FLOW_END_TCP);
}

static void two_fins_from_one_side_do_not(void **state) {
	start(0, 0, FIN | ACK);
	count(1 * S, 0, FIN | ACK);
	assert_int_equal(flow_idle_reason(&flow), FLOW_END_IDLE);
}

static void after_the_end_only_a_new_syn_opens(void **state) {
	start(0, 0, SYN);
	assert_decision(decide(1 * S, SYN), FLOW_STEP_COUNT, -1); // sent again, not ended
	count(1 * S, 1, RST | ACK);
	assert_decision(decide(2 * S, SYN | ACK), FLOW_STEP_COUNT, -1);
	assert_decision(decide(2 * S, ACK), FLOW_STEP_COUNT, -1);
	assert_decision(decide(2 * S, RST), FLOW_STEP_COUNT, -1);
	assert_decision(decide(2 * S, SYN), FLOW_STEP_RESTART, FLOW_END_TCP);
}

static void linger_is_never_longer_than_idle(void **state) {
	const struct flow_timeouts short_idle = {.idle_ns = 2 * S, .active_ns = 300 * S, .linger_ns = 5 * S};
	start(0, 0, RST);
	assert_int_equal(flow_deadline_ns(&flow, &cold, &short_idle), T0 + 2 * S);
	assert_int_equal(flow_idle_reason(&flow), FLOW_END_TCP);
}

static void active_cuts_the_record_and_the_flow_goes_on(void **state) {
	start(0, 1, 0);
	for (unsigned i = 1; i < 10; i++)
		count(i * 30 * S, i % 2, 0);
	assert_int_equal(flow_due_at(&flow, &cold, &timeouts, T0 + 300 * S), FLOW_DUE_ACTIVE);
	assert_decision(decide(300 * S, 0), FLOW_STEP_CONTINUE, FLOW_END_ACTIVE);
	struct flow_record first = record();
	assert_int_equal(first.fwd.packets + first.rev.packets, 10);
	assert_int_equal(first.src_port, 80);
	flow_cut(&flow, &report);
	assert_int_equal(flow_due_at(&flow, &cold, &timeouts, T0 + 300 * S), FLOW_NOT_DUE);

	// The next packet begins the next record; forward stays what it was.
	assert_decision(decide(310 * S, 0), FLOW_STEP_CONTINUE, -1);
	struct packet_meta meta = packet(310 * S, 0, 0);
	flow_continue(&flow, &cold, &meta);
	flow_count_any(&flow, &cold, &meta, 0);
	struct flow_record second = record();
	assert_int_equal(second.src_port, 80);
	assert_int_equal(second.fwd.packets, 0);
	assert_int_equal(second.rev.packets, 1);
	assert_int_equal(second.rev.ttl, 50);
	assert_int_equal(second.start_ns, T0 + 310 * S);
	assert_int_equal(second.end_ns, T0 + 310 * S);
	for (unsigned i = 1; i < 10; i++)
		count(310 * S + i * 30 * S, 0, 0);
	assert_int_equal(flow_deadline_ns(&flow, &cold, &timeouts), T0 + 610 * S);
}

static void a_cut_flow_that_hears_no_more_ends_without_a_record(void **state) {
	start(0, 0, 0);
	for (unsigned i = 1; i < 10; i++)
		count(i * 30 * S, 0, 0);
	flow_cut(&flow, &report);
	assert_int_equal(flow_due_at(&flow, &cold, &timeouts, T0 + 330 * S - 1), FLOW_NOT_DUE);
	assert_int_equal(flow_due_at(&flow, &cold, &timeouts, T0 + 330 * S), FLOW_DUE_END);
	assert_decision(decide(330 * S, 0), FLOW_STEP_RESTART, -1);
}

// A packet that comes after both deadlines finds what the timer would have left.
static void the_earlier_deadline_decides_whoever_looks_first(void **state) {
	start(0, 0, 0);
	for (unsigned i = 1; i < 10; i++)
		count(i * 30 * S, 0, 0); // the last at 270 s: active at 300, idle at 330
	assert_decision(decide(1000 * S, 0), FLOW_STEP_RESTART, FLOW_END_ACTIVE);
	start(0, 0, 0); // idle at 60, active at 300
	assert_decision(decide(1000 * S, 0), FLOW_STEP_RESTART, FLOW_END_IDLE);
}

static void idle_decides_a_tie(void **state) {
	const struct flow_timeouts equal = {.idle_ns = 300 * S, .active_ns = 300 * S, .linger_ns = 5 * S};
	struct packet_meta meta = packet(0, 0, 0);
	memset(&flow, 0, sizeof(flow));
	flow_start(&flow, &cold, &meta);
	flow_count_any(&flow, &cold, &meta, 0);
	assert_int_equal(flow_due_at(&flow, &cold, &equal, T0 + 300 * S), FLOW_DUE_END);
}

static void forward_is_the_direction_of_the_first_pure_syn(void **state) {
	start(0, 1, SYN | ACK); // the SYN comes late
	struct flow_record before = record();
	assert_int_equal(before.src_port, 80);
	count(1, 0, SYN);
	struct flow_record after = record();
	assert_int_equal(after.src_port, 1024);
	assert_int_equal(after.src_ip[15], 1);
	assert_int_equal(after.fwd.tcp_flags, SYN);
	assert_int_equal(after.rev.tcp_flags, SYN | ACK);
	assert_int_equal(after.fwd.ttl, 50);
	assert_int_equal(after.rev.ttl, 60);
	count(2, 1, SYN); // simultaneous open: the first one stands
	assert_int_equal(record().src_port, 1024);
}

static void late_packets_widen_the_record_but_not_the_clock(void **state) {
	start(10 * S, 0, 0);
	struct packet_meta late = packet(8 * S, 0, 0);
	late.late_ms = 2500; // the source has seen 10.5 s
	flow_count_any(&flow, &cold, &late, 0);
	struct flow_record got = record();
	assert_int_equal(got.start_ns, T0 + 8 * S);
	assert_int_equal(got.end_ns, T0 + 10 * S);
	assert_int_equal(got.duration_ns, 2 * S);
	assert_int_equal(flow_deadline_ns(&flow, &cold, &timeouts), T0 + 70 * S + S / 2);
	// A source that is behind does not turn the flow's clock back.
	count(9 * S, 0, 0);
	assert_int_equal(flow_deadline_ns(&flow, &cold, &timeouts), T0 + 70 * S + S / 2);
}

static bool is_plain(uint64_t at_ns, unsigned direction, uint8_t tcp_flags) {
	struct packet_meta meta = packet(at_ns, direction, tcp_flags);
	return flow_is_plain(&flow, &meta, direction, &timeouts, 0);
}

static void plain_packets_are_those_that_change_nothing_else(void **state) {
	start(0, 0, ACK);
	count(1 * S, 1, 0);
	assert_true(is_plain(2 * S, 0, ACK));
	assert_false(is_plain(2 * S, 1, ACK)); // new in that direction
	assert_false(is_plain(2 * S, 0, FIN));
	assert_false(is_plain(S / 2, 0, 0));
	assert_true(is_plain(61 * S - 1, 0, 0));
	assert_false(is_plain(61 * S, 0, 0));
	struct packet_meta late = packet(2 * S, 0, 0);
	late.late_ms = 1;
	assert_false(flow_is_plain(&flow, &late, 0, &timeouts, 0));
	struct packet_meta headers_only = packet(2 * S, 0, 0);
	headers_only.ip_bytes = 256;
	assert_false(flow_is_plain(&flow, &headers_only, 0, &timeouts, 0));
	struct packet_meta jumbo = packet(2 * S, 0, 0);
	jumbo.ip_bytes = 65536;
	jumbo.payload_bytes = 65496;
	assert_false(flow_is_plain(&flow, &jumbo, 0, &timeouts, 0));
	for (unsigned i = 2; i <= 7; i++)
		count(i * 40 * S, i % 2, 0);
	assert_false(is_plain(300 * S, 0, 0));
	start(0, 0, 0);
	struct packet_meta meta = packet(0, 0, 0);
	assert_false(flow_is_plain(&flow, &meta, 0, &timeouts, FLOW_DIRTY)); // its change is still to be told
	flow.bits |= FLOW_DIRTY | FLOW_REPORTED;
	assert_true(flow_is_plain(&flow, &meta, 0, &timeouts, FLOW_DIRTY));
	start(0, 0, RST);
	assert_false(is_plain(0, 0, 0));
	start(0, 0, SYN);
	assert_false(is_plain(0, 0, SYN));
	start(0, 0, 0);
	assert_false(is_plain(0, 1, 0)); // the TTL of the other direction is to be kept
	flow_cut(&flow, &report);
	assert_false(is_plain(0, 0, 0));
}

// The short way and the long one count the same, whatever the sizes and however many packets there are.
static void plain_counting_is_exact(void **state) {
	unsigned plain = 0, all = 0;
	srand(11);
	for (unsigned round = 0; round < 50; round++) {
		struct flow long_flow;
		struct flow_cold long_cold;
		unsigned length = 200 + (unsigned)rand() % 2000;
		start(0, 0, ACK);
		long_flow = flow;
		long_cold = cold;
		for (unsigned i = 0; i < length; i++) {
			unsigned direction = rand() % 4 == 0;
			struct packet_meta meta = packet(i * MS, direction, rand() % 50 ? ACK : ACK | 8);
			meta.payload_bytes = rand() % 3 ? 0xffff - 40 : (uint32_t)rand() % 1000;
			meta.ip_bytes = meta.payload_bytes + (rand() % 100 ? 40 : 20 + (uint32_t)rand() % 300);
			if (rand() % 1000 == 0) {
				meta.timestamp_ns -= 3 * MS;
				meta.late_ms = 3;
			}
			flow_count_any(&long_flow, &long_cold, &meta, direction);
			if (flow_is_plain(&flow, &meta, direction, &timeouts, 0)) {
				flow_count(&flow, &meta, direction);
				plain++;
			} else {
				flow_count_any(&flow, &cold, &meta, direction);
			}
		}
		all += length;
		struct flow_record expected = record_of(&long_flow, &long_cold), got = record();
		assert_memory_equal(&got, &expected, sizeof(got));
		assert_int_equal(flow.last_clock_ns, long_flow.last_clock_ns);
	}
	assert_true(plain > all / 2);
}

// Counts are carried where the small ones are full, and the record is cut before the great ones are.
static void counts_are_carried_and_cut_in_time(void **state) {
	start(0, 0, 0);
	struct packet_meta meta = packet(0, 0, 0);
	meta.ip_bytes = 60000;
	meta.payload_bytes = 60000 - 255;
	flow_count_any(&flow, &cold, &meta, 0);
	uint64_t packets = 2;
	while (decide(0, 0).step == FLOW_STEP_COUNT && packets < UINT64_C(1) << 40) {
		// As many plain ones at once as go by between two looks.
		uint64_t n = FLOW_PLAIN_PACKETS_MAX - (flow.count[0].packets >> 40);
		flow.count[0].bytes += n * meta.ip_bytes;
		flow.count[0].packets += n * ((UINT64_C(1) << 40) + 255);
		assert_false(is_plain(0, 0, 0));
		for (unsigned i = 0; i < 2; i++) // the carry, and the first after it
			flow_count_any(&flow, &cold, &meta, 0);
		assert_true(is_plain(0, 0, 0));
		packets += n + 2;
		assert_int_equal(flow_packets(&flow, 0), packets);
		assert_int_equal(flow_bytes(&flow, 0), 40 + (packets - 1) * 60000);
		assert_int_equal(flow_payload_bytes(&flow, 0), (packets - 1) * (60000 - 255));
	}
	assert_decision(decide(0, 0), FLOW_STEP_CONTINUE, FLOW_END_ACTIVE);
	assert_true(packets > UINT64_C(1) << 31);
	flow_cut(&flow, &report);
	assert_decision(decide(0, 0), FLOW_STEP_CONTINUE, -1);
}

static void the_first_reply_tells_the_response_time(void **state) {
	start(0, 1, 0);
	flow.protocol = 17;
	count(20 * MS, 1, 0);
	assert_false(has(record().present, FLOW_HAS_RESPONSE));
	count(30 * MS, 0, 0);
	count(50 * MS, 0, 0);
	assert_true(has(record().present, FLOW_HAS_RESPONSE));
	assert_int_equal(record().response_ns, 30 * MS);
	flow_cut(&flow, &report);
	struct packet_meta meta = packet(60 * MS, 0, 0);
	flow_continue(&flow, &cold, &meta);
	flow_count_any(&flow, &cold, &meta, 0);
	count(61 * MS, 1, 0); // what asks is still the forward direction
	assert_false(has(record().present, FLOW_HAS_RESPONSE));
	start(0, 0, SYN);
	count(1 * MS, 1, SYN | ACK);
	assert_false(has(record().present, FLOW_HAS_RESPONSE)); // of TCP there is more to be said
}

static void throughput_needs_a_duration_and_does_not_overflow(void **state) {
	start(0, 0, 0);
	assert_false(has(record().present, FLOW_HAS_FWD_THROUGHPUT));
	count(2 * S, 0, 0);
	struct flow_record got = record();
	assert_true(has(got.present, FLOW_HAS_FWD_THROUGHPUT));
	assert_false(has(got.present, FLOW_HAS_REV_THROUGHPUT));
	assert_int_equal(got.fwd.throughput_bps, 80 * 8 / 2);
	flow.count[0].bytes = UINT64_C(1) << 47; // * 8e9 is beyond 64 bits
	assert_int_equal(record().fwd.throughput_bps, UINT64_C(1) << 49);
}

static void presence_follows_what_was_seen(void **state) {
	start(0, 0, SYN);
	uint64_t present = record().present;
	assert_true(has(present, FLOW_HAS_PORTS));
	assert_true(has(present, FLOW_HAS_TCP_FLAGS));
	assert_false(has(present, FLOW_HAS_REV));
	assert_false(has(present, FLOW_HAS_REV_TCP_FLAGS));
	assert_false(has(present, FLOW_HAS_MAC));
	count(0, 1, ACK);
	assert_true(has(record().present, FLOW_HAS_REV));
	flow.protocol = 47;
	assert_false(has(record().present, FLOW_HAS_PORTS));
	assert_false(has(record().present, FLOW_HAS_TCP_FLAGS));
}

static void link_headers_turn_with_the_direction(void **state) {
	start(0, 1, 0);
	headers = (struct packet_link_headers){.has_mac = true, .src_mac = {6}, .dst_mac = {5}, .vlan_count = 1};
	headers.vlan[0] = 77;
	assert_int_equal(record().src_mac[0], 5);
	assert_int_equal(record().vlan[0], 77);
	count(1, 0, SYN);
	assert_int_equal(record().src_mac[0], 6);
}

static struct flow_update update(void) {
	struct flow_update filled = {0};
	struct flow_key key = packet(0, 0, 0).key;
	flow_update_fill(&filled, &key, &flow, &report, &cold);
	return filled;
}

static void updates_tell_each_packet_once_across_a_cut(void **state) {
	start(0, 0, 0);
	count(1 * S, 1, 0);
	struct flow_update first = update();
	assert_true(first.started);
	assert_int_equal(first.fwd_packets, 1);
	assert_int_equal(first.rev_bytes, 40);
	count(2 * S, 0, 0);
	flow_cut(&flow, &report);
	struct packet_meta meta = packet(3 * S, 0, 0);
	flow_continue(&flow, &cold, &meta);
	flow_count_any(&flow, &cold, &meta, 0);
	struct flow_update second = update();
	assert_false(second.started);
	assert_int_equal(second.fwd_packets, 2);
	assert_int_equal(second.fwd_bytes, 80);
	assert_int_equal(second.rev_packets, 0);
	assert_int_equal(second.total_packets, 4);
	assert_int_equal(second.total_bytes, 160);
	assert_int_equal(second.start_ns, T0);
	struct flow_update third = update();
	assert_int_equal(third.fwd_packets + third.rev_packets, 0);
	flow_update_end(&third, FLOW_END_TCP);
	assert_true(has(third.present, FLOW_HAS_END));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_ends_at_the_deadline_and_not_before),
		cmocka_unit_test(fin_from_both_sides_ends_it),
		cmocka_unit_test(two_fins_from_one_side_do_not),
		cmocka_unit_test(after_the_end_only_a_new_syn_opens),
		cmocka_unit_test(linger_is_never_longer_than_idle),
		cmocka_unit_test(active_cuts_the_record_and_the_flow_goes_on),
		cmocka_unit_test(a_cut_flow_that_hears_no_more_ends_without_a_record),
		cmocka_unit_test(the_earlier_deadline_decides_whoever_looks_first),
		cmocka_unit_test(idle_decides_a_tie),
		cmocka_unit_test(forward_is_the_direction_of_the_first_pure_syn),
		cmocka_unit_test(late_packets_widen_the_record_but_not_the_clock),
		cmocka_unit_test(plain_packets_are_those_that_change_nothing_else),
		cmocka_unit_test(plain_counting_is_exact),
		cmocka_unit_test(counts_are_carried_and_cut_in_time),
		cmocka_unit_test(the_first_reply_tells_the_response_time),
		cmocka_unit_test(throughput_needs_a_duration_and_does_not_overflow),
		cmocka_unit_test(presence_follows_what_was_seen),
		cmocka_unit_test(link_headers_turn_with_the_direction),
		cmocka_unit_test(updates_tell_each_packet_once_across_a_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
