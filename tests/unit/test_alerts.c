// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Alerts open once, end after their hold-down, and come back whole from JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/alerts.h"
#include "api/clock.h"

static struct alerts alerts;

static int setup(void **state) {
	memset(&alerts, 0, sizeof(alerts));
	return 0;
}

static struct alert seen(const char *subject, double value, uint64_t hold_down_ns) {
	struct alert alert = {.rule = "r", .severity = "info", .measure = "m", .value = value, .threshold = 5};
	snprintf(alert.subject, sizeof(alert.subject), "%s", subject);
	alert.hold_down_ns = hold_down_ns;
	return alert;
}

static void opens_once_and_ends_after_the_hold_down(void **state) {
	struct alert alert = seen("a", 6, NS_PER_S);

	alerts_raise(&alerts, &alert, 3);
	alert.value = 9;
	alerts_raise(&alerts, &alert, 3);
	alert.value = 7;
	alerts_raise(&alerts, &alert, 3);
	assert_int_equal(alerts.active_length, 1);
	assert_int_equal(alerts.events, 1);
	assert_string_equal(alerts.active[0].id, "3-1");
	assert_true(alerts.active[0].peak == 9 && alerts.active[0].value == 7);
	uint64_t last_ns = alerts.active[0].last_mono_ns;
	alerts_expire(&alerts, 1, last_ns + NS_PER_S - 1);
	assert_int_equal(alerts.active_length, 1);
	uint64_t end_ns = alerts.active[0].start_ns + 77;
	alerts_expire(&alerts, end_ns, last_ns + NS_PER_S);
	assert_int_equal(alerts.active_length, 0);
	assert_int_equal(alerts.events, 2);
	assert_true(alerts.history[1].is_end);
	assert_int_equal(alerts.history[1].alert.end_ns, end_ns);
}

static void without_hold_down_it_lasts_while_raised(void **state) {
	struct alert alert = seen("a", 6, 0);
	uint64_t start_ns = clock_mono_ns();

	alerts_raise(&alerts, &alert, 1);
	alerts_expire(&alerts, 1, start_ns);
	assert_int_equal(alerts.active_length, 1);
	alerts_expire(&alerts, 1, clock_mono_ns() + 1);
	assert_int_equal(alerts.active_length, 0);
}

static void entry_ids_ascend(void **state) {
	for (int i = 0; i < 20; i++) {
		char subject[8];
		snprintf(subject, sizeof(subject), "%d", i);
		struct alert alert = seen(subject, 6, 0);
		alerts_raise(&alerts, &alert, 1);
	}
	alerts_expire(&alerts, 5, clock_mono_ns() + 1); // a clock that stepped far back
	for (uint64_t i = 1; i < alerts.events; i++) {
		const struct alert_event *a = &alerts.history[i - 1], *b = &alerts.history[i];
		assert_true(b->id_ms > a->id_ms || (b->id_ms == a->id_ms && b->id_n > a->id_n));
	}
	assert_int_equal(alerts.events, 40);
}

static void bounded(void **state) {
	for (int i = 0; i < ALERTS_ACTIVE_MAX + 5; i++) {
		char subject[8];
		snprintf(subject, sizeof(subject), "%d", i);
		struct alert alert = seen(subject, 6, 0);
		alerts_raise(&alerts, &alert, 1);
	}
	assert_int_equal(alerts.active_length, ALERTS_ACTIVE_MAX);
}

static void comes_back_from_json(void **state) {
	struct alert alert = seen("a", 6, NS_PER_S);
	strcpy(alert.actions, "log,ops");
	alerts_raise(&alerts, &alert, 2);
	struct alert before = alerts.active[0];
	json_t *object = alert_to_json(&before);
	alerts.active_length = 0;
	alerts_restore(&alerts, object);
	alerts_restore(&alerts, object); // once
	assert_int_equal(alerts.active_length, 1);
	assert_true(alerts.active[0].is_restored);
	before.last_mono_ns = alerts.active[0].last_mono_ns;
	before.is_restored = true;
	assert_memory_equal(&alerts.active[0], &before, sizeof(before));
	json_decref(object);
}

static void must_last_for_a_while(void **state) {
	struct alert alert = seen("a", 6, 0);
	alert.for_ns = 1;
	uint64_t start_ns = clock_mono_ns();
	assert_int_equal(alerts_raise(&alerts, &alert, 1), ALERTS_PENDING);
	alerts_expire(&alerts, 1, start_ns); // raised since: still waiting
	while (clock_mono_ns() == alerts.waiting[0].list[0].since_mono_ns)
		;
	assert_int_equal(alerts_raise(&alerts, &alert, 1), ALERTS_STARTED);
	assert_int_equal(alerts.active_length, 1);
	alert = seen("b", 6, 0);
	alert.for_ns = NS_PER_S;
	assert_int_equal(alerts_raise(&alerts, &alert, 1), ALERTS_PENDING);
	alerts_expire(&alerts, 1, clock_mono_ns() + 1); // not raised any more: begins anew
	assert_int_equal(alerts.waiting[0].length, 0);
}

