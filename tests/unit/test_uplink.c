// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink against a controller that misbehaves in every way it can.
#include "tests/unit/fake_controller.h"

#include <errno.h>
#include <pthread.h>

#include "dataplane/uplink.h"
#include "dataplane/uplink_queue.h"
#include "dataplane/uplink_socket.h"

enum {
	REGISTER = WEIR__MESSAGE__BODY_REGISTER,
	HEARTBEAT = WEIR__MESSAGE__BODY_HEARTBEAT,
	SUMMARY = WEIR__MESSAGE__BODY_SUMMARY,
	GOODBYE = WEIR__MESSAGE__BODY_GOODBYE,
	BEAT_MS = 25,
	INCARNATION = 77,
};

static void describe(void *context, Weir__Register *message) {
	message->host = strdup("here");
	message->workers = *(unsigned *)context;
}

static void measure(void *context, Weir__Heartbeat *message) {
	message->instances = calloc(1, sizeof(*message->instances));
	message->instances[0] = malloc(sizeof(*message->instances[0]));
	weir__instance_counters__init(message->instances[0]);
	message->instances[0]->pipeline = strdup("p");
	message->instances[0]->in = 4711;
	message->n_instances = 1;
}

static struct uplink *start(const char *endpoint, uint64_t queue_size) {
	static unsigned workers = 3;
	struct uplink_source source = {&workers, describe, measure};
	struct uplink_options options = {endpoint, "alpha", INCARNATION, queue_size, BEAT_MS};
	struct uplink *uplink;

	assert_int_equal(uplink_new(&uplink, &options, &source), 0);
	return uplink;
}

