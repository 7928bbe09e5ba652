// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Aggregates against plain loops over the values, in one state and in two that are merged; and what is no aggregate.
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/aggregate.h"
#include "dataplane/quantiles.h"
#include "dataplane/random.h"

enum { N = 500, HAS_DELTA = 1, HAS_RATE = 2 };

struct body {
	uint64_t present;
	int64_t delta;
	double rate;
	uint64_t time_ns;
	uint32_t bytes;
	char name[6];
};

#define AT(member) offsetof(struct body, member)
static const struct field fields[] = {
	{.name = "bytes", .type = FIELD_U32, .offset = AT(bytes), .unit = "bytes"},
	{.name = "delta", .type = FIELD_I64, .offset = AT(delta), .present = HAS_DELTA},
	{.name = "rate", .type = FIELD_F64, .offset = AT(rate), .present = HAS_RATE},
	{.name = "name", .type = FIELD_STRING, .offset = AT(name), .length = 6},
	{.name = NULL},
};
#undef AT
static const struct schema schema = {
	.name = "body", .body = SCHEMA_RECORD, .size = sizeof(struct body), .fields = fields};

static struct body bodies[N];

static void draw(uint64_t random) {
	for (unsigned i = 0; i < N; i++) {
		uint64_t bits = random_next(&random);
		bodies[i] = (struct body){
			.present = (bits & 1) << HAS_DELTA | (bits >> 1 & 1) << HAS_RATE,
			.delta = (int64_t)random_next(&random) >> 34,
			.rate = (double)((int64_t)random_next(&random) >> 30) / 1000,
			.time_ns = random_next(&random) % 1000000,
			.bytes = (uint32_t)random_next(&random) & 0xffff,
		};
		bodies[i].name[0] = (char)('a' + bits % 7);
	}
}

// Figures of `compute`, and the record that they give.
struct figures {
	struct aggregates aggregates;
	struct schema *out;
	void *states[2];
	uint8_t *record;
};

static void figures_init(struct figures *figures, char **compute, unsigned count) {
	const struct option_list list = {.count = count, .items = compute};
	char error[300] = "";
	if (aggregates_parse(&figures->aggregates, &schema, &list, error, sizeof(error)) != 0)
		fail_msg("%s", error);
	assert_int_equal(schema_new(&figures->out, "out"), 0);
	assert_int_equal(aggregates_describe(&figures->aggregates, figures->out, error, sizeof(error)), 0);
	aggregates_bind(&figures->aggregates, figures->out);
	for (unsigned i = 0; i < 2; i++)
		figures->states[i] = calloc(1, figures->aggregates.size);
	figures->record = calloc(1, figures->out->size);
}

static void figures_fini(struct figures *figures) {
	schema_free(figures->out);
	free(figures->states[0]);
	free(figures->states[1]);
	free(figures->record);
}

// Add all bodies, those before `split` to one state, the others to another, and merge.
static void add_all(struct figures *figures, unsigned split) {
	for (unsigned i = 0; i < N; i++)
		aggregates_add(&figures->aggregates, figures->states[i >= split], &bodies[i], bodies[i].time_ns);
	aggregates_merge(&figures->aggregates, figures->states[0], figures->states[1]);
	aggregates_store(&figures->aggregates, figures->states[0], figures->out, figures->record);
}

static bool has(const struct figures *figures, const char *name) {
	return schema_is_present(figures->out, schema_field(figures->out, name), figures->record);
}

static const void *value_of(const struct figures *figures, const char *name) {
	assert_true(has(figures, name));
	return figures->record + schema_field(figures->out, name)->offset;
}

static uint64_t whole(const struct figures *figures, const char *name) {
	return *(const uint64_t *)value_of(figures, name);
}

static double real(const struct figures *figures, const char *name) {
	return *(const double *)value_of(figures, name);
}

static void assert_near(double a, double b) {
	assert_true(fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b)) + 1e-12);
}

static void check_numbers(const struct figures *figures) {
	uint64_t bytes = 0, deltas = 0, most = 0;
	int64_t delta = 0, least = INT64_MAX;
	double rate = 0, rates = 0, squares = 0, greatest = -INFINITY;
	for (unsigned i = 0; i < N; i++) {
		const struct body *body = &bodies[i];
		bytes += body->bytes;
		most = body->bytes > most ? body->bytes : most;
		if (body->present >> HAS_DELTA & 1) {
			deltas++;
			delta += body->delta;
			least = body->delta < least ? body->delta : least;
		}
		if (body->present >> HAS_RATE & 1) {
			rates++;
			rate += body->rate;
			greatest = body->rate > greatest ? body->rate : greatest;
		}
	}
	for (unsigned i = 0; i < N; i++)
		if (bodies[i].present >> HAS_RATE & 1)
			squares += pow(bodies[i].rate - rate / rates, 2);
	assert_int_equal(whole(figures, "count"), N);
	assert_int_equal(whole(figures, "deltas"), deltas);
	assert_int_equal(whole(figures, "sum_bytes"), bytes);
	assert_int_equal((int64_t)whole(figures, "sum_delta"), delta);
	assert_int_equal((int64_t)whole(figures, "least"), least);
	assert_int_equal(*(const uint32_t *)value_of(figures, "max_bytes"), most);
	assert_near(real(figures, "greatest"), greatest);
	assert_near(real(figures, "mean_bytes"), (double)bytes / N);
	assert_near(real(figures, "mean_rate"), rate / rates);
	assert_near(real(figures, "variance_rate"), squares / rates);
	assert_near(real(figures, "stddev_rate"), sqrt(squares / rates));
}

