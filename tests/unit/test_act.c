// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Commands under way: one that waits for long keeps no other from its place.
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/state.h"

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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_waits_keeps_no_other_out, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_there_is_room_for, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