static void submit(struct uplink *uplink, uint64_t sequence, size_t padding) {
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

static struct uplink_counters counters_of(const struct uplink *uplink) {
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
static void expect_summary(struct controller *controller, uint64_t sequence, bool acknowledge) {
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

static struct captured capture_begin(void) {
	struct captured captured = {tmpfile(), dup(STDERR_FILENO)};

	assert_non_null(captured.file);
	dup2(fileno(captured.file), STDERR_FILENO);
	return captured;
}

static unsigned captured_lines(const struct captured *captured, const char *with) {
	char line[512];
	unsigned lines = 0;

	rewind(captured->file);
	while (fgets(line, sizeof(line), captured->file) != NULL)
		lines += strstr(line, with) != NULL;
	return lines;
}

static void capture_end(struct captured *captured) {
	dup2(captured->before, STDERR_FILENO);
	close(captured->before);
	fclose(captured->file);
}

static void endpoints(void **state) {
	static const char *const wrong[] = {
		"",
		"tcp://",
		"tcp://host",
		"tcp://:5570",
		"tcp://host:",
		"tcp://host:0",
		"tcp://host:65535",
		"host:5570",
		"ipc://",
		"tcp://host:1x",
		"udp://h:1",
		"inproc://x",
		"tcp://h:+1",
	};
	char out[UPLINK_ENDPOINT_MAX], endless[400] = "ipc:///";
	struct uplink_options options = {.controller = "nonsense", .node = "n"};
	struct uplink *uplink;

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(uplink_endpoint_check(wrong[i]), -EINVAL);
	memset(endless + 7, 'x', sizeof(endless) - 8);
	assert_int_equal(uplink_endpoint_check(endless), -EINVAL);
	assert_int_equal(uplink_new(&uplink, &options, &(struct uplink_source){0}), -EINVAL);

	assert_int_equal(uplink_endpoint_summaries("tcp://10.0.0.9:5570", 0, out), 0);
	assert_string_equal(out, "tcp://10.0.0.9:5571");
	assert_int_equal(uplink_endpoint_summaries("tcp://[::1]:5570", 6000, out), 0);
	assert_string_equal(out, "tcp://[::1]:6000");
	assert_int_equal(uplink_endpoint_summaries("ipc:///run/weir/c", 0, out), 0);
	assert_string_equal(out, "ipc:///run/weir/c-summaries");
}

static void registers_then_reports(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	submit(uplink, 1, 0);

	Weir__Message *message = controller_await(&controller, REGISTER);
	assert_string_equal(message->register_->node, "alpha");
	assert_string_equal(message->register_->host, "here");
	assert_int_equal(message->register_->workers, 3);
	assert_int_equal(message->register_->incarnation, INCARNATION);
	weir__message__free_unpacked(message, NULL);
	assert_false(uplink_is_registered(uplink));
	assert_int_equal(controller.beats_seen + controller.summaries_seen, 0);

	controller_answer_register(&controller, true);
	expect_summary(&controller, 1, true);
	await_counters(&controller, uplink, counters.acknowledged == 1);
	assert_true(uplink_is_registered(uplink));
	assert_int_equal(counters_of(uplink).queued, 0);

	// Every second heartbeat has the counters.
	bool measured[2];
	for (unsigned i = 0; i < 2; i++) {
		message = controller_await(&controller, HEARTBEAT);
		measured[i] = message->heartbeat->n_instances == 1 && message->heartbeat->instances[0]->in == 4711 &&
			      message->heartbeat->uplink != NULL && message->heartbeat->uplink->submitted == 1;
		weir__message__free_unpacked(message, NULL);
	}
	assert_true(measured[0] != measured[1]);

	// The end is told, with the last counters just before it.
	uplink_free(uplink, 0);
	bool has_counters = false;
	message = controller_await(&controller, 0);
	while (message->body_case != WEIR__MESSAGE__BODY_GOODBYE) {
		has_counters =
			message->body_case == WEIR__MESSAGE__BODY_HEARTBEAT && message->heartbeat->n_instances == 1;
		weir__message__free_unpacked(message, NULL);
		message = controller_await(&controller, 0);
	}
	assert_true(has_counters);
	weir__message__free_unpacked(message, NULL);
	controller_fini(&controller);
}

static void over_tcp_with_a_summary_port(void **state) {
	struct controller controller;
	char last[64], endpoint[64];
	size_t size = sizeof(endpoint);
	controller_init(&controller);
	controller_up(&controller);
	assert_int_equal(zmq_bind(controller.command, "tcp://127.0.0.1:*"), 0);
	assert_int_equal(zmq_getsockopt(controller.command, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	assert_int_equal(zmq_bind(controller.summaries, "tcp://127.0.0.1:*"), 0);
	size = sizeof(last);
	assert_int_equal(zmq_getsockopt(controller.summaries, ZMQ_LAST_ENDPOINT, last, &size), 0);

	struct uplink *uplink = start(endpoint, 1 << 20);
	submit(uplink, 1, 0);
	controller_see(&controller, REGISTER);
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Registered registered = WEIR__REGISTERED__INIT;
	registered.accepted = true;
	registered.epoch = 1;
	registered.summary_port = (uint32_t)atoi(strrchr(last, ':') + 1);
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_REGISTERED;
	message.registered = &registered;
	controller_send(&controller, controller.command, &message);
	controller.knows_node = true;
	expect_summary(&controller, 1, true);

	uplink_free(uplink, 0);
	controller_fini(&controller);
}

static void resends_after_a_lost_ack(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	controller_accept(&controller);

	submit(uplink, 1, 0);
	submit(uplink, 2, 0);
	expect_summary(&controller, 1, false);
	expect_summary(&controller, 2, false);
	expect_summary(&controller, 1, false); // again
	expect_summary(&controller, 2, true);  // and all before it
	await_counters(&controller, uplink, counters.acknowledged == 2);
	assert_true(counters_of(uplink).resent >= 2);
	assert_int_equal(counters_of(uplink).queued, 0);

	uplink_free(uplink, 0);
	controller_fini(&controller);
}

static void window_is_bounded(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	for (uint64_t sequence = 1; sequence <= UPLINK_WINDOW + 10; sequence++)
		submit(uplink, sequence, 0);
	controller_accept(&controller);
	for (uint64_t sequence = 1; sequence <= UPLINK_WINDOW; sequence++)
		expect_summary(&controller, sequence, false);
	// What comes next is the first one again, not the one behind the window.
	expect_summary(&controller, 1, true);
	Weir__Message *message;
	do {
		message = controller_await(&controller, SUMMARY);
		uint64_t sequence = message->summary->sequence;
		assert_true(sequence <= UPLINK_WINDOW + 1);
		weir__message__free_unpacked(message, NULL);
		if (sequence == UPLINK_WINDOW + 1)
			break;
	} while (true);

	uplink_free(uplink, 0);
	controller_fini(&controller);
}

static void full_queue_discards_the_oldest(void **state) {
	struct controller controller;
	controller_init(&controller);
	struct captured captured = capture_begin();
	struct uplink *uplink = start(controller.endpoint, 10000);
	for (uint64_t sequence = 1; sequence <= 100; sequence++)
		submit(uplink, sequence, 900);
	controller_up(&controller);
	controller_accept(&controller);

	Weir__Message *message = controller_await(&controller, SUMMARY);
	uint64_t first = message->summary->sequence;
	weir__message__free_unpacked(message, NULL);
	assert_in_range(first, 90, 99);
	for (uint64_t sequence = first + 1; sequence <= 100; sequence++)
		expect_summary(&controller, sequence, sequence == 100);
	await_counters(&controller, uplink, counters.queued == 0);
	struct uplink_counters counters = counters_of(uplink);
	assert_int_equal(counters.submitted, 100);
	assert_int_equal(counters.discarded, first - 1);
	assert_int_equal(counters.acknowledged + counters.discarded, 100);
	assert_int_equal(captured_lines(&captured, "discarded"), 1);

	uplink_free(uplink, 0);
	capture_end(&captured);
	controller_fini(&controller);
}

static void refused_then_accepted(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct captured captured = capture_begin();
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	submit(uplink, 1, 0);
	for (unsigned i = 0; i < 3; i++) {
		controller_see(&controller, REGISTER);
		controller_answer_register(&controller, false);
		if (i == 1)
			assert_true(uplink_is_refused(uplink));
	}
	controller_see(&controller, REGISTER);
	assert_int_equal(controller.summaries_seen + controller.beats_seen, 0);
	controller_answer_register(&controller, true);
	expect_summary(&controller, 1, true);
	assert_false(uplink_is_refused(uplink));
	assert_true(uplink_is_registered(uplink));
	assert_int_equal(captured_lines(&captured, "is refused"), 1);
	assert_int_equal(captured_lines(&captured, "accepted now"), 1);

	uplink_free(uplink, 0);
	capture_end(&captured);
	controller_fini(&controller);
}

static void controller_restarts(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct captured captured = capture_begin();
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	controller.epoch = 4;
	controller_accept(&controller);
	submit(uplink, 1, 0);
	submit(uplink, 2, 0);
	submit(uplink, 3, 0);
	expect_summary(&controller, 1, true);
	expect_summary(&controller, 2, false);
	await_counters(&controller, uplink, counters.acknowledged == 1);
	controller_down(&controller);

	// The new one knows nobody; it must hear of the epoch before it.
	controller_up(&controller);
	Weir__Message *message = controller_await(&controller, REGISTER);
	assert_int_equal(message->register_->epoch, 4);
	weir__message__free_unpacked(message, NULL);
	controller.epoch = 5;
	controller_answer_register(&controller, true);
	expect_summary(&controller, 2, true);
	expect_summary(&controller, 3, true);
	await_counters(&controller, uplink, counters.acknowledged == 3);

	uplink_free(uplink, 0);
	capture_end(&captured);
	controller_fini(&controller);
}

// The connection stays, the controller's memory does not.
static void registers_again_when_told_to(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	controller_accept(&controller);
	submit(uplink, 1, 0);
	expect_summary(&controller, 1, false);
	controller.knows_node = false;
	controller_accept(&controller);
	expect_summary(&controller, 1, true);
	await_counters(&controller, uplink, counters.acknowledged == 1);
	uplink_free(uplink, 0);
	controller_fini(&controller);
}

static void silence_is_noticed(void **state) {
	struct controller controller;
	uint8_t peer[64];
	controller_init(&controller);
	controller_up(&controller);
	struct captured captured = capture_begin();
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	controller_accept(&controller);
	controller_see(&controller, HEARTBEAT);
	size_t size = controller.peer_size;
	memcpy(peer, controller.peer, size);

	controller.answers_beats = false;
	for (unsigned i = 0; i < 3; i++) // it goes on asking, on a new connection each time
		controller_see(&controller, REGISTER);
	assert_true(size != controller.peer_size || memcmp(peer, controller.peer, size) != 0);
	assert_false(uplink_is_registered(uplink));
	controller.answers_beats = true;
	controller_answer_register(&controller, true);
	controller_see(&controller, HEARTBEAT);
	assert_int_equal(captured_lines(&captured, "no answer"), 1);
	assert_int_equal(captured_lines(&captured, "reachable again"), 1);

	uplink_free(uplink, 0);
	capture_end(&captured);
	controller_fini(&controller);
}

static void older_controllers_are_ignored(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct captured captured = capture_begin();
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	controller.epoch = 9;
	controller_accept(&controller);
	controller_see(&controller, HEARTBEAT);
	controller.epoch = 8;
	// Its answers to heartbeats don't count, nor does its acceptance.
	controller_accept(&controller);
	controller_see(&controller, REGISTER);
	assert_false(uplink_is_registered(uplink));
	assert_true(counters_of(uplink).stale >= 2);

	uplink_free(uplink, 0);
	capture_end(&captured);
	controller_fini(&controller);
}

static void malformed_messages_are_counted(void **state) {
	struct controller controller;
	controller_init(&controller);
	controller_up(&controller);
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	controller_accept(&controller);
	controller_see(&controller, HEARTBEAT);

	controller_send_raw(&controller, controller.command, "\xff\xff\xff", 3);
	controller_send_raw(&controller, controller.command, "", 0);
	controller_send_raw(&controller, controller.command, "\x08\x02", 2); // version 2, no body
	assert_true(zmq_send(controller.command, controller.peer, controller.peer_size, ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(controller.command, "a", 1, ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(controller.command, "b", 1, 0) >= 0);
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Goodbye goodbye = WEIR__GOODBYE__INIT; // not for a node
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_GOODBYE;
	message.goodbye = &goodbye;
	controller_send(&controller, controller.command, &message);
	await_counters(&controller, uplink, counters.malformed == 5);

	// An acknowledgement of what was never sent, or of another incarnation, releases nothing.
	submit(uplink, 1, 0);
	Weir__Message *received = controller_await(&controller, SUMMARY);
	received->summary->incarnation++;
	controller_acknowledge(&controller, received->summary, 1);
	received->summary->incarnation--;
	received->summary->instance = 3;
	controller_acknowledge(&controller, received->summary, 1);
	received->summary->instance = 0;
	controller_acknowledge(&controller, received->summary, 0);
	weir__message__free_unpacked(received, NULL);
	expect_summary(&controller, 1, true);
	await_counters(&controller, uplink, counters.acknowledged == 1);

	uplink_free(uplink, 0);
	controller_fini(&controller);
}

static void *free_uplink(void *uplink) {
	uplink_free(uplink, LIMIT_MS);
	return NULL;
}

static void drains_before_the_end(void **state) {
	struct controller controller;
	pthread_t thread;
	controller_init(&controller);
	controller_up(&controller);
	struct uplink *uplink = start(controller.endpoint, 1 << 20);
	controller_accept(&controller);
	for (uint64_t sequence = 1; sequence <= 200; sequence++)
		submit(uplink, sequence, 0);
	assert_int_equal(pthread_create(&thread, NULL, free_uplink, uplink), 0);
	for (uint64_t sequence = 1; sequence <= 200; sequence++)
		expect_summary(&controller, sequence, true);
	controller_see(&controller, GOODBYE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	controller_fini(&controller);
}

// Nobody ever listened: the end comes when the time is over, and the loss is told.
static void gives_up_draining(void **state) {
	struct captured captured = capture_begin();
	struct uplink *uplink = start("ipc:///tmp/weir-uplink-of-nobody", 1 << 20);
	submit(uplink, 1, 0);
	uplink_free(uplink, 10);
	assert_int_equal(captured_lines(&captured, "1 summaries were not acknowledged"), 1);
	capture_end(&captured);
	uplink_free(NULL, 0);
}

static void no_uplink_frees_the_summary(void **state) {
	struct uplink_summary summary = {.packed = malloc(10), .size = 10};
	uplink_submit(NULL, &summary); // LeakSanitizer would tell
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints),
		cmocka_unit_test(registers_then_reports),
		cmocka_unit_test(over_tcp_with_a_summary_port),
		cmocka_unit_test(resends_after_a_lost_ack),
		cmocka_unit_test(window_is_bounded),
		cmocka_unit_test(full_queue_discards_the_oldest),
		cmocka_unit_test(refused_then_accepted),
		cmocka_unit_test(controller_restarts),
		cmocka_unit_test(registers_again_when_told_to),
		cmocka_unit_test(silence_is_noticed),
		cmocka_unit_test(older_controllers_are_ignored),
		cmocka_unit_test(malformed_messages_are_counted),
		cmocka_unit_test(drains_before_the_end),
		cmocka_unit_test(gives_up_draining),
		cmocka_unit_test(no_uplink_frees_the_summary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
