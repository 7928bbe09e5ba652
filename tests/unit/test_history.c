// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Histories waiting for Redis: bounded, in order, what is given up is named; minutes and hours add up to what their
// intervals were, whoever noted them.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/history.h"

enum { MINUTE_MS = 60000 };

static int set_up(void **state) {
	return history_new((struct history **)state);
}

static int tear_down(void **state) {
	history_free(*state);
	return 0;
}

static const struct histogram no_times;

static void add(struct history *history, uint64_t ms) {
	history_add(history, &(struct history_entry){.ms = ms, .covered_ms = 1000}, &no_times);
}

static uint64_t pending(const struct history *history, enum history_resolution resolution) {
	return history->levels[resolution].added - history->levels[resolution].stored;
}

// The pending entry number i.
static const struct history_entry *entry(
	const struct history *history, enum history_resolution resolution, uint64_t i) {
	const struct history_level *level = &history->levels[resolution];
	assert_true(i < level->added - level->stored);
	return &level->entries[(level->stored + i) % level->max];
}

// Everything pending goes to Redis; returns the id of the newest.
static uint64_t store_all(struct history *history) {
	uint64_t id_ms = 0;
	for (int i = 0; i < HISTORY_RESOLUTIONS; i++) {
		struct history_level *level = &history->levels[i];
		level->storing_id_ms = level->last_id_ms;
		for (level->storing = level->stored; level->storing < level->added; level->storing++)
			history_id(&level->entries[level->storing % level->max], &level->storing_id_ms);
		if (i == HISTORY_INTERVAL)
			id_ms = level->storing_id_ms;
	}
	history->gaps_storing = history->gaps_length;
	history_mark_stored(history);
	return id_ms;
}

static void an_interval_is_noted_once(void **state) {
	struct history *history = *state;
	add(history, 5000);
	add(history, 6000);
	add(history, 6000);
	assert_int_equal(pending(history, HISTORY_INTERVAL), 2);
	assert_int_equal(store_all(history), 6000);
	add(history, 6000);
	assert_int_equal(pending(history, HISTORY_INTERVAL), 0);
}

static void ids_go_forward_when_the_clock_goes_back(void **state) {
	struct history *history = *state;
	add(history, 3600000);
	add(history, 3601000);
	assert_int_equal(store_all(history), 3601000);
	add(history, 1000);
	add(history, 2000);
	assert_int_equal(entry(history, HISTORY_INTERVAL, 1)->ms, 2000);
	assert_int_equal(store_all(history), 3601002);
	add(history, 3602000);
	assert_int_equal(store_all(history), 3602000);
}

static void what_is_given_up_is_one_gap(void **state) {
	struct history *history = *state;
	for (uint64_t i = 1; i <= HISTORY_PENDING_MAX + 3; i++)
		add(history, 1000 * i);
	assert_int_equal(pending(history, HISTORY_INTERVAL), HISTORY_PENDING_MAX);
	assert_int_equal(history->gaps_length, 1);
	assert_int_equal(history->gaps[0].from_ms, 0);
	assert_int_equal(history->gaps[0].to_ms, 3000);
	assert_int_equal(pending(history, HISTORY_MINUTE), HISTORY_PENDING_MAX / 60); // nothing of these is lost
	store_all(history);
	assert_int_equal(history->gaps_length, 0);
}

static void gaps_are_bounded(void **state) {
	struct history *history = *state;
	static const char *const reasons[] = {"one", "other"};
	for (uint64_t i = 0; i < 3 * HISTORY_GAPS_MAX; i++)
		history_add_gap(history, &(struct history_gap){i, i + 1, reasons[i % 2]});
	assert_int_equal(history->gaps_length, HISTORY_GAPS_MAX);
	assert_int_equal(history->gaps[0].from_ms, 0);
	assert_int_equal(history->gaps[HISTORY_GAPS_MAX - 1].to_ms, 3 * HISTORY_GAPS_MAX);
}

static void a_gap_on_its_way_stays_as_it_is(void **state) {
	struct history *history = *state;
	history_add_gap(history, &(struct history_gap){1, 2, "one"});
	history->gaps_storing = 1;
	history_add_gap(history, &(struct history_gap){3, 4, "one"});
	history_mark_stored(history);
	assert_int_equal(history->gaps_length, 1);
	assert_int_equal(history->gaps[0].from_ms, 3);
}

