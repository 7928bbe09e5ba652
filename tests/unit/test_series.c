// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Time series: parameters to a grid, and entries to steps.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dashboard/series.h"

#define NOW_MS 1700000000500LL
#define HOUR_MS 3600000LL

// An hour of seconds, two days of minutes, and no hours yet.
static const struct series_reach reach = {
	.first_ms = {NOW_MS - 500 - HOUR_MS, 1700000000000LL - 48 * HOUR_MS + 40000, 0},
	.interval_ms = 1000,
	.last_ms = 1700000000000LL,
};

static struct series_query parsed(struct series_parameters parameters) {
	struct series_query query;
	char error[SERIES_ERROR_SIZE] = "";
	if (series_query_parse(&parameters, &reach, NOW_MS, &query, error) != 0)
		fail_msg("%s", error);
	assert_true(query.length >= 1 && query.length <= SERIES_POINTS_MAX);
	assert_int_equal(query.to_ms - query.from_ms, query.length * query.step_ms);
	return query;
}

static void test_defaults_are_the_last_quarter_of_an_hour(void **state) {
	struct series_query query = parsed((struct series_parameters){0});
	// 900 entries do not fit into 600 points: two to a step. The end is that of the newest entry.
	assert_int_equal(query.step_ms, 2000);
	assert_int_equal(query.to_ms, reach.last_ms);
	assert_int_equal(query.resolution, 0);
	assert_int_equal(query.fields_length, 4);
	assert_string_equal(query.node, "");
}

static void test_resolution_follows_the_range_and_the_reach(void **state) {
	assert_int_equal(parsed((struct series_parameters){.last = "3600"}).resolution, 0);
	assert_int_equal(parsed((struct series_parameters){.last = "7300"}).resolution, 1);
	assert_int_equal(parsed((struct series_parameters){.last = "86400"}).resolution, 1);
	// A quarter of an hour of yesterday: the seconds are gone.
	struct series_query old = parsed((struct series_parameters){.from = "1699920000000", .to = "1699920900000"});
	assert_int_equal(old.resolution, 1);
	assert_int_equal(old.length, 15);
	// Nothing reaches back so far: what reaches back farthest and is short enough.
	assert_int_equal(parsed((struct series_parameters){.last = "259200"}).resolution, 1);
	assert_int_equal(parsed((struct series_parameters){.last = "31622400"}).resolution, 2);
	assert_int_equal(parsed((struct series_parameters){.last = "60", .resolution = "1h"}).resolution, 2);
}

static void test_a_young_controller_is_shown_in_seconds(void **state) {
	// It began 100 s ago. The first minute's entry ends later than the first second's.
	const struct series_reach young = {
		.first_ms = {1699999900000LL, 1699999920000LL, 0}, .interval_ms = 1000, .last_ms = 1700000000000LL};
	// Of the last range, its beginning lies within that minute.
	static const char *const lasts[] = {"30", "900", "120"};
	for (size_t i = 0; i < sizeof(lasts) / sizeof(*lasts); i++) {
		struct series_parameters parameters = {.last = lasts[i]};
		struct series_query query;
		char error[SERIES_ERROR_SIZE];
		assert_int_equal(series_query_parse(&parameters, &young, NOW_MS, &query, error), 0);
		assert_int_equal(query.resolution, 0);
	}
}

static void test_points_are_a_bound(void **state) {
	static const char *const points[] = {"10", "11", "599", "2000"};
	static const char *const lasts[] = {"10", "61", "900", "3599", "86399", "31622400"};
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++)
		for (size_t k = 0; k < sizeof(lasts) / sizeof(*lasts); k++) {
			struct series_query query =
				parsed((struct series_parameters){.last = lasts[k], .points = points[i]});
			assert_true(query.length <= (uint32_t)atoi(points[i]));
		}
}

static void assert_refused(struct series_parameters parameters, const char *said) {
	struct series_query query;
	char error[SERIES_ERROR_SIZE] = "";
	assert_int_equal(series_query_parse(&parameters, &reach, NOW_MS, &query, error), -EINVAL);
	if (strstr(error, said) == NULL)
		fail_msg("\"%s\" says nothing of \"%s\"", error, said);
}

