// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The books of a node over its incarnations: sums counted once, unknown stretches from the last that is known.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/departed.h"
#include "ctrlplane/nodes.h"

static int setup(void **state) {
	static struct nodes nodes;
	nodes = (struct nodes){.max = 2, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 4};
	*state = &nodes;
	return 0;
}

static int teardown(void **state) {
	nodes_fini(*state);
	return 0;
}

static struct node *enrol(struct nodes *nodes, const char *name, uint64_t incarnation, uint64_t now_s) {
	Weir__Register message = WEIR__REGISTER__INIT;
	struct identity peer = {.size = 1};
	struct node *node = NULL;

	message.node = (char *)name;
	message.incarnation = incarnation;
	assert_int_equal(nodes_obtain(nodes, name, &node), 0);
	departed_give_back(nodes, node, incarnation);
	node_register(node, &message, &peer, now_s * NS_PER_S);
	return node;
}

static void report(struct node *node, uint64_t number, uint64_t packets, uint64_t end_s) {
	struct series *series = node_series(node, "p", "report", 0);
	assert_non_null(series);
	series->cumulative.v[TOTALS_PACKETS] = packets;
	series->cumulative_sequence = number;
	series->end_ns = end_s * NS_PER_S;
}

static uint64_t packets(const struct node *node) {
	struct totals totals;
	node_totals(node, &totals);
	return totals.v[TOTALS_PACKETS];
}

static void incarnations_add_up(void **state) {
	struct node *node = enrol(*state, "a", 1, 100);
	report(node, 1, 10, 101);
	report(node, 2, 25, 102);
	assert_int_equal(packets(node), 25);
	node = enrol(*state, "a", 1, 103); // the same process on a new connection
	assert_int_equal(packets(node), 25);
	assert_int_equal(node->incarnations, 1);
	node = enrol(*state, "a", 2, 110);
	assert_int_equal(packets(node), 25);
	report(node, 1, 7, 111);
	assert_int_equal(packets(node), 32);
	assert_int_equal(node->incarnations, 2);
}

static void unknown_starts_where_the_last_report_ended(void **state) {
	struct node *node = enrol(*state, "a", 1, 100);
	report(node, 1, 10, 101);
	node_beat(node, 102 * NS_PER_S, 2 * NS_PER_S);
	assert_false(node_check(node, 3 * NS_PER_S + 400 * NS_PER_MS)); // two beats missed
	assert_true(node_check(node, 3 * NS_PER_S + 500 * NS_PER_MS));
	assert_false(node_check(node, 9 * NS_PER_S));
	assert_int_equal(node->state, NODE_LOST);
	assert_int_equal(node_unknown_ns(node, 106 * NS_PER_S), 5 * NS_PER_S);
	node = enrol(*state, "a", 2, 108);
	assert_int_equal(node_unknown_ns(node, 200 * NS_PER_S), 7 * NS_PER_S);
	assert_int_equal(node->unknown.count, 1);
}

// Nothing to tell is not unknown: a node whose summaries have all come was silent, not away.
static void silence_is_known(void **state) {
	struct node *node = enrol(*state, "a", 1, 100);
	report(node, 1, 10, 101);
	node->series[0].sequence.contiguous = 1;
	node_beat(node, 300 * NS_PER_S, 0);
	node_take_submitted(node, 1);
	node_beat(node, 400 * NS_PER_S, 0);
	node_take_submitted(node, 2); // one more that has not come
	node_lose(node);
	assert_int_equal(node_unknown_ns(node, 402 * NS_PER_S), 105 * NS_PER_S);
}

static void a_captures_time_says_nothing_about_the_clock(void **state) {
	struct node *node = enrol(*state, "a", 1, 100);
	report(node, 1, 10, 7); // recorded long ago
	node_beat(node, 102 * NS_PER_S, 0);
	node_lose(node);
	assert_int_equal(node_unknown_ns(node, 105 * NS_PER_S), 3 * NS_PER_S);
}

static void same_process_back_or_goodbye_leaves_nothing_unknown(void **state) {
	struct node *node = enrol(*state, "a", 1, 100);
	node_lose(node);
	assert_true(node_beat(node, 120 * NS_PER_S, 1));
	assert_int_equal(node_unknown_ns(node, 130 * NS_PER_S), 0);
	node_end(node);
	node = enrol(*state, "a", 2, 140);
	assert_int_equal(node_unknown_ns(node, 150 * NS_PER_S), 0);
}

static void full_registry_gives_up_who_has_been_away_longest(void **state) {
	struct nodes *nodes = *state;
	struct node *node = enrol(nodes, "a", 1, 100);
	report(node, 1, 10, 101);
	enrol(nodes, "b", 1, 101);
	assert_int_equal(nodes_obtain(nodes, "c", &node), -ENOSPC);
	node_lose(nodes_find(nodes, "b"));
	node_end(nodes_find(nodes, "a"));
	enrol(nodes, "c", 1, 102);
	assert_null(nodes_find(nodes, "a"));
	assert_non_null(nodes_find(nodes, "b"));
	assert_int_equal(nodes->departed.v[TOTALS_PACKETS], 10);

	node = enrol(nodes, "a", 1, 103); // in b's place
	assert_int_equal(packets(node), 10);
	assert_int_equal(node->incarnations, 1);
	assert_int_equal(nodes->departed.v[TOTALS_PACKETS], 0);
	assert_int_equal(nodes->departed_nodes, 1);
}

