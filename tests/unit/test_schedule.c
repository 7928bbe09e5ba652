// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schedules: who gets copies where tuples fan out, and how much room one tuple may need.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/small_node.h"

static const struct schema *const packets[] = {&packet_schema, NULL};
static const struct operator_output packet_output[] = {{.name = "out", .schema = &packet_schema}, {0}};

static unsigned poll_nothing(struct instance *self, unsigned room) {
	return 0;
}

static void process_nothing(struct instance *self, struct batch *batch) {
}

static struct operator_type feed = {.name = "feed", .outputs = packet_output, .poll = poll_nothing, .parallelism = 1};
static struct operator_type pass = {
	.name = "pass", .accepts = packets, .outputs = packet_output, .process = process_nothing};
static struct operator_type change = {.name = "change",
	.accepts = packets,
	.outputs = packet_output,
	.process = process_nothing,
	.modifies_tuples = true};
static struct operator_type end = {
	.name = "end", .accepts = packets, .process = process_nothing, .grouping = GROUPING_GLOBAL};
OPERATOR_REGISTER(feed);
OPERATOR_REGISTER(pass);
OPERATOR_REGISTER(change);
OPERATOR_REGISTER(end);

struct scheduled {
	struct node node;
	struct node_config config;
	int rc;
};

static void schedule_text(struct scheduled *scheduled, const char *text, unsigned workers) {
	small_node_init(&scheduled->node, &scheduled->config, text, workers);
	scheduled->rc = schedule_build(&scheduled->node, scheduled->node.plan);
}

static void scheduled_free(struct scheduled *scheduled) {
	small_node_fini(&scheduled->node, &scheduled->config);
}

// The route from an operator's first instance to the operator of that name.
static const struct route *route_to(const struct scheduled *scheduled, const char *from, const char *to) {
	const struct node *node = &scheduled->node;
	for (unsigned i = 0; i < node->plan->instance_count; i++) {
		const struct schedule_entry *entry = node->instances[i]->schedule;
		for (unsigned r = 0; strcmp(node->instances[i]->op->name, from) == 0 && r < entry->route_counts[0]; r++)
			if (strcmp(entry->routes[0][r].targets[0].callee->op->name, to) == 0)
				return &entry->routes[0][r];
	}
	fail_msg("no route from %s to %s", from, to);
	return NULL;
}

static void test_readers_alone_share(void **state) {
	struct scheduled scheduled;
	schedule_text(&scheduled,
		"pipeline: p\n"
		"operators: [{name: source, type: feed}, {name: a, type: end}, {name: b, type: end}]\n"
		"streams: [{from: source, to: a}, {from: source, to: b}]\n",
		1);
	assert_false(route_to(&scheduled, "source", "a")->copy);
	assert_false(route_to(&scheduled, "source", "b")->copy);
	scheduled_free(&scheduled);
}

// The last stream gets the tuples themselves: where it is the one that writes to them, the readers need copies.
static void test_reader_is_safe_from_a_later_writer(void **state) {
	struct scheduled scheduled;
	schedule_text(&scheduled,
		"pipeline: p\n"
		"operators: [{name: source, type: feed}, {name: a, type: end}, {name: b, type: change}]\n"
		"streams: [{from: source, to: a}, {from: source, to: b}]\n",
		1);
	assert_true(route_to(&scheduled, "source", "a")->copy);
	assert_false(route_to(&scheduled, "source", "b")->copy);
	scheduled_free(&scheduled);
}

// A writer two steps on, or a key that is hashed there, counts as well.
static void test_writer_further_on(void **state) {
	static const char *const beyond[] = {
		"{from: b, to: c}", "{from: b, to: d, grouping: key, key: [src_ip]}, {from: source, to: c}"};
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		struct scheduled scheduled;
		char text[400];
		snprintf(text, sizeof(text),
			"pipeline: p\n"
			"operators: [{name: source, type: feed}, {name: a, type: end}, {name: b, type: pass}, {name: "
			"c, "
			"type: change}%s]\n"
			"streams: [{from: source, to: b}, {from: source, to: a}, %s]\n",
			i == 0 ? "" : ", {name: d, type: end}", beyond[i]);
		schedule_text(&scheduled, text, 1);
		assert_true(route_to(&scheduled, "source", "b")->copy);
		scheduled_free(&scheduled);
	}
}

static void test_writers_of_all_get_their_own(void **state) {
	struct scheduled scheduled;
	schedule_text(&scheduled,
		"pipeline: p\n"
		"operators: [{name: source, type: feed}, {name: a, type: change, parallelism: 2}]\n"
		"streams: [{from: source, to: a, grouping: all}]\n",
		1);
	assert_true(route_to(&scheduled, "source", "a")->writes);
	scheduled_free(&scheduled);
}

// 65 instances on one worker, joined again there, before a ring of 64 entries.
static void schedule_wide(struct scheduled *scheduled, const char *grouping) {
	char text[500];
	snprintf(text, sizeof(text),
		"pipeline: p\n"
		"ring_size: 64\n"
		"operators: [{name: source, type: feed}, {name: wide, type: pass, parallelism: 65, workers: [0]}, "
		"{name: join, type: pass, parallelism: 1}, {name: sink, type: end, workers: [1]}]\n"
		"streams: [{from: source, to: wide, grouping: %s}, {from: wide, to: join, grouping: global}, "
		"{from: join, to: sink}]\n",
		grouping);
	schedule_text(scheduled, text, 2);
}

static void test_room_for_one_of_many(void **state) {
	struct scheduled scheduled;
	schedule_wide(&scheduled, "shuffle");
	assert_int_equal(scheduled.rc, 0);
	assert_int_equal(schedule_room(scheduled.node.instances[0]->schedule), 64);
	scheduled_free(&scheduled);
}

// A tuple that never fits would be waited for without end.
static void test_refuses_a_ring_too_small(void **state) {
	struct scheduled scheduled;
	schedule_wide(&scheduled, "all");
	assert_int_equal(scheduled.rc, -EINVAL);
	scheduled_free(&scheduled);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_alone_share),
		cmocka_unit_test(test_reader_is_safe_from_a_later_writer),
		cmocka_unit_test(test_writer_further_on),
		cmocka_unit_test(test_writers_of_all_get_their_own),
		cmocka_unit_test(test_room_for_one_of_many),
		cmocka_unit_test(test_refuses_a_ring_too_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