// Second i of a minute: i packets per second, 10 i flows, i packets dropped.
static struct history_entry second(uint64_t i) {
	return (struct history_entry){.ms = MINUTE_MS + 1000 * i,
		.covered_ms = 1000,
		.totals.v[TOTALS_PACKETS] = 100 * i,
		.rates = {(double)i},
		.rates_max = {(double)i},
		.flows_live = 10 * (double)i,
		.flows_live_max = 10 * i,
		.nodes_up = i == 7 ? 1 : 2,
		.nodes_up_min = i == 7 ? 1 : 2,
		.alerts_active_max = i == 30 ? 5 : 0,
		.dropped = i};
}

static void check_minute(const struct history_entry *minute) {
	assert_int_equal(minute->ms, 2 * MINUTE_MS);
	assert_int_equal(minute->covered_ms, MINUTE_MS);
	assert_int_equal(minute->totals.v[TOTALS_PACKETS], 6000);
	assert_float_equal(minute->rates[HISTORY_PACKETS_PER_S], 30.5, 1e-9);
	assert_float_equal(minute->rates_max[HISTORY_PACKETS_PER_S], 60, 0);
	assert_float_equal(minute->flows_live, 305, 1e-9);
	assert_float_equal(minute->nodes_up, 2 - 1.0 / 60, 1e-9);
	assert_int_equal(minute->flows_live_max, 600);
	assert_int_equal(minute->nodes_up_min, 1);
	assert_int_equal(minute->alerts_active_max, 5);
	assert_int_equal(minute->dropped, 1830);
}

static void a_minute_is_what_its_seconds_were(void **state) {
	struct history *history = *state;
	for (uint64_t i = 1; i <= 60; i++) {
		struct history_entry one = second(i);
		assert_int_equal(pending(history, HISTORY_MINUTE), 0);
		history_add(history, &one, &no_times);
	}
	assert_int_equal(pending(history, HISTORY_MINUTE), 1);
	check_minute(entry(history, HISTORY_MINUTE, 0));
	assert_int_equal(pending(history, HISTORY_HOUR), 0);
	assert_int_equal(history->levels[HISTORY_HOUR].open.covered_ms, MINUTE_MS);
}

// Hand all levels to another history, as a controller does by way of Redis.
static void hand_on(const struct history *from, struct history *to) {
	for (int i = 0; i < HISTORY_RESOLUTIONS; i++) {
		json_t *open = history_open_to_json(&from->levels[i]);
		history_restore(&to->levels[i], open);
		json_decref(open);
	}
}

static void a_minute_survives_a_restart_in_its_middle(void **state) {
	struct history *history = *state, *next;
	assert_int_equal(history_new(&next), 0);
	for (uint64_t i = 1; i <= 60; i++) {
		struct history_entry one = second(i);
		if (i <= 25)
			history_add(history, &one, &no_times);
		if (i == 25) {
			store_all(history);
			hand_on(history, next);
			history_add(next, &one, &no_times); // noted by the one before
		}
		if (i > 25)
			history_add(next, &one, &no_times);
	}
	assert_int_equal(pending(next, HISTORY_INTERVAL), 35);
	check_minute(entry(next, HISTORY_MINUTE, 0));
	history_free(next);
}

static void a_minute_is_joined_when_redis_tells_late(void **state) {
	struct history *history = *state, *next;
	assert_int_equal(history_new(&next), 0);
	for (uint64_t i = 1; i <= 60; i++) {
		struct history_entry one = second(i);
		history_add(i <= 25 ? history : next, &one, &no_times);
		if (i == 40) {
			store_all(history);
			hand_on(history, next);
		}
	}
	check_minute(entry(next, HISTORY_MINUTE, 0));
	history_free(next);
}

static void minutes_that_are_over_are_joined_as_well(void **state) {
	struct history *history = *state, *next;
	assert_int_equal(history_new(&next), 0);
	struct history_entry first = second(1), later = second(61), last = second(121);
	history_add(history, &first, &no_times);
	history_add(next, &later, &no_times);
	history_add(next, &last, &no_times);
	store_all(history);
	hand_on(history, next);
	assert_int_equal(pending(next, HISTORY_MINUTE), 2);
	assert_int_equal(entry(next, HISTORY_MINUTE, 0)->ms, 2 * MINUTE_MS);
	assert_int_equal(entry(next, HISTORY_MINUTE, 1)->ms, 3 * MINUTE_MS);
	assert_int_equal(entry(next, HISTORY_MINUTE, 0)->covered_ms, 1000);
	history_free(next);
}

