// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The queue between a sink and its sender: what happens when the receiver is slow, absent, or comes back, and that
// every record is accounted for in the end. The engine is played by the functions here.
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "dataplane/control_thread.h"
#include "dataplane/export_queue.h"

enum { QUEUE = 128, LIMIT_S = 20 };

struct body {
	uint64_t number;
};
static const struct field fields[] = {{.name = "number", .type = FIELD_U64}, {0}};
static const struct schema schema = {
	.name = "number", .body = SCHEMA_RECORD, .size = sizeof(struct body), .fields = fields};

static uint64_t monotonic_ns;
static bool is_stopping, has_live_source;
static unsigned warnings, failures;

uint64_t clock_monotonic_ns(void) {
	return monotonic_ns;
}

bool instance_is_stopping(const struct instance *self) {
	return is_stopping;
}

bool operator_has_live_source(const struct operator *op) {
	return has_live_source;
}

void operator_error(const struct operator *op, const char *format, ...) {
	fail_msg("%s", format);
}

void operator_warn(const struct operator *op, const char *format, ...) {
	warnings++;
}

void instance_fail(struct instance *self, const char *format, ...) {
	failures++;
}

void instance_drop(struct instance *self, unsigned reason, struct rte_mbuf *tuple) {
	self->counters.drops[reason]++;
}

int control_thread_new(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
	return -pthread_create(thread, NULL, run, argument);
}

// A receiver that takes `allowed` records in all, and every `bad`th badly.
struct receiver {
	struct export_queue *queue;
	_Atomic uint64_t allowed;
	_Atomic uint64_t got;
	unsigned bad;
	bool disordered;
};

static unsigned receive(void *context, const void *records, unsigned count) {
	struct receiver *receiver = context;
	const struct body *bodies = records;
	uint64_t got = atomic_load(&receiver->got), room = atomic_load(&receiver->allowed) - got;
	unsigned taken = count < room ? count : (unsigned)room;
	for (unsigned i = 0; i < taken; i++) {
		receiver->disordered |= bodies[i].number != got + i;
		if (receiver->bad > 0 && (got + i) % receiver->bad == 0)
			export_queue_failed(receiver->queue, 1);
		else
			export_queue_sent(receiver->queue, 1);
	}
	atomic_store(&receiver->got, got + taken);
	return taken;
}

static const struct export_sender sender = {.name = "test", .send = receive};

struct sink {
	struct operator op;
	struct instance self;
	struct receiver receiver;
	uint64_t next;
};

static void open_sink(struct sink *sink, enum export_when_full when_full, uint64_t allowed) {
	const struct export_options options = {
		.queue_size = QUEUE, .when_full = when_full, .drain_timeout_ns = 5 * UINT64_C(1000000000)};
	*sink = (struct sink){.op = {.name = "sink", .input = &schema}, .receiver = {.allowed = allowed}};
	sink->self.op = &sink->op;
	sink->self.state = &sink->receiver.queue;
	is_stopping = has_live_source = false;
	warnings = failures = 0;
	monotonic_ns = 1000;
	assert_int_equal(export_queue_new(&sink->receiver.queue, &sink->self, &options, &sender, &sink->receiver), 0);
}

static void hand_over(struct sink *sink, unsigned count) {
	struct body bodies[BATCH_MAX];
	struct rte_mbuf tuples[BATCH_MAX];
	struct batch batch = {.count = count};
	for (unsigned i = 0; i < count; i++) {
		bodies[i].number = sink->next++;
		tuples[i] = (struct rte_mbuf){.buf_addr = &bodies[i], .refcnt = 2, .nb_segs = 1};
		batch.tuples[i] = &tuples[i];
	}
	export_queue_process(&sink->self, &batch);
	assert_int_equal(batch.count, 0);
}

static void assert_account(const struct sink *sink, uint64_t in) {
	const struct counters *counters = &sink->self.counters;
	uint64_t drops = 0;
	for (unsigned i = 0; i < EXPORT_DROPS; i++)
		drops += counters->drops[i];
	assert_int_equal(counters->absorbed + counters->held + drops, in);
}

