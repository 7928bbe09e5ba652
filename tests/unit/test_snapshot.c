// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a reading of Redis teaches the next one: replies as they come over the wire.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dashboard/snapshot.h"

enum { NODES_MOST = 1024 }; // that a controller may be told to know

// The answer to a transaction that asked for no node and no window: meta, total, nodes, and ten more.
static redisReply *reply_with_nodes(unsigned nodes) {
	redisReader *reader = redisReaderCreate();
	char text[64];
	void *reply = NULL;
	int size = snprintf(text, sizeof(text), "*13\r\n*0\r\n*0\r\n*%u\r\n", nodes);
	redisReaderFeed(reader, text, (size_t)size);
	// A set has no order.
	for (unsigned i = nodes; i-- > 0;) {
		size = snprintf(text, sizeof(text), "$9\r\nedge-%04u\r\n", i);
		redisReaderFeed(reader, text, (size_t)size);
	}
	for (unsigned i = 0; i < 10; i++)
		redisReaderFeed(reader, "*0\r\n", 4);
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
	assert_non_null(reply);
	redisReaderFree(reader);
	return reply;
}

static struct snapshot_scope learnt_from(unsigned nodes) {
	static const struct snapshot_scope nothing;
	struct snapshot_scope learnt;
	char error[LINK_ERROR_SIZE] = "";
	struct snapshot *snapshot = snapshot_new(&nothing, reply_with_nodes(nodes), error);
	if (snapshot == NULL)
		fail_msg("%s", error);
	snapshot_learn(snapshot, &learnt);
	snapshot_free(snapshot);
	return learnt;
}

static void test_as_many_nodes_are_read_as_there_may_be(void **state) {
	char name[SNAPSHOT_NAME_SIZE];
	struct snapshot_scope learnt = learnt_from(NODES_MOST);
	assert_int_equal(learnt.nodes_length, NODES_MOST);
	for (unsigned i = 0; i < NODES_MOST; i++) {
		snprintf(name, sizeof(name), "edge-%04u", i);
		assert_string_equal(learnt.nodes[i], name);
	}
}

static void test_a_change_of_nodes_is_seen(void **state) {
	struct snapshot_scope none = learnt_from(0), two = learnt_from(2), again = learnt_from(2);
	assert_int_equal(none.nodes_length, 0);
	assert_true(snapshot_scope_equal(&two, &again));
	assert_false(snapshot_scope_equal(&none, &two));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_many_nodes_are_read_as_there_may_be),
		cmocka_unit_test(test_a_change_of_nodes_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