// Percentiles are over all samples, not means of percentiles: 99 of 1 ms in one second, one of 1 s in the next.
static void times_of_a_minute_are_over_all_samples(void **state) {
	struct history *history = *state, *next;
	struct histogram fast = {.lost_bits = 0}, slow = {.lost_bits = 0};
	assert_int_equal(history_new(&next), 0);
	histogram_add(&fast, 1000000, 99);
	histogram_add(&slow, 1000000000, 2);
	struct history_entry one = second(1), two = second(2), over = second(60);
	one.tcp_packets = 90;
	two.tcp_packets = 10;
	two.tcp_retransmitted_packets = 5;
	history_add(history, &one, &fast);
	assert_in_range(entry(history, HISTORY_INTERVAL, 0)->rtt_ns[2], 950000, 1050000);
	store_all(history);
	hand_on(history, next);
	history_add(next, &two, &slow);
	history_add(next, &over, &no_times);
	assert_in_range(entry(next, HISTORY_INTERVAL, 0)->rtt_ns[0], 950000000, 1050000000);
	assert_int_equal(entry(next, HISTORY_INTERVAL, 1)->rtt_ns[0], 0);
	const struct history_entry *minute = entry(next, HISTORY_MINUTE, 0);
	assert_in_range(minute->rtt_ns[0], 950000, 1050000);
	assert_in_range(minute->rtt_ns[1], 950000, 1050000);
	assert_in_range(minute->rtt_ns[2], 950000000, 1050000000);
	assert_int_equal(minute->tcp_packets, 100);
	assert_int_equal(minute->tcp_retransmitted_packets, 5);
	history_free(next);
}

static void a_gap_in_a_minute_is_not_covered(void **state) {
	struct history *history = *state;
	for (uint64_t i = 1; i <= 70; i++) {
		struct history_entry one = second(i);
		if (i <= 10 || i > 50)
			history_add(history, &one, &no_times);
	}
	assert_int_equal(entry(history, HISTORY_MINUTE, 0)->covered_ms, 20000);
	struct history_entry much_later = second(300);
	history_add(history, &much_later, &no_times); // minutes without an entry are not there
	assert_int_equal(pending(history, HISTORY_MINUTE), 3);
	assert_int_equal(entry(history, HISTORY_MINUTE, 1)->ms, 3 * MINUTE_MS);
	assert_int_equal(entry(history, HISTORY_MINUTE, 2)->ms, 6 * MINUTE_MS);
}

static void nonsense_from_redis_is_nothing(void **state) {
	struct history *history = *state;
	static const char *const texts[] = {"[]", "{}", "{\"open\":7}", "{\"open\":{}}", "{\"rtt\":\"zz\",\"open\":{}}",
		"{\"rtt\":\"ffff\"}", "{\"last_ms\":\"x\",\"last_id_ms\":null,\"open\":{\"end_ms\":0,\"packets\":-1}}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		json_t *value = json_loads(texts[i], 0, NULL);
		history_restore(&history->levels[HISTORY_MINUTE], value);
		json_decref(value);
	}
	assert_int_equal(history->levels[HISTORY_MINUTE].open.ms, 0);
	assert_int_equal(pending(history, HISTORY_MINUTE), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(an_interval_is_noted_once),
		TEST(ids_go_forward_when_the_clock_goes_back),
		TEST(what_is_given_up_is_one_gap),
		TEST(gaps_are_bounded),
		TEST(a_gap_on_its_way_stays_as_it_is),
		TEST(a_minute_is_what_its_seconds_were),
		TEST(a_minute_survives_a_restart_in_its_middle),
		TEST(a_minute_is_joined_when_redis_tells_late),
		TEST(minutes_that_are_over_are_joined_as_well),
		TEST(times_of_a_minute_are_over_all_samples),
		TEST(a_gap_in_a_minute_is_not_covered),
		TEST(nonsense_from_redis_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