static void a_rule_waits_in_places_of_its_own(void **state) {
	struct alert noisy, other = seen("b", 6, 0);
	strcpy(other.rule, "other");
	other.for_ns = NS_PER_S;
	for (int i = 0; i < ALERTS_PENDING_MAX + 5; i++) {
		char subject[8];
		snprintf(subject, sizeof(subject), "%d", i);
		noisy = seen(subject, 6, 0);
		noisy.for_ns = NS_PER_S;
		assert_int_equal(
			alerts_raise(&alerts, &noisy, 1), i < ALERTS_PENDING_MAX ? ALERTS_PENDING : ALERTS_NO_ROOM);
	}
	assert_int_equal(alerts_raise(&alerts, &other, 1), ALERTS_PENDING);
	alerts_end_rule(&alerts, "r", 1, "the rule was changed");
	assert_int_equal(alerts_raise(&alerts, &noisy, 1), ALERTS_PENDING);
	alerts_expire(&alerts, 1, clock_mono_ns() + 1);
	for (int i = 0; i < ALERTS_RULES_MAX; i++)
		assert_int_equal(alerts.waiting[i].length, 0);
}

// Nobody knows whether the condition held meanwhile.
static void a_standstill_does_not_make_it_last(void **state) {
	struct alert alert = seen("a", 6, 0);
	alert.for_ns = 3600 * NS_PER_S;
	assert_int_equal(alerts_raise(&alerts, &alert, 1), ALERTS_PENDING);
	uint64_t since_ns = alerts.waiting[0].list[0].since_mono_ns, last_ns = alerts.waiting[0].list[0].last_mono_ns;
	alerts_forgive(&alerts, 60 * NS_PER_S);
	assert_int_equal(alerts.waiting[0].list[0].since_mono_ns, since_ns + 60 * NS_PER_S);
	assert_int_equal(alerts.waiting[0].list[0].last_mono_ns, last_ns + 60 * NS_PER_S);
}

static void bounded_for_each_rule(void **state) {
	for (int i = 0; i < 5; i++) {
		char subject[8];
		snprintf(subject, sizeof(subject), "%d", i);
		struct alert alert = seen(subject, 6, 0);
		alert.at_most = 3;
		assert_int_equal(alerts_raise(&alerts, &alert, 1), i < 3 ? ALERTS_STARTED : ALERTS_NO_ROOM);
		strcpy(alert.rule, "other");
		assert_int_equal(alerts_raise(&alerts, &alert, 1), i < 3 ? ALERTS_STARTED : ALERTS_NO_ROOM);
	}
	assert_int_equal(alerts.active_length, 6);
}

static void ends_with_its_rule_and_says_why(void **state) {
	struct alert mine = seen("a", 6, NS_PER_S), other = seen("a", 6, NS_PER_S);
	strcpy(other.rule, "other");
	alerts_raise(&alerts, &mine, 1);
	alerts_raise(&alerts, &other, 1);
	alerts_end_rule(&alerts, "r", 5, "the rule was removed");
	assert_int_equal(alerts.active_length, 1);
	assert_string_equal(alerts.active[0].rule, "other");
	assert_true(alerts.history[2].is_end);
	assert_string_equal(alerts.history[2].alert.reason, "the rule was removed");
}

static void a_standstill_is_no_quiet(void **state) {
	struct alert alert = seen("a", 6, NS_PER_S);
	alerts_raise(&alerts, &alert, 1);
	alerts_forgive(&alerts, 60 * NS_PER_S);
	alerts_expire(&alerts, 1, clock_mono_ns() + 60 * NS_PER_S);
	assert_int_equal(alerts.active_length, 1);
	alerts_expire(&alerts, 1, clock_mono_ns() + 62 * NS_PER_S);
	assert_int_equal(alerts.active_length, 0);
}

static unsigned told;

static void count_event(void *context, const struct alert_event *event) {
	told += event->is_end ? 100 : 1;
	assert_string_equal(event->alert.actions, "log,ops");
}

static void tells_of_events_with_their_actions(void **state) {
	struct alert alert = seen("a", 6, 0);
	strcpy(alert.actions, "log,ops");
	alerts.on_event = count_event;
	told = 0;
	alerts_raise(&alerts, &alert, 1);
	alerts_raise(&alerts, &alert, 1);
	alerts_expire(&alerts, 1, clock_mono_ns() + 1);
	assert_int_equal(told, 101);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(opens_once_and_ends_after_the_hold_down, setup),
		cmocka_unit_test_setup(without_hold_down_it_lasts_while_raised, setup),
		cmocka_unit_test_setup(entry_ids_ascend, setup),
		cmocka_unit_test_setup(bounded, setup),
		cmocka_unit_test_setup(comes_back_from_json, setup),
		cmocka_unit_test_setup(must_last_for_a_while, setup),
		cmocka_unit_test_setup(a_rule_waits_in_places_of_its_own, setup),
		cmocka_unit_test_setup(a_standstill_does_not_make_it_last, setup),
		cmocka_unit_test_setup(bounded_for_each_rule, setup),
		cmocka_unit_test_setup(ends_with_its_rule_and_says_why, setup),
		cmocka_unit_test_setup(a_standstill_is_no_quiet, setup),
		cmocka_unit_test_setup(tells_of_events_with_their_actions, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
