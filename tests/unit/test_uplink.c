// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink with a controller that answers: registering, reporting, what is bounded.
#include "tests/unit/uplink_fixture.h"

#include <errno.h>

#include "dataplane/uplink_queue.h"
#include "dataplane/uplink_socket.h"

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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints),
		cmocka_unit_test(registers_then_reports),
		cmocka_unit_test(over_tcp_with_a_summary_port),
		cmocka_unit_test(resends_after_a_lost_ack),
		cmocka_unit_test(window_is_bounded),
		cmocka_unit_test(full_queue_discards_the_oldest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
