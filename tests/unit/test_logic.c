// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Rules over lists of more subjects than are followed one by one: what is usual of a steady one stays what it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/clock.h"
#include "ctrlplane/logic.h"

enum { PREFIXES = 300, STEADY_BYTES = 1000, GREAT_BYTES = 5000, LEARN_S = 20 };

static struct state state_of;
static struct logic logic;
static struct node *node;

static int setup(void **state) {
	state_of = (struct state){.epoch = 1, .config = {.interval_ns = NS_PER_S}};
	state_of.nodes = (struct nodes){.max = 1, .window_entries = 512, .interval_ns = NS_PER_S, .window_slots = 4};
	logic = (struct logic){.interval_ns = NS_PER_S};
	state_of.logic = &logic;
	return nodes_obtain(&state_of.nodes, "a", &node);
}

static int teardown(void **state) {
	logic_fini(&logic);
	nodes_fini(&state_of.nodes);
	return 0;
}

static struct alert_rule *add_rule(const char *name, enum alert_aggregate aggregate) {
	struct alert_rule *rule = &state_of.rules.list[state_of.rules.length++];
	*rule = (struct alert_rule){.over = ALERT_OVER_LIST,
		.aggregate = aggregate,
		.view = {.kind = LIST_PREFIXES},
		.field = {.name = "bytes", .index = TOPN_BYTES, .scale = 1},
		.severity = "info",
		.window_s = 1,
		.at_most = 32,
		.baseline_ns = 5 * NS_PER_S,
		.threshold = 1e9};
	snprintf(rule->name, sizeof(rule->name), "%s", name);
	return rule;
}

// One interval in which each prefix 10.0.N.0/24 has so many bytes; all rules are held against it.
static void see(const uint64_t bytes[PREFIXES]) {
	static uint64_t second = 1000;
	static Weir__PrefixDelta prefixes[PREFIXES];
	static uint8_t addresses[PREFIXES][4];
	Weir__PrefixDelta *list[PREFIXES];
	Weir__Summary summary = WEIR__SUMMARY__INIT;
	Weir__Totals totals = WEIR__TOTALS__INIT;
	for (unsigned i = 0; i < PREFIXES; i++) {
		weir__prefix_delta__init(list[i] = &prefixes[i]);
		memcpy(addresses[i], (uint8_t[]){10, (uint8_t)(i >> 8), (uint8_t)i, 0}, 4);
		prefixes[i].prefix = (ProtobufCBinaryData){4, addresses[i]};
		prefixes[i].length = 24;
		prefixes[i].sent_bytes = bytes[i];
	}
	summary.start_ns = second * NS_PER_S;
	summary.end_ns = ++second * NS_PER_S;
	summary.interval = &totals;
	summary.prefixes = list;
	summary.n_prefixes = PREFIXES;
	assert_true(window_add(node->window, &summary, NULL, clock_mono_ns()));
	assert_true(window_add(state_of.nodes.window, &summary, NULL, clock_mono_ns()));
	logic_evaluate(&logic, &state_of);
}

// The first ones are great by turns, so that others are pushed down in the list although nothing changed for them.
static void who_is_pushed_down_has_not_gone_quiet(void **state) {
	uint64_t bytes[PREFIXES];
	struct baseline_usual usual;
	add_rule("unusual", ALERT_DEVIATION);
	for (unsigned i = 0; i < PREFIXES; i++)
		bytes[i] = i < PREFIXES - 100 ? GREAT_BYTES : STEADY_BYTES;
	see(bytes);
	assert_int_equal(logic.length, 256);
	for (unsigned i = PREFIXES - 100; i < PREFIXES - 50; i++) {
		bytes[i] = STEADY_BYTES;
		bytes[i + 50] = GREAT_BYTES;
	}
	for (unsigned second = 0; second < LEARN_S; second++)
		see(bytes);
	assert_int_equal(logic.length, 300);
	for (size_t i = 0; i < logic.length; i++) {
		const struct logic_baseline *one = &logic.baselines[i];
		assert_true(baseline_usual(&one->baseline, &one->shape, &usual));
		assert_true(usual.median >= STEADY_BYTES);
	}
}

// A bucket for each baseline, and those of another rule forgotten: all are found again.
static void each_is_found_by_its_name(void **state) {
	const struct alert_rule *rule = add_rule("kept", ALERT_DEVIATION), *other = add_rule("gone", ALERT_DEVIATION);
	struct alert_rules rules = {.list = {*rule}, .length = 1};
	char subject[ALERT_SUBJECT_SIZE];
	for (unsigned i = 0; i < LOGIC_BASELINES_MAX + 100; i++) {
		snprintf(subject, sizeof(subject), "%u", i);
		logic.evaluations++;
		struct logic_baseline *made = logic_baseline(&logic, i % 2 == 0 ? rule : other, subject);
		assert_ptr_equal(logic_baseline_find(&logic, made->rule, subject), made);
	}
	assert_int_equal(logic.length, LOGIC_BASELINES_MAX);
	assert_int_equal(logic.forgotten, 100);
	assert_null(logic_baseline_find(&logic, "kept", "98")); // the oldest made room
	assert_non_null(logic_baseline_find(&logic, "kept", "100"));
	assert_null(logic_baseline_find(&logic, "gone", "100"));
	logic_replace_rules(&logic, &state_of, &rules);
	assert_int_equal(logic.length, LOGIC_BASELINES_MAX / 2);
	for (unsigned i = 100; i < LOGIC_BASELINES_MAX + 100; i++) {
		snprintf(subject, sizeof(subject), "%u", i);
		assert_true((logic_baseline_find(&logic, "kept", subject) != NULL) == (i % 2 == 0));
		assert_null(logic_baseline_find(&logic, "gone", subject));
	}
}

// The alerts that are active go on however far down their subjects are, and a subject is counted once.
static void what_finds_no_room_is_counted_once(void **state) {
	uint64_t bytes[PREFIXES];
	struct alert_rule *rule = add_rule("great", ALERT_RATE);
	rule->threshold = 1;
	rule->at_most = 3;
	for (unsigned i = 0; i < PREFIXES; i++)
		bytes[i] = PREFIXES - i;
	for (unsigned second = 0; second < 3; second++)
		see(bytes);
	assert_int_equal(state_of.alerts.active_length, 3);
	assert_int_equal(logic.no_room[0], PREFIXES - 3);
	assert_int_equal(logic.overflow, PREFIXES - 3);
	for (unsigned i = 0; i < PREFIXES; i++)
		bytes[i] = 1 + i;
	see(bytes);
	assert_int_equal(state_of.alerts.active_length, 3);
	assert_int_equal(state_of.alerts.events, 3);
	assert_string_equal(state_of.alerts.active[0].subject, "10.0.0.0/24");
	assert_int_equal(logic.overflow, PREFIXES - 3);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_is_pushed_down_has_not_gone_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(what_finds_no_room_is_counted_once, setup, teardown),
		cmocka_unit_test_setup_teardown(each_is_found_by_its_name, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
