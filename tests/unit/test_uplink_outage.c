// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink with a controller that refuses, dies, goes silent, talks nonsense or never was there; and its own end.
#include "tests/unit/uplink_fixture.h"

#include <pthread.h>

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
