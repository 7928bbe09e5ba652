// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The pool of indices: its whole capacity serves whoever asks, and no index is ever in two hands.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "dataplane/index_pool.h"

enum { THREADS = 4, CAPACITY = 1000, HELD = 400, ROUNDS = 20 * 1000 };

static void test_gives_its_whole_capacity_to_one(void **state) {
	struct index_pool pool = {0};
	struct index_cache cache = {0};
	bool seen[CAPACITY + 1] = {false};
	assert_int_equal(index_pool_init(&pool, CAPACITY, 3), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < CAPACITY; i++) {
			uint32_t index = index_take(&pool, &cache);
			assert_in_range(index, 1, CAPACITY);
			assert_int_equal(seen[index], round);
			seen[index] = !round;
		}
		assert_int_equal(index_take(&pool, &cache), 0);
		assert_int_equal(index_left(&pool, &cache), 0);
		for (uint32_t index = 1; index <= CAPACITY; index++)
			index_give(&pool, &cache, index);
		assert_int_equal(index_left(&pool, &cache), CAPACITY);
	}
	index_pool_fini(&pool);
}

// What users had ready when they went is lost to nobody.
static void test_gives_what_was_left_behind(void **state) {
	struct index_pool pool = {0};
	struct index_cache caches[3] = {{0}}, last = {0};
	bool seen[CAPACITY + 1] = {false};
	unsigned count = 0;
	assert_int_equal(index_pool_init(&pool, CAPACITY, 3), 0);
	for (unsigned round = 0; round < 20; round++)
		for (unsigned i = 0; i < 3; i++) {
			uint32_t held[HELD];
			unsigned taken = (round * 3 + i) * 37 % HELD;
			for (unsigned j = 0; j < taken; j++)
				held[j] = index_take(&pool, &caches[i]);
			for (unsigned j = 0; j < taken; j++)
				if (held[j] != 0)
					index_give(&pool, &caches[i], held[j]);
			if (round % 2 == 1)
				index_pool_leave(&pool, &caches[i]);
		}
	assert_int_equal(index_left(&pool, &last), CAPACITY);
	for (uint32_t index; (index = index_take(&pool, &last)) != 0; count++) {
		assert_false(seen[index]);
		seen[index] = true;
	}
	assert_int_equal(count, CAPACITY);
	assert_int_equal(index_left(&pool, &last), 0);
	index_pool_fini(&pool);
}

struct user {
	struct index_pool *pool;
	_Atomic bool *taken; // [CAPACITY + 1]
	_Atomic unsigned *wrong;
	unsigned seed;
};

// Take and give at random; together the users want more than there is.
static void *use(void *argument) {
	struct user *user = argument;
	struct index_cache cache = {0};
	uint32_t held[HELD];
	unsigned count = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool take = count == 0 || (count < HELD && rand_r(&user->seed) % 2 == 0);
		uint32_t index = take ? index_take(user->pool, &cache) : held[--count];
		if (index == 0)
			continue;
		if (atomic_exchange(&user->taken[index], take) == take)
			atomic_fetch_add(user->wrong, 1);
		if (take)
			held[count++] = index;
		else
			index_give(user->pool, &cache, index);
		if (round % 512 == 0)
			sched_yield();
	}
	while (count > 0) {
		atomic_store(&user->taken[held[--count]], false);
		index_give(user->pool, &cache, held[count]);
	}
	while (cache.count >= user->pool->block_size)
		index_pool_spill(user->pool, &cache);
	return NULL;
}

static void test_never_gives_an_index_twice(void **state) {
	static _Atomic bool taken[CAPACITY + 1];
	struct index_pool pool = {0};
	_Atomic unsigned wrong = 0;
	pthread_t threads[THREADS];
	struct user users[THREADS];
	assert_int_equal(index_pool_init(&pool, CAPACITY, THREADS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		users[i] = (struct user){.pool = &pool, .taken = taken, .wrong = &wrong, .seed = i + 1};
		assert_int_equal(pthread_create(&threads[i], NULL, use, &users[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&wrong), 0);

	// All but what the caches kept, less than a block each, is there for the next.
	struct index_cache cache = {0};
	unsigned left = 0;
	for (uint32_t index; (index = index_take(&pool, &cache)) != 0; left++)
		assert_false(atomic_exchange(&taken[index], true));
	assert_true(left + THREADS * pool.block_size > CAPACITY);
	index_pool_fini(&pool);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gives_its_whole_capacity_to_one),
		cmocka_unit_test(test_gives_what_was_left_behind),
		cmocka_unit_test(test_never_gives_an_index_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