static void test_bad_parameters_are_named(void **state) {
	char many[400] = "", name[80];
	assert_refused((struct series_parameters){.last = ""}, "last");
	assert_refused((struct series_parameters){.last = "9"}, "10..31622400");
	assert_refused((struct series_parameters){.last = "-5"}, "\"-5\"");
	assert_refused((struct series_parameters){.last = "99999999999999999999"}, "last");
	assert_refused((struct series_parameters){.points = "2001"}, "10..2000");
	assert_refused((struct series_parameters){.last = "60", .to = "5"}, "last, or from and to");
	assert_refused((struct series_parameters){.from = "1700000000000", .to = "1600000000000"}, "before to");
	assert_refused((struct series_parameters){.from = "0"}, "366 days");
	assert_refused((struct series_parameters){.resolution = "2m"}, "auto, 1s, 1m or 1h");
	assert_refused((struct series_parameters){.last = "31622400", .resolution = "1s"}, "coarser");
	assert_refused((struct series_parameters){.node = "a\nb"}, "node");
	assert_refused((struct series_parameters){.fields = ""}, "at least one");
	assert_refused((struct series_parameters){.fields = "packets_per_s,bytes"}, "\"bytes\"");
	for (int i = 0; i <= SERIES_FIELDS_MAX; i++)
		strcat(many, "flows_live,");
	assert_refused((struct series_parameters){.fields = many}, "at most 16");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_refused((struct series_parameters){.node = name}, "node");
}

// An entry as XRANGE gives it.
struct entry {
	redisReply reply, id, fields, words[16];
	redisReply *of_reply[2], *of_fields[16];
	char id_text[32];
};

static redisReply word(const char *text) {
	return (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)text, .len = strlen(text)};
}

//   words  names and values, ended by NULL
static void add(struct series *series, int64_t ms, const char *const *words) {
	struct entry entry = {.fields.type = REDIS_REPLY_ARRAY, .reply.type = REDIS_REPLY_ARRAY};
	snprintf(entry.id_text, sizeof(entry.id_text), "%lld-0", (long long)ms);
	entry.id = word(entry.id_text);
	for (; words[entry.fields.elements] != NULL; entry.fields.elements++) {
		entry.words[entry.fields.elements] = word(words[entry.fields.elements]);
		entry.of_fields[entry.fields.elements] = &entry.words[entry.fields.elements];
	}
	entry.fields.element = entry.of_fields;
	entry.of_reply[0] = &entry.id;
	entry.of_reply[1] = &entry.fields;
	entry.reply.elements = 2;
	entry.reply.element = entry.of_reply;
	assert_int_equal(series_add(series, &entry.reply), ms);
}
#define ADD(series, ms, ...) add(series, ms, (const char *const[]){__VA_ARGS__, NULL})

// A step's figure; -1 stands for null.
static double figure(const json_t *answer, const char *field, size_t step) {
	const json_t *column = json_object_get(json_object_get(answer, "fields"), field);
	assert_int_equal(json_array_size(column), json_array_size(json_object_get(answer, "time_ms")));
	const json_t *value = json_array_get(column, step);
	return json_is_null(value) ? -1 : json_number_value(value);
}

static struct series_query grid(const char *fields, int64_t step_ms) {
	struct series_query query =
		parsed((struct series_parameters){.fields = fields, .from = "1699999990000", .to = "1700000000000"});
	query.step_ms = step_ms;
	query.length = (uint32_t)(10000 / step_ms);
	return query;
}

static void test_steps_are_of_their_entries(void **state) {
	struct series_query query = grid("packets_per_s,packets_per_s_max,tcp_packets_per_s,nodes_up,flows_live", 5000);
	struct series *series = series_new(&query, 1000);
	// The entry before the range tells only where sums begin.
	ADD(series, 1699999990000, "packets_per_s", "999", "tcp_packets", "100", "nodes_up", "9");
	ADD(series, 1699999991000, "packets_per_s", "10", "tcp_packets", "110", "nodes_up", "2", "flows_live", "4");
	ADD(series, 1699999992000, "packets_per_s", "30", "tcp_packets", "150", "nodes_up", "1", "flows_live", "8");
	// 1699999993000 to 1699999996000 are missing.
	ADD(series, 1699999997000, "packets_per_s", "40", "tcp_packets", "1150", "nodes_up", "3");
	ADD(series, 1699999998000, "packets_per_s", "60", "tcp_packets", "1170", "nodes_up", "3");
	json_t *answer = series_to_json(series);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(answer, "time_ms"), 0)), 1699999995000);
	assert_true(figure(answer, "packets_per_s", 0) == 20 && figure(answer, "packets_per_s", 1) == 50);
	assert_true(figure(answer, "packets_per_s_max", 0) == 30 && figure(answer, "packets_per_s_max", 1) == 60);
	// 50 packets in 2 s; what grew over the hole is in no step.
	assert_true(figure(answer, "tcp_packets_per_s", 0) == 25 && figure(answer, "tcp_packets_per_s", 1) == 20);
	assert_true(figure(answer, "nodes_up", 0) == 1 && figure(answer, "nodes_up", 1) == 3);
	assert_true(figure(answer, "flows_live", 0) == 6 && figure(answer, "flows_live", 1) == -1);
	json_decref(answer);
	series_free(series);
}

