// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Plans: placement, channels, ownership of key groups, what is refused; and their replacement while workers read them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/node.h"
#include "dataplane/packet.h"
#include "dataplane/plan.h"
#include "dataplane/rcu.h"

static const char *const five_tuple[] = {"src_ip", "dst_ip", "src_port", "dst_port", "protocol", NULL};
static const struct schema *const packets[] = {&packet_schema, NULL};
static const struct operator_output packet_output[] = {
	{.name = "out", .schema = &packet_schema, .hashed_by = five_tuple, .hashed_symmetric = true}, {0}};

static unsigned poll_nothing(struct instance *self, unsigned room) {
	return 0;
}

static void process_nothing(struct instance *self, struct batch *batch) {
}

static struct operator_type feed = {.name = "feed", .outputs = packet_output, .poll = poll_nothing, .parallelism = 1};
static struct operator_type step = {
	.name = "step", .accepts = packets, .outputs = packet_output, .process = process_nothing};
static struct operator_type keyed = {.name = "keyed",
	.accepts = packets,
	.outputs = packet_output,
	.process = process_nothing,
	.grouping = GROUPING_KEY,
	.key = five_tuple,
	.key_symmetric = true};
static struct operator_type end = {
	.name = "end", .accepts = packets, .process = process_nothing, .grouping = GROUPING_GLOBAL};
OPERATOR_REGISTER(feed);
OPERATOR_REGISTER(step);
OPERATOR_REGISTER(keyed);
OPERATOR_REGISTER(end);

static const char line[] = "pipeline: p\n"
			   "operators:\n"
			   "  - {name: source, type: feed}\n"
			   "  - {name: flow_id, type: step}\n"
			   "  - {name: stats, type: keyed}\n"
			   "  - {name: sink, type: end}\n";

struct planned {
	struct node_config config;
	struct plan *plan;
	struct config_error error;
	int rc;
};

static struct planned plan_text(const char *text, unsigned workers, const char *setting) {
	struct planned planned = {.plan = NULL};
	const char *settings[] = {setting};
	assert_int_equal(node_config_parse("test.yaml", text, strlen(text), settings, setting != NULL, &planned.config,
				 &planned.error),
		0);
	planned.rc = plan_new(&planned.plan, &planned.config, workers, &planned.error);
	return planned;
}

static void planned_free(struct planned *planned) {
	plan_free(planned->plan);
	node_config_free(&planned->config);
}

static unsigned count_rings(const struct plan *plan) {
	unsigned rings = 0;
	for (unsigned i = 0; i < plan->channel_count; i++)
		rings += plan->channels[i].ring;
	return rings;
}

static void test_one_worker_chains_all(void **state) {
	struct planned planned = plan_text(line, 1, NULL);
	assert_int_equal(planned.rc, 0);
	assert_int_equal(planned.plan->instance_count, 4);
	assert_int_equal(planned.plan->channel_count, 3);
	assert_int_equal(count_rings(planned.plan), 0);
	planned_free(&planned);
}

static void test_rings_on_request(void **state) {
	struct planned planned = plan_text(line, 1, "channels=ring");
	assert_int_equal(planned.rc, 0);
	assert_int_equal(count_rings(planned.plan), 3);
	planned_free(&planned);
}

// Two workers: one source, so one flow_id (forward), two of the keyed, one sink; rings only where workers differ.
static void test_two_workers(void **state) {
	struct planned planned = plan_text(line, 2, "placement=chained");
	assert_int_equal(planned.rc, 0);
	assert_int_equal(planned.plan->instance_count, 5);
	assert_int_equal(planned.plan->channel_count, 1 + 2 + 2);
	assert_int_equal(count_rings(planned.plan), 2);
	for (unsigned i = 0; i < planned.plan->channel_count; i++) {
		const struct plan_channel *channel = &planned.plan->channels[i];
		bool apart =
			planned.plan->instances[channel->from].worker != planned.plan->instances[channel->to].worker;
		assert_int_equal(channel->ring, apart);
	}
	const struct plan_operator *stats = &planned.plan->operators[2];
	unsigned owned[2] = {0, 0};
	for (unsigned group = 0; group < PLAN_KEY_GROUPS; group++)
		owned[stats->owners[group]]++;
	assert_int_equal(owned[0], PLAN_KEY_GROUPS / 2);
	assert_int_equal(owned[1], PLAN_KEY_GROUPS / 2);
	planned_free(&planned);
}

static void test_workers_asked_for(void **state) {
	struct planned planned = plan_text(line, 3, "stats.workers=2");
	assert_int_equal(planned.rc, 0);
	assert_int_equal(planned.plan->operators[2].instance_count, 1);
	assert_int_equal(planned.plan->instances[2].worker, 2);
	planned_free(&planned);
}

static unsigned worker_of(const struct plan *plan, unsigned op, unsigned index) {
	return plan->instances[plan->operators[op].first_instance + index].worker;
}

