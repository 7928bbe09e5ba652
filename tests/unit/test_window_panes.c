// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Windows of one key against a list of its tuples, for tuples in any order; and shapes that are refused.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/random.h"
#include "dataplane/window_panes.h"

enum { TUPLES = 40, PANES = 64, EPOCH = 1000000 };

struct body {
	uint64_t time_ns, value;
};
static const struct field fields[] = {
	{.name = "time_ns", .type = FIELD_U64, .offset = offsetof(struct body, time_ns)},
	{.name = "value", .type = FIELD_U64, .offset = offsetof(struct body, value)},
	{.name = NULL},
};
static const struct schema schema = {
	.name = "body", .body = SCHEMA_RECORD, .size = sizeof(struct body), .fields = fields};
static const uint64_t key = UINT64_C(1) << 56;

static struct body bodies[TUPLES];
static struct aggregates sums;

static int by_time(const void *left, const void *right) {
	uint64_t a = ((const struct body *)left)->time_ns, b = ((const struct body *)right)->time_ns;
	return (a > b) - (a < b);
}

static void draw(uint64_t seed, uint64_t span_ns) {
	for (unsigned i = 0; i < TUPLES; i++)
		bodies[i] = (struct body){EPOCH + random_next(&seed) % span_ns, random_next(&seed) % 1000};
}

static void panes_make(struct window_panes *panes, const struct window_shape_options *options) {
	static char *compute[] = {"sum(value)", "count()"};
	const struct option_list list = {.count = 2, .items = compute};
	struct keyed_table_shape table = {.capacity = 4, .key_size = sizeof(key), .parts = 1};
	char error[200] = "";
	assert_int_equal(window_shape_check(options, error, sizeof(error)), 0);
	assert_int_equal(aggregates_parse(&sums, &schema, &list, error, sizeof(error)), 0);
	*panes = (struct window_panes){.shape = window_shape_of(options), .aggregates = &sums};
	assert_int_equal(window_panes_init(panes, &table, PANES), 0);
}

static uint32_t add_all(struct window_panes *panes) {
	uint32_t record = keyed_table_insert(panes->table, 0, 1, &key);
	for (unsigned i = 0; i < TUPLES; i++) {
		uint64_t start_ns = bodies[i].time_ns;
		if (panes->shape.kind <= WINDOW_SLIDING)
			start_ns = window_pane_start(&panes->shape, start_ns);
		struct window_pane *pane = window_panes_at(panes, 0, record, start_ns, i == 0);
		assert_non_null(pane);
		aggregates_add(&sums, window_pane_state(panes, pane), &bodies[i], bodies[i].time_ns);
	}
	return record;
}

// Take the next window; it must be that from start_ns to end_ns, with just the tuples whose times lie in it.
//   return  the key has panes left
static bool check_window(struct window_panes *panes, uint32_t record, uint64_t start_ns, uint64_t end_ns) {
	uint64_t state[2] = {7, 7}, sum = 0, count = 0;
	struct window_result result = {.state = state};
	for (unsigned i = 0; i < TUPLES; i++)
		if (bodies[i].time_ns >= start_ns && bodies[i].time_ns < end_ns) {
			sum += bodies[i].value;
			count++;
		}
	assert_true(window_panes_deadline_ns(panes, record) == end_ns + panes->shape.lateness_ns);
	bool is_left = window_panes_take(panes, 0, record, &result);
	assert_int_equal(result.start_ns, start_ns);
	assert_int_equal(result.end_ns, end_ns);
	assert_int_equal(state[0], sum);
	assert_int_equal(state[1], count);
	return is_left;
}

static bool has_tuple(uint64_t start_ns, uint64_t end_ns) {
	for (unsigned i = 0; i < TUPLES; i++)
		if (bodies[i].time_ns >= start_ns && bodies[i].time_ns < end_ns)
			return true;
	return false;
}

static void check_by_time(const struct window_shape_options *options, uint64_t span_ns) {
	struct window_panes panes;
	panes_make(&panes, options);
	for (uint64_t seed = 0; seed < 100; seed++) {
		draw(seed, span_ns);
		uint32_t record = add_all(&panes);
		const uint64_t slide_ns = panes.shape.slide_ns, size_ns = panes.shape.size_ns;
		bool is_left = true;
		for (uint64_t end_ns = EPOCH / slide_ns * slide_ns; end_ns < EPOCH + span_ns + size_ns + slide_ns;
			end_ns += slide_ns) {
			if (!has_tuple(end_ns - size_ns, end_ns))
				continue;
			assert_true(is_left);
			is_left = check_window(&panes, record, end_ns - size_ns, end_ns);
		}
		assert_false(is_left);
		keyed_table_remove(panes.table, 0, record);
	}
	window_panes_fini(&panes);
}

static void tumbling_windows(void **state) {
	const struct window_shape_options options = {.kind = WINDOW_TUMBLING, .size_ns = 100, .lateness_ns = 3};
	check_by_time(&options, 1000);
	check_by_time(&options, 10000); // most have none
}