static void test_what_is_missing_is_null(void **state) {
	struct series_query query = grid("packets_per_s,dropped_per_s,tcp_bits_per_s", 1000);
	struct series *series = series_new(&query, 1000);
	ADD(series, 1699999992000, "packets_per_s", "5", "dropped", "3", "tcp_bytes", "10");
	ADD(series, 1699999993000, "packets_per_s", "5", "tcp_bytes", "20");
	ADD(series, 1699999993500, "gap_from_ms", "1699999993000", "gap_to_ms", "1699999998000", "reason",
		"redis lost it");
	ADD(series, 1699999998000, "packets_per_s", "7", "tcp_bytes", "5"); // a sum that went down is no rate
	json_t *answer = series_to_json(series);
	const double packets[] = {-1, 5, 5, -1, -1, -1, -1, 7, -1, -1};
	const double dropped[] = {-1, 3, -1, -1, -1, -1, -1, -1, -1, -1};
	const double bits[] = {-1, -1, 80, -1, -1, -1, -1, -1, -1, -1};
	for (size_t i = 0; i < 10; i++) {
		assert_true(figure(answer, "packets_per_s", i) == packets[i]);
		assert_true(figure(answer, "dropped_per_s", i) == dropped[i]);
		assert_true(figure(answer, "tcp_bits_per_s", i) == bits[i]);
	}
	const json_t *gap = json_array_get(json_object_get(answer, "gaps"), 0);
	assert_string_equal(json_string_value(json_object_get(gap, "reason")), "redis lost it");
	json_decref(answer);
	series_free(series);
}

static void test_a_clock_that_was_set_back_is_followed(void **state) {
	struct series_reach ahead = reach;
	struct series_parameters parameters = {
		.fields = "packets_per_s,tcp_packets_per_s", .last = "10", .points = "10"};
	struct series_query query;
	char error[SERIES_ERROR_SIZE];
	assert_int_equal(parsed(parameters).read_to_ms, parsed(parameters).to_ms);
	ahead.last_ms += HOUR_MS;
	assert_int_equal(series_query_parse(&parameters, &ahead, NOW_MS, &query, error), 0);
	assert_true(query.read_to_ms >= ahead.last_ms);
	struct series *series = series_new(&query, 1000);
	char times[2][24];
	for (int i = 0; i < 2; i++)
		snprintf(times[i], sizeof(times[i]), "%lld", (long long)query.from_ms + 1000 * (i + 1));
	ADD(series, ahead.last_ms - 1, "packets_per_s", "9", "tcp_packets", "10"); // of the hour that did not come
	ADD(series, ahead.last_ms, "packets_per_s", "10", "tcp_packets", "20", "time_ms", times[0]);
	ADD(series, ahead.last_ms + 1, "packets_per_s", "30", "tcp_packets", "50", "time_ms", times[1]);
	json_t *answer = series_to_json(series);
	assert_true(figure(answer, "packets_per_s", 0) == 10 && figure(answer, "packets_per_s", 1) == 30);
	assert_true(figure(answer, "tcp_packets_per_s", 0) == -1 && figure(answer, "tcp_packets_per_s", 1) == 30);
	json_decref(answer);
	series_free(series);
}

static void test_coarse_entries_weigh_what_they_cover(void **state) {
	struct series_query query = parsed((struct series_parameters){
		.fields = "packets_per_s,packets_per_s_max,alerts_active", .last = "7200", .points = "60"});
	assert_int_equal(query.resolution, 1);
	assert_int_equal(query.step_ms, 120000 + 60000 * (query.step_ms > 120000));
	struct series *series = series_new(&query, 60000);
	ADD(series, query.from_ms + 60000, "packets_per_s", "10", "covered_ms", "60000", "packets_per_s_max", "90",
		"alerts_active_max", "2");
	ADD(series, query.from_ms + 120000, "packets_per_s", "100", "covered_ms", "30000", "packets_per_s_max", "300",
		"alerts_active_max", "1");
	json_t *answer = series_to_json(series);
	assert_true(figure(answer, "packets_per_s", 0) == 40);
	assert_true(figure(answer, "packets_per_s_max", 0) == 300 && figure(answer, "alerts_active", 0) == 2);
	json_decref(answer);
	series_free(series);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_the_last_quarter_of_an_hour),
		cmocka_unit_test(test_resolution_follows_the_range_and_the_reach),
		cmocka_unit_test(test_a_young_controller_is_shown_in_seconds),
		cmocka_unit_test(test_points_are_a_bound),
		cmocka_unit_test(test_bad_parameters_are_named),
		cmocka_unit_test(test_steps_are_of_their_entries),
		cmocka_unit_test(test_what_is_missing_is_null),
		cmocka_unit_test(test_a_clock_that_was_set_back_is_followed),
		cmocka_unit_test(test_coarse_entries_weigh_what_they_cover),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
