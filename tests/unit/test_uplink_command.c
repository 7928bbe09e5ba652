// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Commands to a node: each carried out once, none of a controller that was replaced, no id that is none.
#include "tests/unit/uplink_fixture.h"

struct executed {
	unsigned length; // commands carried out
	char last[32];   // value of the last
};

static Weir__CommandStatus execute(void *context, const Weir__Command *command, char *text, size_t size) {
	struct executed *executed = context;
	executed->length++;
	snprintf(executed->last, sizeof(executed->last), "%s", command->value);
	snprintf(text, size, "number %u", executed->length);
	return strcmp(command->value, "bad") == 0 ? WEIR__COMMAND_STATUS__COMMAND_REFUSED
						  : WEIR__COMMAND_STATUS__COMMAND_DONE;
}

static struct uplink *start_obedient(struct controller *controller, struct executed *executed) {
	struct uplink_source source = {.context = executed, .execute = execute};
	struct uplink_options options = {controller->endpoint, "alpha", INCARNATION, 1 << 20, BEAT_MS};
	struct uplink *uplink;
	*executed = (struct executed){.length = 0};
	controller_init(controller);
	controller_up(controller);
	options.controller = controller->endpoint;
	assert_int_equal(uplink_new(&uplink, &options, &source), 0);
	controller_accept(controller);
	controller_see(controller, HEARTBEAT);
	return uplink;
}

static void command_at(
	struct controller *controller, const char *id, uint64_t epoch, const char *target, const char *value) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Command body = WEIR__COMMAND__INIT;
	body.id = (char *)id;
	body.epoch = epoch;
	body.verb = "log";
	body.target = (char *)target;
	body.value = (char *)value;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_COMMAND;
	message.command = &body;
	controller_send(controller, controller->command, &message);
}

static void command(struct controller *controller, const char *id, uint64_t epoch, const char *value) {
	command_at(controller, id, epoch, "", value);
}

static void expect_result(
	struct controller *controller, const char *id, Weir__CommandStatus status, uint64_t epoch, const char *text) {
	Weir__Message *message = controller_await(controller, WEIR__MESSAGE__BODY_COMMAND_RESULT);
	const Weir__CommandResult *result = message->command_result;
	assert_string_equal(result->id, id);
	assert_int_equal(result->status, status);
	assert_int_equal(result->epoch, epoch);
	assert_non_null(strstr(result->text, text));
	weir__message__free_unpacked(message, NULL);
}

#define DONE WEIR__COMMAND_STATUS__COMMAND_DONE
#define REFUSED WEIR__COMMAND_STATUS__COMMAND_REFUSED
#define STALE WEIR__COMMAND_STATUS__COMMAND_STALE

static void once_each(void **state) {
	struct controller controller;
	struct executed executed;
	struct uplink *uplink = start_obedient(&controller, &executed);
	command(&controller, "c1-1", 1, "a");
	expect_result(&controller, "c1-1", DONE, 1, "number 1");
	command(&controller, "c1-2", 1, "bad");
	expect_result(&controller, "c1-2", REFUSED, 1, "number 2");
	// Its answer was lost: it is not carried out again.
	command(&controller, "c1-1", 1, "a");
	expect_result(&controller, "c1-1", DONE, 1, "number 1");
	uplink_free(uplink, 0);
	assert_int_equal(executed.length, 2);
	assert_string_equal(executed.last, "bad");
	controller_fini(&controller);
}

static void fenced(void **state) {
	struct controller controller;
	struct executed executed;
	struct uplink *uplink = start_obedient(&controller, &executed);
	command(&controller, "c7-1", 7, "new");
	expect_result(&controller, "c7-1", DONE, 7, "number 1");
	command(&controller, "c6-9", 6, "old");
	expect_result(&controller, "c6-9", STALE, 7, "epoch 6 is over");
	controller.epoch = 7;
	await_counters(&controller, uplink, counters.stale >= 1);
	uplink_free(uplink, 0);
	assert_int_equal(executed.length, 1);
	assert_string_equal(executed.last, "new");
	controller_fini(&controller);
}

static void none_without_an_id(void **state) {
	struct controller controller;
	struct executed executed;
	char endless[200];
	struct uplink *uplink = start_obedient(&controller, &executed);
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	command(&controller, "", 1, "a");
	command(&controller, endless, 1, "a");
	await_counters(&controller, uplink, counters.malformed == 2);
	uplink_free(uplink, 0);
	assert_int_equal(executed.length, 0);
	controller_fini(&controller);
}

// What a controller sends is one line of the log: all of a text, and nothing that a terminal would obey.
static void said_whole_in_one_line(void **state) {
	struct controller controller;
	struct executed executed;
	char value[256];
	struct uplink *uplink = start_obedient(&controller, &executed);
	struct captured captured = capture_begin();
	memset(value, 'x', sizeof(value) - 1);
	memcpy(value, "one\ntwo\x1b[2J\xc2\x9b", 13);
	strcpy(value + sizeof(value) - 4, "end");
	command_at(&controller, "c1-1", 1, "a.b", value);
	expect_result(&controller, "c1-1", DONE, 1, "number 1");
	command(&controller, "c1\nc1-2", 1, "forged");
	await_counters(&controller, uplink, counters.malformed == 1);
	uplink_free(uplink, 0);
	assert_int_equal(captured_lines(&captured, "command c1-1: log \"a.b\" \"one\\ntwo\\x1b[2J\\x9bxxx"), 1);
	assert_int_equal(captured_lines(&captured, "xxxend\": number 1"), 1);
	assert_int_equal(captured_lines(&captured, "forged"), 0);
	capture_end(&captured);
	assert_int_equal(executed.length, 1);
	controller_fini(&controller);
}

static void remembers_a_bounded_number(void **state) {
	struct uplink_commands commands = {.count = 0};
	struct executed executed = {.length = 0};
	char id[32];
	Weir__Command body = WEIR__COMMAND__INIT;
	body.id = id;
	for (unsigned i = 0; i <= UPLINK_COMMANDS_KEPT; i++) {
		snprintf(id, sizeof(id), "c1-%u", i);
		uplink_command_run(&commands, &body, execute, &executed);
	}
	assert_null(uplink_command_lookup(&commands, "c1-0"));
	assert_string_equal(uplink_command_lookup(&commands, "c1-1")->text, "number 2");
	assert_int_equal(uplink_command_run(&commands, &body, NULL, NULL)->status, REFUSED);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_each),
		cmocka_unit_test(fenced),
		cmocka_unit_test(none_without_an_id),
		cmocka_unit_test(said_whole_in_one_line),
		cmocka_unit_test(remembers_a_bounded_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
