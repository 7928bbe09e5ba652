// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Recent traffic of nodes whose clocks differ: each counts, and each once.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/aggregate.h"

enum { WINDOW = 10, NODES = 3 };

static struct nodes nodes;
static uint64_t numbers[NODES]; // of summaries told
static uint64_t mono_ns;

static struct node *node_of(unsigned n) {
	return nodes_find(&nodes, (const char[]){(char)('a' + n), '\0'});
}

static int setup(void **state) {
	nodes = (struct nodes){.max = NODES, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 62};
	memset(numbers, 0, sizeof(numbers));
	mono_ns = 100 * NS_PER_S;
	for (unsigned n = 0; n < NODES; n++) {
		Weir__Register message = WEIR__REGISTER__INIT;
		struct identity peer = {.size = 1};
		struct node *node = NULL;
		char name[] = {(char)('a' + n), '\0'};
		message.node = name;
		message.incarnation = 1;
		if (nodes_obtain(&nodes, name, &node) != 0)
			return -1;
		node_register(node, &message, &peer, clock_wall_ns());
	}
	return 0;
}

static int teardown(void **state) {
	nodes_fini(&nodes);
	return 0;
}

// Node n tells of packets of the second that ended so long before or after now.
static void tell(unsigned n, uint64_t packets, int64_t offset_s) {
	Weir__Summary summary = WEIR__SUMMARY__INIT;
	Weir__Totals interval = WEIR__TOTALS__INIT;
	struct series *series;
	interval.packets = packets;
	summary.pipeline = "p";
	summary.operator_ = "report";
	summary.incarnation = 1;
	summary.sequence = ++numbers[n];
	summary.end_ns = clock_wall_ns() + (uint64_t)(offset_s * (int64_t)NS_PER_S);
	summary.start_ns = summary.end_ns - NS_PER_S;
	summary.interval = summary.cumulative = &interval;
	assert_int_equal(aggregate_summary(&nodes, node_of(n), &summary, mono_ns, &series), AGGREGATE_TAKEN);
}

// Of all nodes, in the window.
static uint64_t recent(uint32_t length) {
	struct aggregate_scope scope = {.nodes = &nodes, .length = length, .mono_ns = mono_ns};
	struct window_sums sums;
	aggregate_window_s(&scope, &sums);
	return sums.totals.v[TOTALS_PACKETS];
}

static void a_fast_and_a_slow_clock_hide_nobody(void **state) {
	tell(0, 1, 15);
	tell(1, 10, 0);
	tell(2, 100, -15);
	assert_int_equal(recent(WINDOW), 111);
	assert_true(node_of(0)->is_elsewhen);
	assert_in_range(node_of(0)->clock_offset_ns, 14 * NS_PER_S, 16 * NS_PER_S);
	assert_false(node_of(1)->is_elsewhen);
	assert_true(node_of(2)->is_elsewhen);
	assert_in_range(-node_of(2)->clock_offset_ns, 14 * NS_PER_S, 16 * NS_PER_S);
}

static void a_backlog_is_of_the_present(void **state) {
	tell(0, 1, 0);
	tell(1, 10, -8); // the first: this clock is slow
	for (int64_t s = -8; s <= 0; s++)
		tell(0, 1, s);
	assert_false(node_of(0)->is_elsewhen);
	assert_true(node_of(1)->is_elsewhen);
	assert_int_equal(recent(WINDOW), 20);
}

static void a_clock_that_turns_slow_counts_once(void **state) {
	for (unsigned s = 0; s < 8; s++, mono_ns += NS_PER_S)
		tell(0, 1, -15 + 15 * (s == 0)); // punctual, then late again and again
	assert_true(node_of(0)->is_elsewhen);
	assert_int_equal(recent(60), 8);
	for (unsigned s = 0; s < 2; s++)
		tell(0, 1, 0);
	assert_false(node_of(0)->is_elsewhen);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_fast_and_a_slow_clock_hide_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(a_backlog_is_of_the_present, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_that_turns_slow_counts_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
