// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What tests of the uplink share: starting one, submitting, waiting for its counters, and reading what it told a
// person.
#pragma once

#include "tests/unit/fake_controller.h"

#include "dataplane/uplink.h"

enum {
	REGISTER = WEIR__MESSAGE__BODY_REGISTER,
	HEARTBEAT = WEIR__MESSAGE__BODY_HEARTBEAT,
	SUMMARY = WEIR__MESSAGE__BODY_SUMMARY,
	GOODBYE = WEIR__MESSAGE__BODY_GOODBYE,
	BEAT_MS = 25,
	INCARNATION = 77,
};

static inline void describe(void *context, Weir__Register *message) {
	message->host = strdup("here");
	message->workers = *(unsigned *)context;
}

static inline void measure(void *context, Weir__Heartbeat *message) {
	message->instances = calloc(1, sizeof(*message->instances));
	message->instances[0] = malloc(sizeof(*message->instances[0]));
	weir__instance_counters__init(message->instances[0]);
	message->instances[0]->pipeline = strdup("p");
	message->instances[0]->in = 4711;
	message->n_instances = 1;
}

static inline struct uplink *start(const char *endpoint, uint64_t queue_size) {
	static unsigned workers = 3;
	struct uplink_source source = {&workers, describe, measure};
	struct uplink_options options = {endpoint, "alpha", INCARNATION, queue_size, BEAT_MS};
	struct uplink *uplink;

	assert_int_equal(uplink_new(&uplink, &options, &source), 0);
	return uplink;
}

static inline void submit(struct uplink *uplink, uint64_t sequence, size_t padding) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Summary body = WEIR__SUMMARY__INIT;
	char node[1024] = "alpha";

	memset(node + 5, '.', padding);
	body.node = node;
	body.incarnation = INCARNATION;
	body.pipeline = "p";
	body.operator_ = "report";
	body.sequence = sequence;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_SUMMARY;
	message.summary = &body;
	struct uplink_summary summary = {"p", "report", 0, sequence, weir__message__get_packed_size(&message), NULL};
	summary.packed = malloc(summary.size);
	weir__message__pack(&message, summary.packed);
	uplink_submit(uplink, &summary);
}

static inline struct uplink_counters counters_of(const struct uplink *uplink) {
	struct uplink_counters counters;

	uplink_read_counters(uplink, &counters);
	return counters;
}

// Wait until a condition on the uplink's counters (as `counters`) holds, serving the controller meanwhile.
#define await_counters(controller, uplink, condition)                                                                  \
	do {                                                                                                           \
		uint64_t start_ms = monotonic_ms();                                                                    \
		struct uplink_counters counters;                                                                       \
		do {                                                                                                   \
			controller_see(controller, HEARTBEAT);                                                         \
			counters = counters_of(uplink);                                                                \
		} while (!(condition) && monotonic_ms() - start_ms < LIMIT_MS);                                        \
		assert_true(condition);                                                                                \
	} while (0)

// The next summary must have this sequence number; those before it may come once more.
static inline void expect_summary(struct controller *controller, uint64_t sequence, bool acknowledge) {
	Weir__Message *message = controller_await(controller, SUMMARY);

	while (message->summary->sequence < sequence) {
		weir__message__free_unpacked(message, NULL);
		message = controller_await(controller, SUMMARY);
	}
	assert_int_equal(message->summary->sequence, sequence);
	if (acknowledge)
		controller_acknowledge(controller, message->summary, sequence);
	weir__message__free_unpacked(message, NULL);
}

// Standard error goes to a file meanwhile, so that lines can be counted.
struct captured {
	FILE *file;
	int before;
};

static inline struct captured capture_begin(void) {
	struct captured captured = {tmpfile(), dup(STDERR_FILENO)};

	assert_non_null(captured.file);
	dup2(fileno(captured.file), STDERR_FILENO);
	return captured;
}

static inline unsigned captured_lines(const struct captured *captured, const char *with) {
	char line[512];
	unsigned lines = 0;

	rewind(captured->file);
	while (fgets(line, sizeof(line), captured->file) != NULL)
		lines += strstr(line, with) != NULL;
	return lines;
}

static inline void capture_end(struct captured *captured) {
	dup2(captured->before, STDERR_FILENO);
	close(captured->before);
	fclose(captured->file);
}
