// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sinks of lines, alone: on a device that is always full, and on a pipe whose reader stalls, reads on, and goes away.
// The engine and the clocks are played by the functions here.
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/control_thread.h"
#include "dataplane/line_sink.h"

#define SECOND_NS UINT64_C(1000000000)
enum { LIMIT_S = 20, LINE_SIZE = 11 };

struct body {
	uint64_t number;
};
static const struct field fields[] = {{.name = "number", .type = FIELD_U64}, {0}};
static const struct schema schema = {
	.name = "number", .body = SCHEMA_RECORD, .size = sizeof(struct body), .fields = fields};

static uint64_t wall_ns = 1700000000 * SECOND_NS;
static _Atomic uint64_t monotonic_ns = 1000 * SECOND_NS;
static _Atomic unsigned failures, ends;

uint64_t clock_now_ns(void) {
	return wall_ns;
}

uint64_t clock_monotonic_ns(void) {
	return monotonic_ns;
}

bool instance_is_stopping(const struct instance *self) {
	return false;
}

bool operator_has_live_source(const struct operator *op) {
	return false;
}

void operator_end_sink(const struct operator *op) {
	ends++;
}

void operator_error(const struct operator *op, const char *format, ...) {
	fail_msg("%s", format);
}

void operator_warn(const struct operator *op, const char *format, ...) {
	fail_msg("%s", format);
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

static size_t ten_digits(const void *format, const void *body, char *out) {
	const struct body *record = body;
	char line[32];
	snprintf(line, sizeof(line), "%010u\n", (unsigned)record->number);
	memcpy(out, line, LINE_SIZE);
	return LINE_SIZE;
}

static const struct line_form form = {.line = ten_digits, .line_max = LINE_SIZE};

struct fixture {
	struct operator op;
	struct instance self;
	struct export_queue *queue;
	struct line_sink *sink;
	struct line_sink_options options;
	uint64_t next;
};

static void open_sink(struct fixture *fixture, const char *path) {
	*fixture = (struct fixture){
		.op = {.name = "sink", .input = &schema},
		.options =
			{
				.path = (char *)path,
				.export = {.queue_size = 16384, .drain_timeout_ns = SECOND_NS},
			},
	};
	failures = ends = 0;
	fixture->self.op = &fixture->op;
	fixture->self.state = &fixture->queue;
	assert_int_equal(line_sink_new(&fixture->sink, &fixture->self, &fixture->options, &form), 0);
	fixture->queue = line_sink_queue(fixture->sink);
}

static void hand_over(struct fixture *fixture, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		struct body body = {fixture->next++};
		struct rte_mbuf tuple = {.buf_addr = &body, .refcnt = 2, .nb_segs = 1};
		struct batch batch = {.count = 1, .tuples = {&tuple}};
		export_queue_process(&fixture->self, &batch);
	}
}

// Until so many records are written or lost.
static void wait_for(struct fixture *fixture, uint64_t count) {
	const struct counters *counters = &fixture->self.counters;
	time_t end = time(NULL) + LIMIT_S;
	while (export_queue_tick(&fixture->self, BATCH_MAX),
		counters->absorbed + counters->drops[EXPORT_DROP_FAILED] < count)
		if (time(NULL) > end)
			fail_msg("%u of %u", (unsigned)counters->absorbed, (unsigned)count);
}

static void wait_for_figure(_Atomic unsigned *figure, unsigned value) {
	time_t end = time(NULL) + LIMIT_S;
	while (*figure != value)
		if (time(NULL) > end)
			fail_msg("%u, expected %u", *figure, value);
}

// After a failure writing is tried again each second, whatever happens to the system's clock meanwhile.
static void test_tries_again_though_the_clock_is_set_back(void **state) {
	struct fixture fixture;
	open_sink(&fixture, "/dev/full");
	hand_over(&fixture, 1);
	wait_for(&fixture, 1);
	assert_int_equal(failures, 1);
	hand_over(&fixture, 1);
	wait_for(&fixture, 2);
	assert_int_equal(failures, 1); // not tried
	wall_ns -= 3600 * SECOND_NS;
	monotonic_ns += SECOND_NS;
	hand_over(&fixture, 1);
	wait_for(&fixture, 3);
	assert_int_equal(failures, 2);
	assert_int_equal(fixture.self.counters.drops[EXPORT_DROP_FAILED], 3);
	line_sink_free(fixture.sink);
}

static void read_lines(int fd, uint64_t *expected, uint64_t count) {
	char line[LINE_SIZE], wanted[32];
	for (uint64_t end = *expected + count; *expected < end; (*expected)++) {
		for (ssize_t got = 0, n; got < LINE_SIZE; got += n)
			if ((n = read(fd, line + got, LINE_SIZE - (size_t)got)) <= 0)
				fail_msg("the pipe ended at line %u", (unsigned)*expected);
		snprintf(wanted, sizeof(wanted), "%010u\n", (unsigned)*expected);
		assert_memory_equal(line, wanted, LINE_SIZE);
	}
}

// A pipe takes what it has place for; what the rest of a line needs comes when its reader goes on.
static void test_pipe_that_stalls(void **state) {
	char path[] = "/tmp/weir-line-sink-XXXXXX";
	assert_non_null(mkdtemp(path));
	char fifo[64];
	snprintf(fifo, sizeof(fifo), "%s/fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	int reader = open(fifo, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_int_equal(fcntl(reader, F_SETFL, O_RDONLY), 0);
	assert_int_equal(fcntl(reader, F_SETPIPE_SZ, 4096), 4096);

	struct fixture fixture;
	uint64_t expected = 0;
	open_sink(&fixture, fifo);
	hand_over(&fixture, 1000);
	wait_for(&fixture, 1); // a pipe of one page counts as full once anything is in it
	assert_true(export_queue_flush(&fixture.self, END_OF_INPUT, BATCH_MAX)); // waits, and the worker goes on
	assert_in_range(fixture.self.counters.absorbed, 1, 4096 / LINE_SIZE);
	read_lines(reader, &expected, 1000);
	wait_for(&fixture, 1000);
	assert_int_equal(fixture.self.counters.absorbed, 1000);
	assert_int_equal(failures + ends, 0);

	close(reader);
	wait_for_figure(&ends, 1); // though nothing is written
	hand_over(&fixture, 10);
	wait_for(&fixture, 1010);
	assert_int_equal(fixture.self.counters.drops[EXPORT_DROP_FAILED], 10);
	assert_int_equal(failures, 1);
	line_sink_free(fixture.sink);
	unlink(fifo);
	rmdir(path);
}

int main(void) {
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tries_again_though_the_clock_is_set_back),
		cmocka_unit_test(test_pipe_that_stalls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
