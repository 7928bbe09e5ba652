// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Flows that two nodes see: matched whatever comes first, delay and loss by direction, nothing counted twice, and flows
// that only look alike left apart.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/paths.h"

#define T0 (UINT64_C(1700000000) * NS_PER_S)

static struct nodes nodes;
static struct node *ends[3];

static int setup(void **state) {
	static const char *const names[] = {"a", "b", "c"};
	nodes = (struct nodes){.max = 4, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 4};
	for (unsigned i = 0; i < 3; i++)
		if (nodes_obtain(&nodes, names[i], &ends[i]) != 0)
			return -1;
	return 0;
}

static int teardown(void **state) {
	nodes_fini(&nodes);
	return 0;
}

struct told {
	unsigned node, port; // which node tells, source port of the flow
	uint64_t start_ns, second, fwd, rev;
	bool ended, is_reversed;
};

static bool tell(const struct told *told) {
	uint8_t ends_of[2][4] = {{10, 0, 0, 9}, {10, 0, 0, 1}};
	Weir__FlowDelta flow = WEIR__FLOW_DELTA__INIT;
	flow.src_ip = (ProtobufCBinaryData){4, ends_of[told->is_reversed]};
	flow.dst_ip = (ProtobufCBinaryData){4, ends_of[!told->is_reversed]};
	flow.src_port = told->is_reversed ? 80 : told->port;
	flow.dst_port = told->is_reversed ? told->port : 80;
	flow.protocol = 6;
	flow.start_ns = T0 + told->start_ns;
	flow.total_fwd_packets = told->fwd;
	flow.total_rev_packets = told->rev;
	flow.ended = told->ended;
	return paths_add(&nodes, ends[told->node], &flow, T0 + told->second * NS_PER_S, clock_mono_ns());
}

static const struct path_pair *pair_of(const char *from, const char *to) {
	for (size_t i = 0; nodes.paths != NULL && i < nodes.paths->pairs_length; i++)
		if (strcmp(nodes.paths->pairs[i].from, from) == 0 && strcmp(nodes.paths->pairs[i].to, to) == 0)
			return &nodes.paths->pairs[i];
	return NULL;
}

static void assert_pair(const char *from, const char *to, uint64_t flows, uint64_t packets, int64_t lost) {
	const struct path_pair *pair = pair_of(from, to);
	assert_non_null(pair);
	assert_int_equal(pair->flows, flows);
	assert_int_equal(pair->packets, packets);
	assert_int_equal(pair->lost, lost);
}

static void delay_and_loss_by_direction(void **state) {
	struct histogram delays;
	// b's summary comes before a's, but a saw the first packet first.
	assert_false(
		tell(&(struct told){.node = 1, .port = 5, .start_ns = 8000000, .second = 1, .fwd = 95, .rev = 50}));
	assert_true(
		tell(&(struct told){.node = 0, .port = 5, .start_ns = 1000000, .second = 1, .fwd = 100, .rev = 47}));
	assert_pair("a", "b", 1, 100, 5);
	assert_pair("b", "a", 0, 50, 3);
	path_pair_delays(pair_of("a", "b"), clock_mono_ns(), &delays);
	assert_int_equal(histogram_count(&delays), 1);
	assert_in_range(histogram_quantile(&delays, 0.5), 6700000, 7300000);

	// One that only a has told of further is not compared; then it is, and what was under way is no loss any more.
	assert_true(
		tell(&(struct told){.node = 0, .port = 5, .start_ns = 1000000, .second = 2, .fwd = 200, .rev = 97}));
	assert_pair("a", "b", 1, 100, 5);
	assert_false(
		tell(&(struct told){.node = 1, .port = 5, .start_ns = 8000000, .second = 2, .fwd = 198, .rev = 100}));
	assert_pair("a", "b", 1, 200, 2);
	assert_pair("b", "a", 0, 100, 3);

	// The end, of which the nodes tell in different intervals, is final; a summary that comes late changes nothing.
	tell(&(struct told){
		.node = 0, .port = 5, .start_ns = 1000000, .second = 3, .fwd = 210, .rev = 98, .ended = true});
	tell(&(struct told){
		.node = 1, .port = 5, .start_ns = 8000000, .second = 4, .fwd = 201, .rev = 101, .ended = true});
	assert_pair("a", "b", 1, 210, 9);
	tell(&(struct told){.node = 1, .port = 5, .start_ns = 8000000, .second = 2, .fwd = 198, .rev = 100});
	assert_pair("a", "b", 1, 210, 9);
}

