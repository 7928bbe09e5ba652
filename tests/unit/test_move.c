// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Key groups that move thousands of times under load: each tuple arrives once, in order per source and key, at the
// instance that owns its group, and time never overtakes it. A sink that takes little at a time keeps the rings full.
// And what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/numbered_flow.h"

enum { MOVES = 1500 };

static void move_again_and_again(unsigned workers) {
	struct running *running = small_zeros(1, sizeof(*running));
	char value[32], text[256];
	unsigned moved = 0;
	start(running, PIPELINE("keyed"), workers);
	unsigned instances = running->node.plan->operators[1].instance_count;
	srand(workers);
	wait_for_tuples(1000);
	time_t limit = time(NULL) + 4; // where others want the CPUs
	for (unsigned i = 0; i < MOVES && time(NULL) < limit; i++) {
		unsigned first = (unsigned)rand() % KEY_GROUPS, length = (unsigned)rand() % 200;
		unsigned last = first + length < KEY_GROUPS ? first + length : KEY_GROUPS - 1;
		snprintf(value, sizeof(value), "%u-%u %u", first, last, (unsigned)rand() % instances);
		int ret = node_move(&running->node, i % 2 ? "stats" : "p/stats", value, text, sizeof(text));
		assert_true(ret == 0 || ret == -EBUSY);
		moved += ret == 0;
		while (!node_move_settle(&running->node))
			sched_yield();
		if (i % 50 == 0)
			wait_for_tuples(200);
	}
	assert_true(running->node.plan->version > 1);
	uint64_t held = running->node.moves.held;
	uint64_t sent = stop(running);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(atomic_load(&received), sent);
	assert_true(moved > 0);
	assert_true(held > 0);
	free(running);
}

static void test_two_workers(void **state) {
	move_again_and_again(2);
}

static void test_three_workers(void **state) {
	move_again_and_again(3);
}

// Moves go on while the input ends: whatever becomes of each, nothing is lost.
static void test_the_end_during_moves(void **state) {
	char text[256];
	for (unsigned round = 0; round < 20; round++) {
		struct running *running = small_zeros(1, sizeof(*running));
		start(running, PIPELINE("keyed"), 2);
		wait_for_tuples(100);
		for (unsigned i = 0; i < 10 && round % 2; i++)
			node_move(&running->node, "stats", i % 2 ? "0-1023 1" : "0-1023 0", text, sizeof(text));
		node_stop(&running->node);
		for (unsigned i = 0; i < 10; i++)
			node_move(&running->node, "stats", i % 2 ? "100-900 0" : "100-900 1", text, sizeof(text));
		uint64_t sent = stop(running);
		assert_int_equal(atomic_load(&wrong), 0);
		assert_int_equal(atomic_load(&received), sent);
		free(running);
	}
}

static void assert_refused(struct running *running, const char *target, const char *value, const char *message) {
	char text[256];
	assert_int_equal(node_move(&running->node, target, value, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, message);
}

static void test_what_is_refused(void **state) {
	struct running *running = small_zeros(1, sizeof(*running));
	start(running, PIPELINE("keyed"), 2);
	assert_refused(running, "stats", "7", "expected GROUP[-GROUP][,...] INSTANCE");
	assert_refused(running, "stats", "7 1 x", "expected GROUP[-GROUP][,...] INSTANCE");
	assert_refused(running, "stats", "1000-1024 1", "groups 1000-1024: expected 0..1023, the lower one first");
	assert_refused(running, "stats", "9-7 1", "groups 9-7: expected 0..1023, the lower one first");
	assert_refused(running, "stats", "7,,8 1", "expected GROUP[-GROUP][,...] INSTANCE");
	assert_refused(running, "stats", "7-8,", "expected GROUP[-GROUP][,...] INSTANCE");
	assert_refused(running, "stats", "7-8,1024 1", "groups 1024-1024: expected 0..1023, the lower one first");
	assert_refused(running, "stats", "7 2", "instance 2: stats has instances 0..1");
	assert_refused(running, "sink", "7 0", "sink: no stream with grouping key leads to it: it owns no key groups");
	assert_refused(running, "nobody", "7 0", "\"nobody\": no such operator here; expected source, stats, sink");
	assert_refused(running, "q/stats", "7 0", "\"stats\": no such operator here; expected source, stats, sink");
	char text[256];
	assert_int_equal(node_move(&running->node, "stats", "0 0", text, sizeof(text)), 0);
	assert_string_equal(text, "stats: instance 0 owned them already");
	stop(running);
	start(running, PIPELINE("fixed"), 2);
	assert_refused(running, "stats", "7 1", "stats: type fixed keeps state per key that can't be moved");
	stop(running);
	free(running);
}

static void test_owners_are_shown(void **state) {
	struct running *running = small_zeros(1, sizeof(*running));
	char text[256], *lines = NULL;
	size_t size;
	start(running, PIPELINE("keyed"), 2);
	assert_int_equal(node_move(&running->node, "stats", "10-11,14 1", text, sizeof(text)), 0);
	FILE *out = open_memstream(&lines, &size);
	node_move_print_owners(&running->node, out);
	fclose(out);
	assert_string_equal(lines, "p/stats 0-9 instance 0 worker 0\n"
				   "p/stats 10-11 instance 1 worker 1\n"
				   "p/stats 12-13 instance 0 worker 0\n"
				   "p/stats 14-14 instance 1 worker 1\n"
				   "p/stats 15-511 instance 0 worker 0\n"
				   "p/stats 512-1023 instance 1 worker 1\n");
	assert_int_equal(running->node.moves.moves, 1);
	assert_int_equal(running->node.moves.groups, 3);
	assert_int_equal(histogram_count(&running->node.moves.pauses), 1);
	free(lines);
	stop(running);
	free(running);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_three_workers),
		cmocka_unit_test(test_the_end_during_moves),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_owners_are_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
