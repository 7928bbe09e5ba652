// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// End-to-end latency: tuples count where they end, with calls and with rings, from when their source says they were
// due; what is flushed at the end does not count; a reader gets what came since it read last.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/small_node.h"

#define DUE_NS (UINT64_C(1) << 33) // where a bucket begins

enum { TUPLES = 100, EACH_POLL = 10 };

static const struct operator_output packet_output[] = {{.name = "out", .schema = &packet_schema}, {0}};
static struct numbered {
	struct rte_mbuf tuple;
	struct packet_meta fields;
} numbered[TUPLES + 1];
static unsigned emitted;

static void add(struct batch *batch, unsigned number) {
	struct numbered *one = &numbered[number];
	*one = (struct numbered){.tuple = {.priv_size = sizeof(one->fields), .buf_addr = &one[1]}};
	batch_add_packet(batch, &one->tuple, tuple_stored_packet(&one->tuple));
}

static unsigned poll_late(struct instance *self, unsigned room) {
	struct batch batch = {.count = 0};
	while (batch.count < RTE_MIN(room, EACH_POLL) && emitted < TUPLES)
		add(&batch, emitted++);
	self->finished = emitted == TUPLES;
	unsigned count = batch.count;
	instance_was_due(self, DUE_NS);
	instance_take_in(self, 0, &batch, 0);
	return count;
}

static void pass_on(struct instance *self, struct batch *batch) {
	instance_forward(self, 0, batch);
}

static void take_all(struct instance *self, struct batch *batch) {
	self->counters.absorbed += batch->count;
	batch->count = 0;
}

static bool flush_one(struct instance *self, enum end_of_stream why, unsigned room) {
	struct batch batch = {.count = 0};
	add(&batch, TUPLES);
	instance_emit(self, 0, batch.tuples[0]);
	return false;
}

static struct operator_type late = {.name = "late", .outputs = packet_output, .poll = poll_late, .parallelism = 1};
static struct operator_type pass = {.name = "pass", .outputs = packet_output, .process = pass_on, .parallelism = 1};
static struct operator_type sum = {
	.name = "sum", .outputs = packet_output, .process = take_all, .flush = flush_one, .parallelism = 1};
static struct operator_type last = {.name = "last", .process = take_all, .parallelism = 1};
OPERATOR_REGISTER(late);
OPERATOR_REGISTER(pass);
OPERATOR_REGISTER(sum);
OPERATOR_REGISTER(last);

static void *run(void *worker) {
	worker_run(worker);
	return NULL;
}

static void assert_tuples_count_where_they_end(const char *text) {
	struct node node;
	struct node_config config;
	struct histogram times;
	pthread_t thread;
	emitted = 0;
	small_node_init(&node, &config, text, 1);
	assert_int_equal(schedule_build(&node, node.plan), 0);
	node.done_fd = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(pthread_create(&thread, NULL, run, &node.workers[0]), 0);
	pthread_join(thread, NULL);

	latency_take(node.instances[1]->latency, &times); // passes all on
	assert_int_equal(histogram_count(&times), 0);
	latency_take(node.instances[2]->latency, &times); // adds up
	assert_int_equal(histogram_count(&times), TUPLES);
	for (unsigned i = 0; i < histogram_bucket(DUE_NS); i++)
		assert_int_equal(times.counts[i], 0);
	assert_int_equal(node.instances[3]->counters.in, 1); // the sum, at the end
	latency_take(node.instances[3]->latency, &times);
	assert_int_equal(histogram_count(&times), 0);
	latency_take(node.instances[4]->latency, &times); // the tuples themselves, by another stream
	assert_int_equal(histogram_count(&times), TUPLES);
	assert_true(histogram_quantile(&times, 0) >= DUE_NS);
	close(node.done_fd);
	small_node_fini(&node, &config);
}

#define OPERATORS                                                                                                      \
	"pipeline: p\n"                                                                                                \
	"operators: [{name: source, type: late}, {name: pass, type: pass}, {name: sum, type: sum}, "                   \
	"{name: total, type: last}, {name: each, type: last}]\n"                                                       \
	"streams: [{from: source, to: pass}, {from: pass, to: sum}, {from: sum, to: total}, {from: pass, to: each}]\n"

static void test_calls(void **state) {
	assert_tuples_count_where_they_end(OPERATORS);
}

static void test_rings(void **state) {
	assert_tuples_count_where_they_end(OPERATORS "channels: ring\n");
}

static void test_reader_gets_what_is_new(void **state) {
	struct latency latency = {.counts = {[7] = 3, [9] = 1}};
	struct histogram times;
	latency_take(&latency, &times);
	assert_int_equal(times.counts[7], 3);
	assert_int_equal(times.counts[9], 1);
	latency.counts[9] += 5;
	latency_take(&latency, &times);
	assert_int_equal(times.counts[7], 0);
	assert_int_equal(times.counts[9], 5);
	latency_take(&latency, &times);
	assert_int_equal(histogram_count(&times), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_reader_gets_what_is_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