// Flush until all is out.
static void drain(struct sink *sink, enum end_of_stream why) {
	time_t end = time(NULL) + LIMIT_S;
	while (export_queue_flush(&sink->self, why, BATCH_MAX))
		if (time(NULL) > end)
			fail_msg("not drained");
	assert_int_equal(sink->self.counters.held, 0);
}

static void wait_until_taken(struct sink *sink, uint64_t count) {
	time_t end = time(NULL) + LIMIT_S;
	while (export_queue_tick(&sink->self, BATCH_MAX),
		sink->self.counters.absorbed + sink->self.counters.drops[EXPORT_DROP_FAILED] < count)
		if (time(NULL) > end)
			fail_msg("%u of %u taken", (unsigned)sink->self.counters.absorbed, (unsigned)count);
}

static void test_receiver_keeps_up(void **state) {
	struct sink sink;
	open_sink(&sink, EXPORT_AUTO, UINT64_MAX);
	for (unsigned i = 0; i < 100; i++) {
		unsigned room = export_queue_room(&sink.self);
		hand_over(&sink, room);
		assert_account(&sink, sink.next);
	}
	drain(&sink, END_OF_INPUT);
	assert_int_equal(sink.self.counters.absorbed, sink.next);
	assert_int_equal(sink.self.gauges[EXPORT_GAUGE_SENT], sink.next);
	assert_false(sink.receiver.disordered);
	assert_int_equal(warnings + failures, 0);
	export_queue_free(sink.receiver.queue);
}

// A live source does not wait: what finds no place is dropped by name.
static void test_absent_receiver_and_back(void **state) {
	struct sink sink;
	open_sink(&sink, EXPORT_DROP, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(export_queue_room(&sink.self), BATCH_MAX);
		hand_over(&sink, 50);
	}
	assert_int_equal(sink.self.counters.drops[EXPORT_DROP_QUEUE_FULL], 200 - QUEUE);
	assert_int_equal(sink.self.counters.held, QUEUE);
	assert_int_equal(sink.self.gauges[EXPORT_GAUGE_QUEUED], QUEUE);
	assert_int_equal(warnings, 1);
	atomic_store(&sink.receiver.allowed, UINT64_MAX);
	wait_until_taken(&sink, QUEUE);
	assert_account(&sink, 200);
	sink.next = QUEUE; // the next that it gets
	hand_over(&sink, 64);
	drain(&sink, END_OF_SHUTDOWN);
	assert_int_equal(sink.self.counters.absorbed, QUEUE + 64);
	assert_account(&sink, 264);
	assert_false(sink.receiver.disordered);
	assert_int_equal(failures, 0);
	export_queue_free(sink.receiver.queue);
}

// A file waits: the room is what the queue has.
static void test_source_waits(void **state) {
	struct sink sink;
	open_sink(&sink, EXPORT_AUTO, 0);
	hand_over(&sink, 64);
	assert_int_equal(export_queue_room(&sink.self), 64);
	hand_over(&sink, 60);
	assert_int_equal(export_queue_room(&sink.self), 4);
	hand_over(&sink, 4);
	assert_int_equal(export_queue_room(&sink.self), 0);
	assert_true(export_queue_flush(&sink.self, END_OF_INPUT, BATCH_MAX));
	monotonic_ns += UINT64_C(3600000000000);
	assert_true(export_queue_flush(&sink.self, END_OF_INPUT, BATCH_MAX)); // without end
	assert_int_equal(sink.self.counters.held, QUEUE);
	atomic_store(&sink.receiver.allowed, UINT64_MAX);
	drain(&sink, END_OF_INPUT);
	assert_int_equal(sink.self.counters.absorbed, QUEUE);
	export_queue_free(sink.receiver.queue);
}