static void sliding_windows(void **state) {
	const struct window_shape_options options = {
		.kind = WINDOW_SLIDING, .size_ns = 400, .slide_ns = 100, .lateness_ns = 5};
	check_by_time(&options, 2000);
	check_by_time(&options, 50000);
}

// Sessions grow and join whatever the order of their tuples.
static void sessions(void **state) {
	const struct window_shape_options options = {.kind = WINDOW_SESSION, .gap_ns = 50};
	struct window_panes panes;
	panes_make(&panes, &options);
	for (uint64_t seed = 0; seed < 200; seed++) {
		draw(seed, 1000 + seed * 10);
		uint32_t record = add_all(&panes);
		qsort(bodies, TUPLES, sizeof(*bodies), by_time);
		bool is_left = true;
		for (unsigned first = 0, i = 1; i <= TUPLES; i++) {
			if (i < TUPLES && bodies[i].time_ns - bodies[i - 1].time_ns < 50)
				continue;
			assert_true(is_left);
			is_left = check_window(&panes, record, bodies[first].time_ns, bodies[i - 1].time_ns + 50);
			first = i;
		}
		assert_false(is_left);
		keyed_table_remove(panes.table, 0, record);
	}
	window_panes_fini(&panes);
}

// A window of ten tuples after every five.
static void windows_by_count(void **state) {
	const struct window_shape_options options = {.kind = WINDOW_COUNT, .count = 10, .every = 5};
	struct window_panes panes;
	panes_make(&panes, &options);
	draw(9, 1000);
	uint32_t record = keyed_table_insert(panes.table, 0, 1, &key);
	for (unsigned i = 0; i < TUPLES; i++) {
		struct window_pane *pane = window_panes_at(&panes, 0, record, bodies[i].time_ns, i == 0);
		aggregates_add(&sums, window_pane_state(&panes, pane), &bodies[i], bodies[i].time_ns);
		if (pane->length < panes.shape.slide)
			continue;
		uint64_t result_state[2], sum = 0;
		struct window_result result = {.state = result_state};
		unsigned first = i >= 9 ? i - 9 : 0;
		for (unsigned j = first; j <= i; j++)
			sum += bodies[j].value;
		window_panes_take(&panes, 0, record, &result);
		assert_int_equal(result_state[0], sum);
		assert_int_equal(result_state[1], i - first + 1);
		assert_int_equal(result.end_ns, bodies[i].time_ns);
	}
	window_panes_fini(&panes);
}

// A tuple for which no pane is left changes nothing.
static void a_full_slab_refuses(void **state) {
	const struct window_shape_options options = {.kind = WINDOW_TUMBLING, .size_ns = 10};
	struct window_panes panes;
	panes_make(&panes, &options);
	uint32_t record = keyed_table_insert(panes.table, 0, 1, &key);
	unsigned taken = 0;
	while (window_panes_at(&panes, 0, record, EPOCH + taken * UINT64_C(10), taken == 0) != NULL)
		taken++;
	assert_int_equal(taken, PANES + 1);
	for (unsigned i = 0; i < taken; i++) {
		uint64_t result_state[2];
		struct window_result result = {.state = result_state};
		assert_int_equal(window_panes_take(&panes, 0, record, &result), i + 1 < taken);
		assert_int_equal(result.start_ns, EPOCH + i * 10);
	}
	window_panes_fini(&panes);
}

static void shapes_that_are_refused(void **state) {
	const struct {
		struct window_shape_options options;
		const char *error;
	} wrong[] = {
		{{.kind = WINDOW_TUMBLING}, "size: missing; kind tumbling needs it"},
		{{.kind = WINDOW_TUMBLING, .size_ns = 5, .slide_ns = 5}, "slide: kind tumbling has none"},
		{{.kind = WINDOW_SLIDING, .size_ns = 10}, "slide: missing; kind sliding needs it"},
		{{.kind = WINDOW_SESSION, .size_ns = 5, .gap_ns = 5}, "size: kind session has none"},
		{{.kind = WINDOW_SESSION}, "gap: missing; kind session needs it"},
		{{.kind = WINDOW_COUNT}, "count: missing; kind count needs it"},
		{{.kind = WINDOW_TUMBLING, .size_ns = 5, .every = 1}, "every: kind tumbling has none"},
		{{.kind = WINDOW_COUNT, .count = 10, .every = 3},
			"every: 3; expected a part of 10 that divides it, at most 4096 times smaller"},
		{{.kind = WINDOW_SLIDING, .size_ns = 5000, .slide_ns = 1},
			"slide: 1 ns; expected a part of 5000 that divides it, at most 4096 times smaller"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char error[200] = "";
		assert_int_equal(window_shape_check(&wrong[i].options, error, sizeof(error)), -EINVAL);
		assert_string_equal(error, wrong[i].error);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tumbling_windows),
		cmocka_unit_test(sliding_windows),
		cmocka_unit_test(sessions),
		cmocka_unit_test(windows_by_count),
		cmocka_unit_test(a_full_slab_refuses),
		cmocka_unit_test(shapes_that_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
