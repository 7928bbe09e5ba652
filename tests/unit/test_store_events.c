// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Alerts' starts and ends, and decisions, on their way to Redis: what was given up while it was away is counted, and an
// entry says so in its place.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/store.h"
#include "ctrlplane/store_parts.h"

static struct state shared;
static struct store store;
static int ends[2]; // of the connection: the store's, and one that stands for Redis

// An entry as it is sent: its id, and whether it stands for missing ones.
struct sent {
	uint64_t ms, n, lost;
	bool is_gap;
};

struct sending {
	uint64_t commands;
	struct sent list[2 * ACT_EVENTS_MAX];
	size_t length;
};

static int setup(void **state) {
	memset(&shared, 0, sizeof(shared));
	memset(&store, 0, sizeof(store));
	shared.config.interval_ns = NS_PER_S;
	shared.nodes = (struct nodes){.max = 4, .window_entries = 16, .interval_ns = NS_PER_S, .window_slots = 12};
	store.state = &shared;
	store.endpoint.kind = REDIS_UNIX;
	store.text = "unix:///test";
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	store.redis = redisConnectFd(ends[0]);
	assert_non_null(store.redis);
	return history_new(&store.history);
}

static int teardown(void **state) {
	redisFree(store.redis);
	close(ends[1]);
	history_free(store.history);
	act_fini(&shared.act);
	nodes_fini(&shared.nodes);
	return 0;
}

static void fire(unsigned times) {
	struct alert seen = {.rule = "scan", .subject = "10.0.0.1", .severity = "info", .value = 2, .threshold = 1};
	for (unsigned i = 0; i < times; i++) {
		assert_int_equal(alerts_raise(&shared.alerts, &seen, 1), ALERTS_STARTED);
		alerts_end_rule(&shared.alerts, "scan", clock_wall_ns(), "");
	}
}

static void decide(unsigned times) {
	for (unsigned i = 0; i < times; i++) {
		struct act_event *event = &shared.act.events[shared.act.events_count++ % ACT_EVENTS_MAX];
		json_decref(event->decision);
		*event = (struct act_event){
			.id_ms = 1000 + shared.act.events_count, .decision = json_pack("{ss}", "status", "done")};
	}
}

// A command is an array of texts, as an answer may be one.
static void take_sent(const redisReply *command, const char *key, struct sending *sending) {
	if (strcmp(command->element[0]->str, "XADD") != 0 || strcmp(command->element[1]->str, key) != 0)
		return;
	struct sent *sent = &sending->list[sending->length++];
	assert_int_equal(sscanf(command->element[5]->str, "%" SCNu64 "-%" SCNu64, &sent->ms, &sent->n), 2);
	sent->is_gap = strcmp(command->element[7]->str, "gap") == 0;
	if (!sent->is_gap)
		return;
	assert_int_equal(command->elements, 10);
	assert_string_equal(command->element[8]->str, "lost");
	sent->lost = strtoull(command->element[9]->str, NULL, 10);
}

// Begin a transaction.
static void send_all(const char *key, struct sending *out) {
	redisReader *reader = redisReaderCreate();
	void *command;
	*out = (struct sending){.commands = store_send_save(&store, false)};
	assert_true(out->commands > STORE_GUARD);
	redisReaderFeed(reader, store.redis->obuf, sdslen(store.redis->obuf));
	sdsclear(store.redis->obuf);
	while (redisReaderGetReply(reader, &command) == REDIS_OK && command != NULL) {
		take_sent(command, key, out);
		freeReplyObject(command);
	}
	redisReaderFree(reader);
}

// Redis does what it was sent.
static void answer(const struct sending *sending) {
	store.phase = STORE_SAVING;
	store.expected = sending->commands;
	store.received = 0;
	for (uint64_t i = 1; i <= sending->commands; i++) {
		const char *text = i == sending->commands - STORE_GUARD ? "*0\r\n" : "+OK\r\n";
		redisReader *reader = redisReaderCreate();
		void *reply = NULL;
		redisReaderFeed(reader, text, strlen(text));
		assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
		store_take_reply(&store, reply);
		redisReaderFree(reader);
	}
	assert_int_equal(store.phase, STORE_READY);
}

static uint64_t status_of(const char *name) {
	json_t *status = store_status(&store);
	uint64_t value = (uint64_t)json_integer_value(json_object_get(status, name));
	json_decref(status);
	return value;
}

static void assert_ascending(const struct sending *sending, struct sent last) {
	for (size_t i = 0; i < sending->length; i++) {
		const struct sent *sent = &sending->list[i];
		assert_true(sent->ms > last.ms || (sent->ms == last.ms && sent->n > last.n));
		last = *sent;
	}
}

static void what_fits_is_stored_whole(void **state) {
	static struct sending sending;
	fire(ALERTS_HISTORY_MAX / 2);
	send_all(STORE_KEY "alerts:history", &sending);
	assert_int_equal(sending.length, ALERTS_HISTORY_MAX);
	for (size_t i = 0; i < sending.length; i++)
		assert_false(sending.list[i].is_gap);
	answer(&sending);
	assert_int_equal(status_of("alert_events_lost"), 0);
}

static void lost_alert_events_leave_a_gap(void **state) {
	static struct sending before, sending;
	fire(1);
	send_all(STORE_KEY "alerts:history", &before);
	answer(&before);
	assert_int_equal(before.length, 2);
	fire(300);
	assert_int_equal(status_of("alert_events_lost"), 600 - ALERTS_HISTORY_MAX);
	send_all(STORE_KEY "alerts:history", &sending);
	assert_int_equal(sending.length, 1 + ALERTS_HISTORY_MAX);
	assert_true(sending.list[0].is_gap);
	assert_int_equal(sending.list[0].lost, 600 - ALERTS_HISTORY_MAX);
	assert_false(sending.list[1].is_gap);
	assert_ascending(&sending, before.list[1]);
	answer(&sending);
	assert_int_equal(status_of("alert_events_lost"), 600 - ALERTS_HISTORY_MAX);
	// Said once.
	fire(2);
	send_all(STORE_KEY "alerts:history", &sending);
	assert_int_equal(sending.length, 4);
	assert_false(sending.list[0].is_gap);
	answer(&sending);
	assert_int_equal(status_of("alert_events_lost"), 600 - ALERTS_HISTORY_MAX);
}

static void lost_decisions_leave_a_gap(void **state) {
	static struct sending before, sending;
	decide(3);
	send_all(STORE_KEY "decisions", &before);
	answer(&before);
	assert_int_equal(before.length, 3);
	decide(ACT_EVENTS_MAX + 20);
	assert_int_equal(status_of("decisions_lost"), 20);
	send_all(STORE_KEY "decisions", &sending);
	assert_int_equal(sending.length, 1 + ACT_EVENTS_MAX);
	assert_true(sending.list[0].is_gap);
	assert_int_equal(sending.list[0].lost, 20);
	assert_ascending(&sending, before.list[2]);
	answer(&sending);
	assert_int_equal(status_of("decisions_lost"), 20);
	assert_int_equal(status_of("alert_events_lost"), 0);
}

static void without_redis_nothing_is_lost_to_it(void **state) {
	store.endpoint.kind = REDIS_NONE;
	fire(300);
	assert_int_equal(status_of("alert_events_lost"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(what_fits_is_stored_whole),
		TEST(lost_alert_events_leave_a_gap),
		TEST(lost_decisions_leave_a_gap),
		TEST(without_redis_nothing_is_lost_to_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