// But not once the node was told to stop: after drain_timeout it ends, and says what was not sent.
static void test_end_is_bounded(void **state) {
	struct sink sink;
	open_sink(&sink, EXPORT_WAIT, 10);
	hand_over(&sink, 64);
	wait_until_taken(&sink, 10);
	while (export_queue_room(&sink.self) < BATCH_MAX)
		sched_yield(); // counted as sent, the places are free any moment now
	hand_over(&sink, 64);
	hand_over(&sink, 10);
	assert_int_equal(export_queue_room(&sink.self), 0);
	is_stopping = true;
	assert_int_equal(export_queue_room(&sink.self), 0);
	assert_true(export_queue_flush(&sink.self, END_OF_SHUTDOWN, BATCH_MAX));
	monotonic_ns += UINT64_C(5000000000);
	assert_int_equal(export_queue_room(&sink.self), BATCH_MAX);
	hand_over(&sink, 3);
	assert_false(export_queue_flush(&sink.self, END_OF_SHUTDOWN, BATCH_MAX));
	assert_int_equal(sink.self.counters.absorbed, 10);
	assert_int_equal(sink.self.counters.drops[EXPORT_DROP_QUEUE_FULL], 3);
	assert_int_equal(sink.self.counters.drops[EXPORT_DROP_UNSENT], QUEUE);
	assert_int_equal(failures, 1);
	assert_account(&sink, 141);
	export_queue_free(sink.receiver.queue);
}

// The end came, and then a plan joins another source to the sink: it goes on, and each record counts once.
static void test_goes_on_after_an_end(void **state) {
	struct sink sink;
	open_sink(&sink, EXPORT_DROP, 10);
	hand_over(&sink, 64);
	wait_until_taken(&sink, 10);
	assert_true(export_queue_flush(&sink.self, END_OF_INPUT, BATCH_MAX));
	monotonic_ns += UINT64_C(5000000000);
	assert_false(export_queue_flush(&sink.self, END_OF_INPUT, BATCH_MAX));
	assert_int_equal(sink.self.counters.drops[EXPORT_DROP_UNSENT], 54);
	assert_account(&sink, 64);

	hand_over(&sink, 50);
	assert_account(&sink, 114);
	assert_int_equal(sink.self.counters.held, 50);
	atomic_store(&sink.receiver.allowed, UINT64_MAX);
	wait_until_taken(&sink, 60);
	hand_over(&sink, 20);
	drain(&sink, END_OF_INPUT);
	assert_int_equal(sink.self.counters.absorbed, 80);
	assert_int_equal(sink.self.counters.drops[EXPORT_DROP_UNSENT], 54);
	assert_int_equal(atomic_load(&sink.receiver.got), 134);
	assert_account(&sink, 134);
	assert_false(sink.receiver.disordered);
	assert_int_equal(failures, 1);
	export_queue_free(sink.receiver.queue);
}

// The same where a file waits, and nothing but what was unsent fills the queue.
static void test_full_queue_goes_on_after_an_end(void **state) {
	struct sink sink;
	open_sink(&sink, EXPORT_WAIT, 0);
	hand_over(&sink, 64);
	hand_over(&sink, 64);
	assert_true(export_queue_flush(&sink.self, END_OF_SHUTDOWN, BATCH_MAX));
	monotonic_ns += UINT64_C(5000000000);
	assert_false(export_queue_flush(&sink.self, END_OF_SHUTDOWN, BATCH_MAX));
	atomic_store(&sink.receiver.allowed, UINT64_MAX);
	time_t end = time(NULL) + LIMIT_S;
	while (export_queue_room(&sink.self) < BATCH_MAX)
		assert_true(time(NULL) <= end);
	hand_over(&sink, 64);
	drain(&sink, END_OF_INPUT);
	assert_int_equal(sink.self.counters.absorbed, 64);
	assert_account(&sink, 192);
	export_queue_free(sink.receiver.queue);
}

static void test_failures_are_counted(void **state) {
	struct sink sink;
	open_sink(&sink, EXPORT_AUTO, UINT64_MAX);
	sink.receiver.bad = 4;
	for (unsigned i = 0; i < 10; i++) {
		hand_over(&sink, 10);
		wait_until_taken(&sink, sink.next);
	}
	drain(&sink, END_OF_INPUT);
	assert_int_equal(sink.self.counters.drops[EXPORT_DROP_FAILED], 25);
	assert_int_equal(sink.self.counters.absorbed, 75);
	export_queue_free(sink.receiver.queue);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receiver_keeps_up),
		cmocka_unit_test(test_absent_receiver_and_back),
		cmocka_unit_test(test_source_waits),
		cmocka_unit_test(test_end_is_bounded),
		cmocka_unit_test(test_goes_on_after_an_end),
		cmocka_unit_test(test_full_queue_goes_on_after_an_end),
		cmocka_unit_test(test_failures_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