static int by_bytes(const void *left, const void *right) {
	uint32_t a = ((const struct body *)left)->bytes, b = ((const struct body *)right)->bytes;
	return (a > b) - (a < b);
}

static void check_order(const struct figures *figures) {
	unsigned first = 0, last = 0;
	for (unsigned i = 0; i < N; i++) {
		first = bodies[i].time_ns < bodies[first].time_ns ? i : first;
		last = bodies[i].time_ns >= bodies[last].time_ns ? i : last;
	}
	assert_memory_equal(value_of(figures, "first_name"), bodies[first].name, sizeof(bodies[first].name));
	assert_int_equal(*(const uint32_t *)value_of(figures, "last_bytes"), bodies[last].bytes);
	assert_in_range(whole(figures, "names"), 6, 8); // of 7
	qsort(bodies, N, sizeof(*bodies), by_bytes);
	const unsigned half = N / 2 - 1, most = N * 9 / 10 - 1;
	double exact = bodies[half].bytes;
	assert_true(fabs(real(figures, "p50_bytes") - exact) <= exact * QUANTILES_ERROR);
	exact = bodies[most].bytes;
	assert_true(fabs(real(figures, "p90_bytes") - exact) <= exact * QUANTILES_ERROR);
}

static void all_functions_agree_with_loops(void **state) {
	char *compute[] = {"count()", "deltas = count(delta)", "sum(bytes)", "sum(delta)", "least: min(delta)",
		"max(bytes)", "greatest = max(rate)", "mean(bytes)", "mean(rate)", "variance(rate)", "stddev(rate)",
		"p50(bytes)", "p90(bytes)", "names = distinct(name)", "first(name)", "last(bytes)"};
	for (unsigned round = 0; round < 50; round++) {
		struct figures figures;
		draw(round);
		figures_init(&figures, compute, sizeof(compute) / sizeof(compute[0]));
		add_all(&figures, round * N / 49);
		check_numbers(&figures);
		check_order(&figures);
		figures_fini(&figures);
	}
}

// Sums and counts alone take another way.
static void plain_ones_agree_with_loops(void **state) {
	char *always[] = {"sum(bytes)", "count()"},
	     *not_always[] = {"sum(delta)", "sum(bytes)", "deltas = count(delta)"};
	for (unsigned round = 0; round < 20; round++) {
		struct figures figures;
		uint64_t bytes = 0, deltas = 0;
		int64_t delta = 0;
		draw(round + 100);
		for (unsigned i = 0; i < N; i++) {
			bool has_delta = bodies[i].present >> HAS_DELTA & 1;
			bytes += bodies[i].bytes;
			deltas += has_delta;
			delta += has_delta ? bodies[i].delta : 0;
		}
		figures_init(&figures, always, 2);
		add_all(&figures, round * 20);
		assert_int_equal(whole(&figures, "sum_bytes"), bytes);
		assert_int_equal(whole(&figures, "count"), N);
		figures_fini(&figures);
		figures_init(&figures, not_always, 3);
		add_all(&figures, round * 20);
		assert_int_equal(whole(&figures, "sum_bytes"), bytes);
		assert_int_equal(whole(&figures, "deltas"), deltas);
		assert_int_equal((int64_t)whole(&figures, "sum_delta"), delta);
		figures_fini(&figures);
	}
}

static void what_never_came_is_absent(void **state) {
	char *compute[] = {"sum(delta)", "max(rate)", "first(delta)", "deltas = count(delta)", "sum(bytes)"};
	struct figures figures;
	draw(1);
	for (unsigned i = 0; i < N; i++)
		bodies[i].present = 0;
	figures_init(&figures, compute, 5);
	add_all(&figures, N / 2);
	assert_false(has(&figures, "sum_delta"));
	assert_false(has(&figures, "max_rate"));
	assert_false(has(&figures, "first_delta"));
	assert_int_equal(whole(&figures, "deltas"), 0);
	assert_true(whole(&figures, "sum_bytes") > 0);
	double number;
	assert_false(aggregates_number(&figures.aggregates, figures.states[0], &number));
	figures_fini(&figures);
}

static void refuses_what_is_no_aggregate(void **state) {
	char *wrong[] = {"bytes", "total(bytes)", "sum(byts)", "sum(name)", "sum()", "= sum(bytes)", "sum(bytes",
		"p0(bytes)", "p100(bytes)", "p(bytes)"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct option_list list = {.count = 1, .items = &wrong[i]};
		struct aggregates aggregates;
		char error[300] = "";
		assert_int_equal(aggregates_parse(&aggregates, &schema, &list, error, sizeof(error)), -EINVAL);
		assert_non_null(strstr(error, "compute: "));
		assert_non_null(strstr(error, wrong[i]));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_functions_agree_with_loops),
		cmocka_unit_test(plain_ones_agree_with_loops),
		cmocka_unit_test(what_never_came_is_absent),
		cmocka_unit_test(refuses_what_is_no_aggregate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
