// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Workers: figures that one copies late do not change under whoever reads them, and a sink that waits lets one sleep.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/small_node.h"

static const struct operator_output packet_output[] = {{.name = "out", .schema = &packet_schema}, {0}};

static _Atomic bool hold, is_held;
static _Atomic unsigned polls;

// A source that counts its polls as tuples, and can be held inside one.
static unsigned poll_until_stopped(struct instance *self, unsigned room) {
	self->counters.in++;
	self->finished = self->stopping;
	atomic_fetch_add(&polls, 1);
	while (atomic_load(&hold)) {
		atomic_store(&is_held, true);
		sched_yield();
	}
	return 1;
}

static struct operator_type feed = {
	.name = "feed", .outputs = packet_output, .poll = poll_until_stopped, .parallelism = 1};
OPERATOR_REGISTER(feed);

static const char text[] = "pipeline: p\n"
			   "operators: [{name: source, type: feed}]\n";

static void *run(void *worker) {
	worker_run(worker);
	return NULL;
}

static void wait_for_polls(unsigned more) {
	unsigned until = atomic_load(&polls) + more;
	while (atomic_load(&polls) < until)
		sched_yield();
}

static void test_late_figures_wait_for_the_reader(void **state) {
	struct node node;
	struct node_config config;
	pthread_t thread;
	small_node_init(&node, &config, text, 1);
	assert_int_equal(schedule_build(&node, node.plan), 0);
	node.done_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&thread, NULL, run, &node.workers[0]), 0);
	wait_for_polls(3);

	node_snapshot_begin(&node);
	uint64_t in = node.snapshots[0].counters.in;
	node_snapshot_end(&node);
	assert_true(in >= 1);

	atomic_store(&hold, true);
	while (!atomic_load(&is_held))
		sched_yield();
	node_snapshot_begin(&node); // gives up on the worker, which sits in its poll
	uint64_t kept = node.snapshots[0].counters.in;
	atomic_store(&hold, false);
	wait_for_polls(5);
	assert_int_equal(node.snapshots[0].counters.in, kept);
	node_snapshot_end(&node);

	node_stop(&node);
	pthread_join(thread, NULL);
	assert_true(node.snapshots[0].finished);
	assert_int_equal(node.snapshots[0].counters.in, atomic_load(&polls));
	close(node.done_fd);
	small_node_fini(&node, &config);
}

static unsigned poll_the_end(struct instance *self, unsigned room) {
	self->finished = true;
	return 0;
}

static void process_nothing(struct instance *self, struct batch *batch) {
	fail_msg("nothing comes");
}

// A sink whose receiver has yet to take what it was given.
static _Atomic bool is_taken;
static bool flush_until_taken(struct instance *self, enum end_of_stream why, unsigned room) {
	self->counters.held = !atomic_load(&is_taken);
	return self->counters.held > 0;
}

static struct operator_type nothing = {
	.name = "nothing", .outputs = packet_output, .poll = poll_the_end, .parallelism = 1};
static struct operator_type far_away = {
	.name = "far_away", .process = process_nothing, .flush = flush_until_taken, .parallelism = 1};
OPERATOR_REGISTER(nothing);
OPERATOR_REGISTER(far_away);

static void test_worker_sleeps_while_a_sink_waits(void **state) {
	static const char line[] = "pipeline: p\n"
				   "operators: [{name: source, type: nothing}, {name: sink, type: far_away}]\n";
	struct node node;
	struct node_config config;
	pthread_t thread;
	time_t limit = time(NULL) + 20;
	small_node_init(&node, &config, line, 1);
	assert_int_equal(schedule_build(&node, node.plan), 0);
	node.done_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&thread, NULL, run, &node.workers[0]), 0);
	bool slept = false;
	while (!slept && time(NULL) < limit) {
		slept = atomic_load(&node.workers[0].idle.sleeping);
		sched_yield();
	}
	atomic_store(&is_taken, true);
	pthread_join(thread, NULL);
	assert_true(slept);
	close(node.done_fd);
	small_node_fini(&node, &config);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late_figures_wait_for_the_reader),
		cmocka_unit_test(test_worker_sleeps_while_a_sink_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