static void directions_are_one_flow(void **state) {
	assert_false(tell(&(struct told){.node = 0, .port = 5, .start_ns = 1000, .second = 1, .fwd = 10, .rev = 4}));
	// b took the answer for the first packet, since it never saw that.
	assert_true(tell(&(struct told){
		.node = 1, .port = 5, .start_ns = 9000, .second = 1, .fwd = 4, .rev = 9, .is_reversed = true}));
	assert_pair("a", "b", 1, 10, 1);
	assert_pair("b", "a", 0, 4, 0);
}

static void the_node_that_told_first_is_counted(void **state) {
	for (uint64_t second = 1; second < 5; second++) {
		assert_false(
			tell(&(struct told){.node = 2, .port = 5, .start_ns = 5000, .second = second, .fwd = second}));
		assert_true(
			tell(&(struct told){.node = 0, .port = 5, .start_ns = 1000, .second = second, .fwd = second}));
		assert_true(
			tell(&(struct told){.node = 1, .port = 5, .start_ns = 2000, .second = second, .fwd = second}));
	}
	assert_pair("a", "c", 1, 4, 0);
	assert_null(pair_of("a", "b")); // the third is known for what it is, and not compared
}

// The counted one is killed, or the flow takes another route: the next one's figures are counted, of no interval twice.
static void another_takes_over(void **state) {
	for (uint64_t second = 1; second < 3; second++) {
		assert_false(tell(&(struct told){.node = 0, .port = 5, .second = second, .fwd = second}));
		assert_true(tell(&(struct told){.node = 1, .port = 5, .second = second, .fwd = second}));
		assert_true(tell(&(struct told){.node = 2, .port = 5, .second = second, .fwd = second}));
	}
	for (uint64_t second = 3; second <= 2 + PATHS_BEHIND; second++)
		assert_true(tell(&(struct told){.node = 1, .port = 5, .second = second, .fwd = second}));
	for (uint64_t second = 3 + PATHS_BEHIND; second < 10; second++) {
		assert_false(tell(&(struct told){.node = 1, .port = 5, .second = second, .fwd = second}));
		assert_true(tell(&(struct told){.node = 2, .port = 5, .second = second, .fwd = second}));
		assert_true(tell(&(struct told){.node = 0, .port = 5, .second = second, .fwd = second}));
	}
	// Of one that is known to be away no more is waited for. The third has no view of its own.
	ends[1]->state = NODE_LOST;
	assert_true(tell(&(struct told){.node = 2, .port = 5, .second = 10, .fwd = 10}));
	assert_false(tell(&(struct told){.node = 2, .port = 5, .second = 11, .fwd = 11}));
	assert_true(tell(&(struct told){.node = 0, .port = 5, .second = 11, .fwd = 11}));
	// What was kept for want of a connection comes late: one of its intervals is nobody's, none is counted twice.
	assert_true(tell(&(struct told){.node = 1, .port = 5, .second = 11, .fwd = 11}));
}