// One source on four workers: it has one for itself (and for what forward joins to it), the keyed have the others.
static void test_source_apart(void **state) {
	struct planned planned = plan_text(line, 4, NULL);
	assert_int_equal(planned.rc, 0);
	assert_int_equal(planned.plan->operators[2].instance_count, 3);
	assert_int_equal(worker_of(planned.plan, 0, 0), 0);
	assert_int_equal(worker_of(planned.plan, 1, 0), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(worker_of(planned.plan, 2, i), 1 + i);
	assert_int_equal(worker_of(planned.plan, 3, 0), 1);
	assert_int_equal(count_rings(planned.plan), 3 + 2);
	planned_free(&planned);
}

// A source on every worker leaves none to the others alone; with a pipeline asked for, it gets as many as are given.
static void test_sources_everywhere(void **state) {
	static const char text[] = "pipeline: p\n"
				   "operators:\n"
				   "  - {name: source, type: feed, parallelism: 4}\n"
				   "  - {name: flow_id, type: step}\n"
				   "  - {name: stats, type: keyed}\n"
				   "streams:\n"
				   "  - {from: source, to: flow_id, grouping: forward}\n"
				   "  - {from: flow_id, to: stats, grouping: key}\n";
	struct planned chained = plan_text(text, 4, NULL);
	assert_int_equal(chained.rc, 0);
	assert_int_equal(chained.plan->operators[2].instance_count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(worker_of(chained.plan, 0, i), i);
	assert_int_equal(count_rings(chained.plan), 4 * 3);
	planned_free(&chained);
	struct planned pipeline = plan_text(text, 5, "source_workers=2");
	assert_int_equal(pipeline.rc, 0);
	assert_int_equal(pipeline.plan->operators[2].instance_count, 3);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(worker_of(pipeline.plan, 1, i), i % 2);
	assert_int_equal(worker_of(pipeline.plan, 2, 0), 2);
	planned_free(&pipeline);
}

static void assert_refused(const char *text, unsigned workers, const char *setting, const char *message) {
	struct planned planned = plan_text(text, workers, setting);
	assert_int_equal(planned.rc, -EINVAL);
	assert_string_equal(planned.error.text, message);
	planned_free(&planned);
}

static void test_refuses_missing_workers(void **state) {
	assert_refused(line, 2, "stats.workers=1,5", "test.yaml:5: stats.workers: 5: this node has 2 workers, 0..1");
}

static void test_refuses_too_many_source_workers(void **state) {
	assert_refused(line, 2, "source_workers=2",
		"test.yaml:1: source_workers: 2: this node has 2 workers: expected 1..1, or placement chained");
}

static void test_refuses_torn_state(void **state) {
	static const char shuffled[] = "pipeline: p\n"
				       "operators:\n"
				       "  - {name: source, type: feed}\n"
				       "  - {name: stats, type: keyed}\n"
				       "streams:\n"
				       "  - {from: source, to: stats, grouping: shuffle}\n";
	assert_refused(shuffled, 3, NULL,
		"test.yaml:6: source -> stats: grouping shuffle: keyed keeps state per key in 2 instances; "
		"use grouping key, or parallelism 1");
	struct planned planned = plan_text(shuffled, 2, "stats.parallelism=1");
	assert_int_equal(planned.rc, 0);
	planned_free(&planned);
}

static void test_refuses_another_key(void **state) {
	static const char text[] = "pipeline: p\n"
				   "operators:\n"
				   "  - {name: source, type: feed}\n"
				   "  - {name: stats, type: keyed}\n"
				   "streams:\n"
				   "  - {from: source, to: stats, grouping: key, key: [src_ip]}\n";
	assert_refused(text, 1, NULL,
		"test.yaml:6: source -> stats: keyed keeps its state by key [src_ip, dst_ip, src_port, dst_port, "
		"protocol], symmetric: true; no other key");
}

// Readers that follow the published plan while it is replaced again and again; a plan is overwritten once it is let
// go, so that a reader that still holds it sees nonsense (and the sanitizers see the use).
enum { READERS = 3, REPLACEMENTS = 300 };

struct reading {
	struct node *node;
	_Atomic bool stop;
	_Atomic unsigned started, wrong;
	_Atomic unsigned long loops;
};

static void *read_plans(void *argument) {
	struct reading *reading = argument;
	unsigned last = 0;
	rcu_register_thread();
	atomic_fetch_add(&reading->started, 1);
	do {
		const struct plan *plan = rcu_read(&reading->node->published);
		if (plan->worker_count != plan->version * 3 || plan->version < last)
			atomic_fetch_add(&reading->wrong, 1);
		last = plan->version;
		rcu_pass_quiescent_state(&reading->node->published);
		atomic_fetch_add_explicit(&reading->loops, 1, memory_order_relaxed);
		sched_yield();
	} while (!atomic_load(&reading->stop));
	rcu_unregister_thread();
	return NULL;
}

static struct plan *make_plan(unsigned version) {
	struct plan *plan = calloc(1, sizeof(*plan));
	assert_non_null(plan);
	plan->version = version;
	plan->worker_count = version * 3;
	return plan;
}

static void test_replaced_under_readers(void **state) {
	struct node *node = aligned_alloc(64, (sizeof(*node) + 63) / 64 * 64);
	assert_non_null(node);
	memset(node, 0, sizeof(*node));
	node->published = make_plan(1);
	struct reading reading = {.node = node};
	pthread_t readers[READERS];
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_plans, &reading), 0);
	while (atomic_load(&reading.started) < READERS) // else all may be over before a reader runs
		sched_yield();
	for (unsigned version = 2; version < REPLACEMENTS; version++) {
		struct plan *old = node_publish_plan(node, make_plan(version));
		assert_int_equal(old->version, version - 1);
		memset(old, 0xff, sizeof(*old));
		free(old);
	}
	atomic_store(&reading.stop, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&reading.wrong), 0);
	assert_true(atomic_load(&reading.loops) >= READERS);
	free(node->published);
	free(node);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_worker_chains_all),
		cmocka_unit_test(test_rings_on_request),
		cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_source_apart),
		cmocka_unit_test(test_sources_everywhere),
		cmocka_unit_test(test_workers_asked_for),
		cmocka_unit_test(test_refuses_missing_workers),
		cmocka_unit_test(test_refuses_too_many_source_workers),
		cmocka_unit_test(test_refuses_torn_state),
		cmocka_unit_test(test_refuses_another_key),
		cmocka_unit_test(test_replaced_under_readers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
