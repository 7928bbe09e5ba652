// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The alerts' history as the page gets it: what fires, what ended, what ended nobody knows when, and what is missing.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dashboard/part.h"

#define ENTRY(id, name, value) "*2\r\n+" id "\r\n*4\r\n+event\r\n+" name "\r\n" value
#define ALERT(id) "+alert\r\n+{\"id\": \"" id "\", \"start_ns\": 1}\r\n"
#define GAP "*2\r\n+1700000000123-7\r\n*4\r\n+%s\r\n+gap\r\n+lost\r\n+344\r\n"

// Texts are written as statuses, which need no length; Redis stores strings.
static void make_strings(redisReply *reply) {
	if (reply->type == REDIS_REPLY_STATUS)
		reply->type = REDIS_REPLY_STRING;
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
		make_strings(reply->element[i]);
}

static redisReply *parsed(const char *text) {
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;
	redisReaderFeed(reader, text, strlen(text));
	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
	assert_non_null(reply);
	redisReaderFree(reader);
	make_strings(reply);
	return reply;
}

// The part where 1-1 is active.
//   newest  id of the newest entry of the history, in the reading
static json_t *history_part(const char *entries, const char *newest) {
	char text[64];
	snprintf(text, sizeof(text), "*1\r\n*2\r\n+%s\r\n*0\r\n", newest);
	struct snapshot now = {.alerts = parsed("*2\r\n+1-1\r\n+{}\r\n"), .newest_alert = parsed(text)};
	struct source source = {.kept = {&now}, .alerts_history = parsed(entries), .alerts_newest = "9-0"};
	struct parts parts = {.source = &source};
	struct part_request request = {.parts = &parts, .now = &now, .argument = ""};
	json_t *part = part_alerts_history(&request);
	freeReplyObject(source.alerts_history);
	freeReplyObject(now.newest_alert);
	freeReplyObject(now.alerts);
	return part;
}

static const char *state_of(const json_t *part, const char *id) {
	const json_t *alert;
	size_t i;
	json_array_foreach(json_object_get(part, "alerts"), i, alert) {
		if (strcmp(json_string_value(json_object_get(alert, "id")), id) == 0)
			return json_string_value(json_object_get(alert, "state"));
	}
	return "none";
}

static const char stored[] = "*4\r\n" ENTRY("9-0", "end", ALERT("1-3")) ENTRY("8-0", "start", ALERT("1-3"))
	ENTRY("7-0", "start", ALERT("1-2")) ENTRY("6-0", "start", ALERT("1-1"));

static void test_what_is_not_active_does_not_fire(void **state) {
	json_t *part = history_part(stored, "9-0");
	assert_string_equal(state_of(part, "1-1"), "active");
	assert_string_equal(state_of(part, "1-2"), "unknown");
	assert_string_equal(state_of(part, "1-3"), "ended");
	assert_int_equal(json_array_size(json_object_get(part, "gaps")), 0);
	json_decref(part);
}

static void test_a_history_of_another_moment_says_nothing_of_ends(void **state) {
	json_t *part = history_part(stored, "10-0");
	assert_string_equal(state_of(part, "1-2"), "active");
	json_decref(part);
}

static void assert_gap(const json_t *part) {
	const json_t *gaps = json_object_get(part, "gaps"), *gap = json_array_get(gaps, 0);
	assert_int_equal(json_array_size(gaps), 1);
	assert_int_equal(json_integer_value(json_object_get(gap, "time_ms")), 1700000000123);
	assert_int_equal(json_integer_value(json_object_get(gap, "lost")), 344);
}

static void test_missing_alert_events_are_told(void **state) {
	char text[256];
	snprintf(text, sizeof(text), "*2\r\n" ENTRY("9-0", "end", ALERT("1-3")) GAP, "event");
	json_t *part = history_part(text, "9-0");
	assert_gap(part);
	assert_int_equal(json_array_size(json_object_get(part, "alerts")), 1);
	json_decref(part);
}

static void test_missing_decisions_are_told(void **state) {
	char text[256];
	snprintf(text, sizeof(text), "*2\r\n*2\r\n+1700000000124-0\r\n*2\r\n+id\r\n+c1-1\r\n" GAP, "status");
	redisReply nothing = {.type = REDIS_REPLY_ARRAY};
	struct snapshot now = {.decisions = parsed(text), .rates = &nothing};
	struct part_request request = {.now = &now, .argument = ""};
	json_t *part = part_decisions(&request);
	assert_gap(part);
	assert_int_equal(json_array_size(json_object_get(part, "decisions")), 1);
	json_decref(part);
	freeReplyObject(now.decisions);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_active_does_not_fire),
		cmocka_unit_test(test_a_history_of_another_moment_says_nothing_of_ends),
		cmocka_unit_test(test_missing_alert_events_are_told),
		cmocka_unit_test(test_missing_decisions_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
