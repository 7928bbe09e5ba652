// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Commands under way: one that waits for long keeps no other from its place, and an answer that has arrived counts,
// however late the loop is that reads it.
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "ctrlplane/collect.h"
#include "ctrlplane/message.h"
#include "ctrlplane/state.h"

enum { WAIT_MS = 20000, TURN_MS = 20 };

static struct state state_of;
static struct node *node;
static char error[ACT_ERROR_SIZE];

static int setup(void **state) {
	state_of = (struct state){.epoch = 1, .config = {.interval_ns = NS_PER_S}};
	state_of.nodes = (struct nodes){.max = 1, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 4};
	return nodes_obtain(&state_of.nodes, "edge", &node);
}

static int teardown(void **state) {
	act_fini(&state_of.act);
	nodes_fini(&state_of.nodes);
	return 0;
}

static int request(char *id) {
	return act_request(&state_of, &(struct act_request){.node = "edge", .verb = "stop", .kind = "user"}, id, error);
}

static void answer(char *id) {
	Weir__CommandResult result = WEIR__COMMAND_RESULT__INIT;
	result.id = id;
	result.status = WEIR__COMMAND_STATUS__COMMAND_DONE;
	act_take_result(&state_of, node, &result);
}

static void assert_status(const char *id, const char *status) {
	json_t *explained = act_explain(&state_of.act, id, 1);
	assert_non_null(explained);
	const json_t *decision = json_array_get(json_object_get(explained, "decisions"), 0);
	assert_string_equal(json_string_value(json_object_get(decision, "status")), status);
	json_decref(explained);
}

static void one_that_waits_keeps_no_other_out(void **state) {
	char waiting[2][ACT_ID_SIZE], id[ACT_ID_SIZE];
	assert_int_equal(request(waiting[0]), 0);
	for (unsigned i = 0; i < 3 * ACT_DECISIONS_MAX; i++) {
		assert_int_equal(request(i == 5 ? waiting[1] : id), 0);
		if (i != 5)
			answer(id);
	}
	assert_status(waiting[0], "waiting");
	assert_status(waiting[1], "waiting");
	assert_int_equal(state_of.act.under_way, 2);
	// All that are left, newest first.
	json_t *explained = act_explain(&state_of.act, "", ACT_DECISIONS_MAX), *decision;
	unsigned long before = ULONG_MAX, number;
	size_t i;
	assert_int_equal(json_array_size(json_object_get(explained, "decisions")), ACT_DECISIONS_MAX);
	json_array_foreach(json_object_get(explained, "decisions"), i, decision) {
		number = strtoul(json_string_value(json_object_get(decision, "id")) + strlen("c1-"), NULL, 10);
		assert_true(number < before);
		before = number;
	}
	json_decref(explained);
}

static void no_more_than_there_is_room_for(void **state) {
	char first[ACT_ID_SIZE], id[ACT_ID_SIZE];
	assert_int_equal(request(first), 0);
	for (unsigned i = 1; i < ACT_DECISIONS_MAX; i++)
		assert_int_equal(request(id), 0);
	assert_int_equal(request(id), -EBUSY);
	assert_non_null(strstr(error, "under way already"));
	answer(first);
	assert_int_equal(request(id), 0);
	assert_int_equal(request(id), -EBUSY);
}

struct fields {
	const char *id, *status, *ended_ns;
};

static const char *field_of(const void *context, const char *name) {
	const struct fields *fields = context;
	return strcmp(name, "id") == 0         ? fields->id
	       : strcmp(name, "status") == 0   ? fields->status
	       : strcmp(name, "ended_ns") == 0 ? fields->ended_ns
					       : "";
}

// Redis has the last word of each: what was under way is not left so.
static void what_was_under_way_is_told_to_have_timed_out(void **state) {
	static const struct fields entries[] = {{"c1-1", "waiting", "0"}, {"c1-2", "waiting", "0"},
		{"c1-1", "sent", "0"}, {"c1-2", "done", "7"}, {"c1-3", "timed_out", "8"}};
	enum { ENTRIES = sizeof(entries) / sizeof(*entries) };
	struct act *act = &state_of.act;
	for (unsigned i = 0; i < ENTRIES; i++) {
		char entry_id[32];
		snprintf(entry_id, sizeof(entry_id), "%u-0", 1000 + i);
		act_restore(act, entry_id, &(struct act_source){field_of, &entries[i]});
	}
	act_restored(act);
	assert_int_equal(act->stored, ENTRIES);
	assert_int_equal(act->events_count, ENTRIES + 1);
	const json_t *last = act->events[ENTRIES].decision;
	assert_string_equal(json_string_value(json_object_get(last, "id")), "c1-1");
	assert_string_equal(json_string_value(json_object_get(last, "status")), "timed_out");
	assert_true(json_integer_value(json_object_get(last, "ended_ns")) > 0);
	assert_status("c1-2", "done");
	assert_int_equal(act->under_way, 0);
}

