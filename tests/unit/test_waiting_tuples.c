// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lists of waiting tuples against plain arrays, until all places are taken and given back.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/random.h"
#include "dataplane/waiting_tuples.h"

enum { CAPACITY = 300, LISTS = 5, TIMES = 50 };

struct model {
	unsigned times[TIMES];
};

static uint64_t earliest(const struct model *models) {
	for (unsigned time = 0; time < TIMES; time++)
		if (models[0].times[time] + models[1].times[time] > 0)
			return time;
	return UINT64_MAX;
}

static unsigned forget(struct model *model, unsigned before) {
	unsigned count = 0;
	for (unsigned time = 0; time < before; time++) {
		count += model->times[time];
		model->times[time] = 0;
	}
	return count;
}

static void check_list(const struct waiting_tuples *waiting, const struct waiting_lists *lists, unsigned side,
	const struct model *model) {
	struct model found = {0};
	unsigned count = 0;
	for (uint32_t number = lists->heads[side]; number != 0; number = waiting_at(waiting, number)->next) {
		struct waiting *one = waiting_at(waiting, number);
		assert_int_equal(*(uint64_t *)waiting_body(one), one->time_ns * 3 + side);
		found.times[one->time_ns]++;
		count++;
	}
	assert_int_equal(count, lists->counts[side]);
	assert_memory_equal(&found, model, sizeof(found));
}

static void lists_are_as_the_model_says(void **state) {
	struct waiting_tuples waiting = {0};
	struct waiting_lists lists[LISTS] = {0};
	struct model models[LISTS][WAITING_SIDES] = {0};
	uint64_t random = 3;
	unsigned used = 0;
	bool was_full = false;
	assert_int_equal(waiting_tuples_init(&waiting, CAPACITY, sizeof(uint64_t), 1), 0);
	for (unsigned round = 0; round < 5000; round++) {
		unsigned list = random_next(&random) % LISTS, side = random_next(&random) % 2;
		unsigned time = random_next(&random) % TIMES;
		uint32_t number = waiting_tuples_take(&waiting, 0, time);
		assert_int_equal(number != 0, used < CAPACITY);
		was_full |= number == 0;
		if (number != 0) {
			*(uint64_t *)waiting_body(waiting_at(&waiting, number)) = time * 3 + side;
			waiting_lists_add(&waiting, &lists[list], side, number);
			models[list][side].times[time]++;
			used++;
		}
		if (round % 100 == 99) {
			unsigned gone = forget(&models[list][0], time) + forget(&models[list][1], time);
			assert_int_equal(waiting_lists_forget(&waiting, 0, &lists[list], time), gone);
			used -= gone;
		}
		assert_true(waiting_lists_earliest_ns(&waiting, &lists[list]) == earliest(models[list]));
		for (side = 0; side < WAITING_SIDES; side++)
			check_list(&waiting, &lists[list], side, &models[list][side]);
	}
	assert_true(was_full);
	waiting_tuples_fini(&waiting);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_as_the_model_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