// A node that starts while a flow lives sees it begin then.
static void a_late_node_is_no_other_flow(void **state) {
	const uint64_t late_ns = 60 * NS_PER_S;
	ends[1]->incarnation = T0 + late_ns - NS_PER_S;
	for (uint64_t second = 61; second < 64; second++) {
		assert_false(tell(&(struct told){.node = 0, .port = 5, .second = second, .fwd = second}));
		assert_true(
			tell(&(struct told){.node = 1, .port = 5, .start_ns = late_ns, .second = second, .fwd = 1}));
	}
	assert_null(pair_of("a", "b")); // the difference of these starts is no delay
	// Whichever tells first.
	for (uint64_t second = 61; second < 64; second++) {
		assert_false(
			tell(&(struct told){.node = 1, .port = 6, .start_ns = late_ns, .second = second, .fwd = 1}));
		assert_true(tell(&(struct told){.node = 0, .port = 6, .second = second, .fwd = second}));
	}
	// The one that saw it begin stops: the late one is counted.
	assert_true(tell(&(struct told){.node = 1, .port = 5, .start_ns = late_ns, .second = 66, .fwd = 9}));
	assert_false(tell(&(struct told){.node = 1, .port = 5, .start_ns = late_ns, .second = 67, .fwd = 10}));
	// What begins later than its node is another flow, as ever.
	assert_false(tell(&(struct told){.node = 0, .port = 7, .second = 80, .fwd = 3}));
	assert_false(tell(&(struct told){.node = 1, .port = 7, .start_ns = 70 * NS_PER_S, .second = 80, .fwd = 3}));
}

static void a_restarted_node_counts_once(void **state) {
	const uint64_t late_ns = 60 * NS_PER_S;
	assert_false(tell(&(struct told){.node = 0, .port = 5, .second = 59, .fwd = 59}));
	assert_true(tell(&(struct told){.node = 1, .port = 5, .second = 59, .fwd = 58}));
	assert_pair("a", "b", 1, 59, 1);
	ends[0]->incarnation = T0 + late_ns;
	for (uint64_t second = 61; second < 70; second++) {
		assert_true(tell(&(struct told){.node = 1, .port = 5, .second = second, .fwd = second}));
		assert_false(
			tell(&(struct told){.node = 0, .port = 5, .start_ns = late_ns, .second = second, .fwd = 1}));
	}
	assert_pair("a", "b", 1, 59, 1); // its count began anew: nothing to compare
}

static void same_ports_again_are_another_flow(void **state) {
	tell(&(struct told){.node = 0, .port = 5, .start_ns = 1000, .second = 1, .fwd = 10, .ended = true});
	tell(&(struct told){.node = 1, .port = 5, .start_ns = 2000, .second = 1, .fwd = 9, .ended = true});
	assert_pair("a", "b", 1, 10, 1);
	// A second later, from the same port.
	assert_false(tell(&(struct told){.node = 0, .port = 5, .start_ns = NS_PER_S, .second = 2, .fwd = 3}));
	tell(&(struct told){.node = 1, .port = 5, .start_ns = NS_PER_S + 500, .second = 2, .fwd = 3});
	assert_pair("a", "b", 2, 13, 1);
	// Private addresses of two sites: begun far apart.
	assert_false(tell(&(struct told){.node = 0, .port = 6, .start_ns = 0, .second = 9, .fwd = 3}));
	assert_false(tell(&(struct told){.node = 1, .port = 6, .start_ns = 8 * NS_PER_S, .second = 9, .fwd = 3}));
	assert_pair("a", "b", 2, 13, 1);
}

// Many more flows than there is room for: memory is what it was, and what is told of lately is still known.
static void old_flows_make_room(void **state) {
	for (unsigned i = 0; i < 3 * PATHS_FLOWS / 2; i++)
		tell(&(struct told){.node = i % 2,
			.port = i & 0xffff,
			.start_ns = (uint64_t)(i >> 16) * 60 * NS_PER_S,
			.second = i >> 10,
			.fwd = 1});
	tell(&(struct told){.node = 0, .port = 77, .start_ns = 900 * NS_PER_S, .second = 1000, .fwd = 20});
	assert_true(
		tell(&(struct told){.node = 1, .port = 77, .start_ns = 900 * NS_PER_S + 1, .second = 1000, .fwd = 19}));
	assert_pair("a", "b", 1, 20, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(delay_and_loss_by_direction, setup, teardown),
		cmocka_unit_test_setup_teardown(directions_are_one_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(the_node_that_told_first_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(another_takes_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_late_node_is_no_other_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restarted_node_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(same_ports_again_are_another_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(old_flows_make_room, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