// The node's end of the connection.
static void *connect_node(struct collect *collect) {
	void *peer = zmq_socket(collect->context, ZMQ_DEALER);
	int limit_ms = WAIT_MS, linger_ms = 0;
	assert_non_null(peer);
	zmq_setsockopt(peer, ZMQ_ROUTING_ID, "edge", 4);
	zmq_setsockopt(peer, ZMQ_RCVTIMEO, &limit_ms, sizeof(limit_ms));
	zmq_setsockopt(peer, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	assert_int_equal(zmq_connect(peer, collect->commands_at), 0);
	node->commands = (struct identity){.size = 4, .bytes = "edge"};
	return peer;
}

static void send_result(void *peer, char *id) {
	Weir__CommandResult result = WEIR__COMMAND_RESULT__INIT;
	Weir__Message message = WEIR__MESSAGE__INIT;
	result.id = id;
	result.status = WEIR__COMMAND_STATUS__COMMAND_DONE;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_COMMAND_RESULT;
	message.command_result = &result;
	assert_int_equal(message_send(peer, NULL, &message), 0);
}

// The loop stood still until the command was late, or to be sent again.
static void answer_after_a_stall(bool is_late) {
	struct collect collect;
	char id[ACT_ID_SIZE], text[512], frame[512];
	snprintf(state_of.config.listen, sizeof(state_of.config.listen), "ipc:///tmp/weir-test-act-%d", (int)getpid());
	assert_int_equal(collect_init(&collect, &state_of, text), 0);
	void *peer = connect_node(&collect);
	assert_int_equal(request(id), 0);
	struct act_decision *decision = &state_of.act.decisions[0];
	zmq_pollitem_t arrived = {.socket = peer, .events = ZMQ_POLLIN};
	decision->deadline_mono_ns = UINT64_MAX;
	for (int turn = 0; turn < WAIT_MS / TURN_MS && zmq_poll(&arrived, 1, TURN_MS) == 0; turn++)
		collect_receive(&collect);
	assert_true(zmq_recv(peer, frame, sizeof(frame), 0) > 0);
	uint32_t tries = decision->tries;
	uint64_t events = state_of.act.events_count;
	send_result(peer, id);
	zmq_pollitem_t answered = {.socket = collect.commands, .events = ZMQ_POLLIN};
	assert_int_equal(zmq_poll(&answered, 1, WAIT_MS), 1);
	decision->resend_mono_ns = 1;
	if (is_late)
		decision->deadline_mono_ns = 1;
	collect_receive(&collect);
	assert_status(id, "done");
	assert_int_equal(decision->tries, tries);
	assert_int_equal(state_of.act.events_count, events + 1); // it was nothing else meanwhile
	zmq_close(peer);
	collect_fini(&collect);
	snprintf(text, sizeof(text), "%s-summaries", state_of.config.listen);
	assert_int_equal(unlink(text + strlen("ipc://")), 0);
	assert_int_equal(unlink(state_of.config.listen + strlen("ipc://")), 0);
}

static void another_process_does_not_get_it(void **state) {
	char id[ACT_ID_SIZE];
	node->incarnation = 1;
	assert_int_equal(request(id), 0);
	struct act_decision *decision = &state_of.act.decisions[0];
	decision->status = ACT_SENT;
	decision->incarnation = 1;
	decision->deadline_mono_ns = decision->resend_mono_ns = UINT64_MAX;
	act_work(&state_of, NULL);
	assert_status(id, "sent");
	node->incarnation = 2;
	decision->resend_mono_ns = 0;
	act_work(&state_of, NULL);
	assert_status(id, "timed_out");
	assert_non_null(strstr(decision->answer, "started anew"));
	assert_int_equal(state_of.act.under_way, 0);
}

static void what_can_not_be_told_as_asked_is_refused(void **state) {
	char id[ACT_ID_SIZE];
	struct act_request asked = {.node = "edge",
		.verb = "log",
		.value = "gr\xc3\xb6\xc3\x9f"
			 "e",
		.kind = "user"};
	assert_int_equal(act_request(&state_of, &asked, id, error), -EINVAL);
	assert_string_equal(error, "log: expected printable ASCII");
	asked.value = "size";
	assert_int_equal(act_request(&state_of, &asked, id, error), 0);
}

static void what_was_answered_is_not_sent_again(void **state) {
	answer_after_a_stall(false);
}

static void what_was_answered_is_not_late(void **state) {
	answer_after_a_stall(true);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_waits_keeps_no_other_out, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_there_is_room_for, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_under_way_is_told_to_have_timed_out, setup, teardown),
		cmocka_unit_test_setup_teardown(another_process_does_not_get_it, setup, teardown),
		cmocka_unit_test_setup_teardown(what_can_not_be_told_as_asked_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_answered_is_not_sent_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_answered_is_not_late, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