// Give up the first node for another one.
static void replace(struct nodes *nodes, const char *name, const char *by, uint64_t now_s) {
	node_end(nodes_find(nodes, name));
	enrol(nodes, by, 1, now_s);
	assert_null(nodes_find(nodes, name));
}

static void who_made_room_and_returns_counts_once(void **state) {
	struct nodes *nodes = *state;
	report(enrol(nodes, "a", 1, 100), 1, 10, 101);
	report(enrol(nodes, "a", 2, 102), 1, 7, 103);
	enrol(nodes, "b", 1, 103);
	replace(nodes, "a", "c", 104);
	assert_int_equal(nodes->departed.v[TOTALS_PACKETS], 17);
	node_end(nodes_find(nodes, "c"));
	struct node *node = enrol(nodes, "a", 2, 105);
	assert_int_equal(packets(node), 17);
	assert_int_equal(nodes->departed.v[TOTALS_PACKETS], 0);
	report(node, 2, 9, 106);
	assert_int_equal(packets(node), 19);
	replace(nodes, "a", "c", 107);
	node_end(nodes_find(nodes, "c"));
	node = enrol(nodes, "a", 3, 108); // another process: the one before is the past
	assert_int_equal(packets(node), 0);
	assert_true(node_is_past(node, 2));
	assert_int_equal(nodes->departed.v[TOTALS_PACKETS], 19);
}

// A start that had a controller; whether it may register.
static bool is_welcome(const struct nodes *nodes, const char *name, uint64_t incarnation, uint64_t epoch) {
	Weir__Register message = WEIR__REGISTER__INIT;
	message.node = (char *)name;
	message.incarnation = incarnation;
	message.epoch = epoch;
	return !departed_is_forgotten(nodes, &message);
}

static void who_returns_when_its_books_are_gone_is_refused(void **state) {
	struct nodes *nodes = *state;
	char name[NODE_NAME_SIZE];
	report(enrol(nodes, "a", 50, 100), 1, 10, 101);
	enrol(nodes, "b", 60, 200 + NODES_DEPARTED_MAX);
	for (uint64_t i = 0; i <= NODES_DEPARTED_MAX; i++) {
		assert_true(is_welcome(nodes, "a", 50, 1));
		node_end(nodes_find(nodes, i == 0 ? "a" : name));
		snprintf(name, sizeof(name), "other-%d", (int)i);
		enrol(nodes, name, 100 + i, 102 + i);
	}
	assert_null(nodes_find(nodes, "a"));
	assert_int_equal(nodes->departed.v[TOTALS_PACKETS], 10);
	assert_false(is_welcome(nodes, "a", 50, 1));
	assert_true(is_welcome(nodes, "a", 50, 0)); // no controller ever took a summary of it
	assert_true(is_welcome(nodes, "a", 51, 1)); // another process
	assert_true(is_welcome(nodes, "b", 60, 1)); // is here
	assert_true(is_welcome(nodes, "other-0", 100, 1));
}

static void intervals_are_bounded_and_their_sums_whole(void **state) {
	struct node_intervals intervals = {0};
	for (uint64_t i = 1; i <= 100; i++)
		node_intervals_add(&intervals, 10 * i, 10 * i + 3, 1);
	node_intervals_add(&intervals, 50, 40, 0); // clocks may step
	assert_int_equal(intervals.count, 101);
	assert_int_equal(intervals.duration_ns, 300);
	assert_int_equal(intervals.last[99 % NODE_INTERVALS_MAX].from_ns, 1000);
}

static void names(void **state) {
	char longest[NODE_NAME_SIZE + 1];
	memset(longest, 'x', sizeof(longest));
	longest[NODE_NAME_SIZE] = '\0';
	assert_false(node_name_is_valid(longest));
	assert_true(node_name_is_valid(longest + 1));
	assert_true(node_name_is_valid("edge-1.rack_7"));
	assert_false(node_name_is_valid(""));
	assert_false(node_name_is_valid("a/b"));
	assert_false(node_name_is_valid("a\n"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(incarnations_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_starts_where_the_last_report_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(a_captures_time_says_nothing_about_the_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(silence_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(same_process_back_or_goodbye_leaves_nothing_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(full_registry_gives_up_who_has_been_away_longest, setup, teardown),
		cmocka_unit_test_setup_teardown(who_made_room_and_returns_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(who_returns_when_its_books_are_gone_is_refused, setup, teardown),
		cmocka_unit_test(intervals_are_bounded_and_their_sums_whole),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
