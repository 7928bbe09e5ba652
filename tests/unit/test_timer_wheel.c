// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The timer wheel against a naive model: an array of deadlines.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/timer_wheel.h"

enum { ITEMS = 300 };
#define SLOT_NS (UINT64_C(1) << TIMER_WHEEL_SHIFT)
#define SPAN_NS (SLOT_NS * TIMER_WHEEL_SLOTS)
#define DAY_NS (UINT64_C(86400) * 1000000000)
#define START_NS UINT64_C(1700000000000000000)

struct item {
	uint64_t deadline_ns; // 0: not on the wheel
	struct timer_link link;
};

static struct timer_wheel wheel;
static struct item items[ITEMS + 1];

static int setup(void **state) {
	wheel = (struct timer_wheel){0};
	for (unsigned i = 0; i <= ITEMS; i++)
		items[i] = (struct item){0};
	timer_wheel_init(&wheel, &items[0].link, sizeof(items[0]));
	return 0;
}

static void insert(uint32_t item, uint64_t deadline_ns) {
	items[item].deadline_ns = deadline_ns;
	timer_wheel_insert(&wheel, item, deadline_ns);
}

// Pop all that is due as the wheel's users do: what is not due goes back.
//   return  items looked at
static unsigned run_to(uint64_t now_ns) {
	unsigned looked_at = 0;
	uint32_t item;
	while ((item = timer_wheel_pop(&wheel, now_ns)) != 0) {
		looked_at++;
		assert_int_not_equal(items[item].deadline_ns, 0);
		if (items[item].deadline_ns > now_ns)
			timer_wheel_insert(&wheel, item, items[item].deadline_ns);
		else
			items[item].deadline_ns = 0;
	}
	return looked_at;
}

static void assert_on_time(uint64_t now_ns) {
	unsigned waiting = 0;
	for (unsigned i = 1; i <= ITEMS; i++) {
		if (items[i].deadline_ns == 0)
			continue;
		waiting++;
		assert_true(items[i].deadline_ns + SLOT_NS > now_ns);
	}
	assert_int_equal(wheel.count, waiting);
}

static uint64_t random_delay_ns(void) {
	static const uint64_t scale[] = {1000000, 1000000000, SPAN_NS, 7 * DAY_NS};
	return 1 + ((uint64_t)rand() << 31 | (uint64_t)rand()) % scale[rand() % 4];
}

static void agrees_with_a_naive_model(void **state) {
	uint64_t now_ns = START_NS;
	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t item = 1 + (uint32_t)rand() % ITEMS;
		if (items[item].deadline_ns == 0) {
			insert(item, now_ns + random_delay_ns());
		} else if (rand() % 4 == 0) {
			timer_wheel_remove(&wheel, item);
			items[item].deadline_ns = 0;
		} else {
			// Later deadlines need not be told, earlier ones must.
			uint64_t deadline_ns = now_ns + random_delay_ns();
			bool earlier = deadline_ns < items[item].deadline_ns;
			items[item].deadline_ns = deadline_ns;
			if (earlier || rand() % 2)
				timer_wheel_hasten(&wheel, item, deadline_ns);
		}
		if (rand() % 3 == 0) {
			now_ns += random_delay_ns() / (rand() % 2 ? 1 : 1000);
			run_to(now_ns);
			assert_on_time(now_ns);
		}
	}
}

static void never_comes_up_before_its_deadline_within_the_span(void **state) {
	run_to(START_NS);
	for (uint32_t i = 1; i <= ITEMS; i++)
		insert(i, START_NS + i * ((SPAN_NS - SLOT_NS) / ITEMS));
	for (uint64_t now_ns = START_NS; wheel.count > 0; now_ns += SLOT_NS / 3) {
		uint32_t item;
		while ((item = timer_wheel_pop(&wheel, now_ns)) != 0)
			assert_true(
				items[item].deadline_ns <= now_ns && items[item].deadline_ns + 2 * SLOT_NS > now_ns);
	}
}

static void jumps_of_days_look_at_each_item_a_bounded_number_of_times(void **state) {
	run_to(START_NS);
	for (uint32_t i = 1; i <= ITEMS; i++)
		insert(i, START_NS + 7 * DAY_NS);
	assert_true(run_to(START_NS + 3 * DAY_NS) <= 2 * ITEMS);
	assert_int_equal(wheel.count, ITEMS);
	run_to(START_NS + 7 * DAY_NS + SLOT_NS);
	assert_int_equal(wheel.count, 0);
}

static void the_first_deadlines_may_be_set_before_any_time_is_known(void **state) {
	insert(1, START_NS + SLOT_NS);
	insert(2, START_NS + DAY_NS);
	assert_int_equal(run_to(START_NS), 2);
	assert_int_equal(run_to(START_NS + 2 * SLOT_NS), 1);
	assert_int_equal(items[1].deadline_ns, 0);
	assert_int_not_equal(items[2].deadline_ns, 0);
}

static void pop_any_takes_the_soonest_slot_first(void **state) {
	run_to(START_NS);
	for (uint32_t i = 1; i <= 60; i++)
		insert(i, START_NS + ((i * 37) % 61) * 1000000000);
	uint64_t last_ns = 0, up_ns;
	for (uint32_t i = 1; i <= 60; i++) {
		uint32_t item = timer_wheel_pop_any(&wheel, &up_ns);
		assert_true(up_ns > last_ns);
		assert_true(items[item].deadline_ns < up_ns && items[item].deadline_ns + SLOT_NS >= up_ns);
		last_ns = up_ns;
	}
	assert_int_equal(timer_wheel_pop_any(&wheel, &up_ns), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(agrees_with_a_naive_model, setup),
		cmocka_unit_test_setup(never_comes_up_before_its_deadline_within_the_span, setup),
		cmocka_unit_test_setup(jumps_of_days_look_at_each_item_a_bounded_number_of_times, setup),
		cmocka_unit_test_setup(the_first_deadlines_may_be_set_before_any_time_is_known, setup),
		cmocka_unit_test_setup(pop_any_takes_the_soonest_slot_first, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
