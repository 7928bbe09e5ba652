// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The keyed table against a naive model, iteration, eviction, and groups that go from one user to the other.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/keyed_table.h"

enum { KEY_WORDS = 3 };

struct value {
	uint64_t used, id;
};

// Pairs of keys differ in one word alone.
static const uint64_t *key_of(uint64_t id) {
	static uint64_t key[KEY_WORDS];
	key[0] = id / 3 * (id % 3 == 0);
	key[1] = id / 3 * (id % 3 == 1);
	key[2] = (id / 3 * (id % 3 == 2)) | (id % 3 + 1) << 56;
	return key;
}

// What is wrong with hashes: many keys in one bucket, many with one tag, some with all 64 bits equal.
static uint64_t bad_hash(uint64_t id) {
	return (id % 5) << 54 | (id % 3);
}

static uint64_t good_hash(uint64_t id) {
	id = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);
	return (id ^ id >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static struct keyed_table *table_of(uint64_t capacity, unsigned parts) {
	const struct keyed_table_shape shape = {capacity, KEY_WORDS * 8, sizeof(struct value), parts};
	struct keyed_table *table;
	assert_int_equal(keyed_table_new(&table, &shape), 0);
	return table;
}

static uint32_t insert(struct keyed_table *table, unsigned part, uint64_t hash, uint64_t id) {
	uint32_t record = keyed_table_insert(table, part, hash, key_of(id));
	if (record != 0) {
		struct value *value = keyed_table_value(table, record);
		assert_int_equal(value->id, 0);
		value->id = id;
	}
	return record;
}

// All keys are found, those that are not there aren't, one by one and as batches.
static void check_all(
	const struct keyed_table *table, uint64_t (*hash)(uint64_t), const uint32_t *model, unsigned ids) {
	enum { N = 64 };
	for (unsigned first = 0; first + N <= ids; first += N) {
		uint64_t hashes[N], keys[N * KEY_WORDS];
		uint32_t records[N];
		for (unsigned i = 0; i < N; i++) {
			hashes[i] = hash(first + i);
			memcpy(&keys[i * KEY_WORDS], key_of(first + i), KEY_WORDS * 8);
		}
		keyed_table_lookup_batch(table, hashes, keys, N, records);
		assert_memory_equal(records, model + first, sizeof(records));
	}
	for (unsigned id = 0; id < ids; id++) {
		assert_int_equal(keyed_table_lookup(table, hash(id), key_of(id)), model[id]);
		if (model[id] != 0)
			assert_int_equal(((struct value *)keyed_table_value(table, model[id]))->id, id);
	}
}

static void check_against_model(uint64_t (*hash)(uint64_t), unsigned capacity, unsigned ids, unsigned rounds) {
	struct keyed_table *table = table_of(capacity, 1);
	uint32_t *model = calloc(ids, sizeof(*model)); // record of each id, 0: not in the table
	unsigned live = 0;
	srand(7);
	for (unsigned round = 0; round < rounds; round++) {
		unsigned id = (unsigned)rand() % ids;
		uint32_t found = keyed_table_lookup(table, hash(id), key_of(id));
		assert_int_equal(found, model[id]);
		if (found == 0) {
			model[id] = insert(table, 0, hash(id), id);
			assert_int_equal(model[id] != 0, live < capacity);
			live += model[id] != 0;
		} else if (rand() % 2) {
			keyed_table_remove(table, 0, found);
			model[id] = 0;
			live--;
		}
	}
	check_all(table, hash, model, ids);
	free(model);
	keyed_table_free(table);
}

static void agrees_with_a_naive_model(void **state) {
	check_against_model(good_hash, 500, 1280, 100000);
}

static void agrees_with_a_naive_model_where_hashes_collide(void **state) {
	check_against_model(bad_hash, 500, 704, 50000);
}

// Each record once, also where every other one is removed on the way.
static void iteration_meets_each_record_once(void **state) {
	enum { IDS = 3000 };
	static bool met[IDS];
	struct keyed_table *table = table_of(IDS, 1);
	memset(met, 0, sizeof(met));
	for (unsigned id = 0; id < IDS; id++)
		assert_int_not_equal(insert(table, 0, id % 2 ? bad_hash(id) : good_hash(id), id), 0);
	struct keyed_cursor cursor = {0};
	uint32_t record;
	unsigned count = 0;
	for (; (record = keyed_table_next(table, 0, &cursor)) != 0; count++) {
		const struct value *value = keyed_table_value(table, record);
		assert_false(met[value->id]);
		met[value->id] = true;
		if (count % 2)
			continue;
		keyed_table_remove(table, 0, record);
		keyed_cursor_step_back(&cursor);
	}
	assert_int_equal(count, IDS);
	cursor = (struct keyed_cursor){0};
	for (count = 0; keyed_table_next(table, 0, &cursor) != 0;)
		count++;
	assert_int_equal(count, IDS / 2);
	assert_int_equal(keyed_table_next(table, 1, &(struct keyed_cursor){0}), 0);
	keyed_table_free(table);
}

// The one that goes is old, and its owner's.
static void the_oldest_is_one_of_the_old(void **state) {
	enum { IDS = 2000 };
	struct keyed_table *table = table_of(IDS, 2);
	for (unsigned id = 0; id < IDS; id++) {
		uint64_t hash = good_hash(id);
		uint32_t record = insert(table, hash >> 63, hash, id);
		if (record != 0)
			((struct value *)keyed_table_value(table, record))->used = id;
	}
	unsigned old = 0;
	for (unsigned round = 0; round < 400; round++) {
		uint64_t hash = good_hash(IDS + round);
		uint32_t record = keyed_table_oldest(table, hash >> 63, hash);
		assert_int_not_equal(record, 0);
		assert_int_equal(keyed_table_hash(table, record) >> 63, hash >> 63);
		old += ((struct value *)keyed_table_value(table, record))->used < IDS / 2;
	}
	// The oldest of eight is younger than the median of all in 1 of 256 cases.
	assert_true(old > 380);
	keyed_table_free(table);
}

// Two users of a table, each with its wheel; the deadline of a key is in its value.
struct user {
	unsigned part;
	struct timer_wheel wheel;
};

static uint64_t deadline_of(const void *owner, uint32_t record) {
	const struct value *value = keyed_table_value(owner, record);
	return value->used;
}

static void groups_go_from_one_user_to_the_other(void **state) {
	enum { IDS = 4000, SECOND = 1000000000 };
	struct keyed_table *table = table_of(2 * IDS, 2);
	struct user *users = calloc(2, sizeof(*users));
	static uint32_t records[IDS];
	for (unsigned i = 0; i < 2; i++) {
		users[i].part = i;
		keyed_table_init_wheel(table, &users[i].wheel);
	}
	for (unsigned id = 0; id < IDS; id++) {
		records[id] = insert(table, 0, good_hash(id), id);
		struct value *value = keyed_table_value(table, records[id]);
		value->used = id % 10 ? (uint64_t)(1 + id % 7) * SECOND : UINT64_MAX;
		if (id % 10)
			keyed_table_set_timer(table, &users[0].wheel, records[id], value->used);
	}
	uint32_t left = 0, entered = 0;
	for (unsigned group = 0; group < KEY_INDEX_GROUPS; group += 2) {
		const struct keyed_timers timers = {&users[1].wheel, deadline_of, table};
		left += keyed_table_leave(table, &users[0].wheel, group);
		entered += keyed_table_enter(table, 1, group, &timers);
	}
	assert_int_equal(left, entered);
	assert_in_range(left, IDS / 3, IDS * 2 / 3);
	// Nothing moved, each wheel has those of its own groups, and they come up.
	unsigned up[2] = {0}, timed[2] = {0};
	for (unsigned id = 0; id < IDS; id++) {
		assert_int_equal(keyed_table_lookup(table, good_hash(id), key_of(id)), records[id]);
		timed[good_hash(id) >> 54 & 1] += id % 10 != 0;
	}
	for (unsigned i = 0; i < 2; i++) {
		for (uint32_t record; (record = timer_wheel_pop(&users[i].wheel, UINT64_C(9) * SECOND)) != 0; up[i]++)
			assert_int_equal(keyed_table_hash(table, record) >> 54 & 1, i == 0);
	}
	assert_int_equal(up[0], timed[1]);
	assert_int_equal(up[1], timed[0]);
	// The new owner removes what it got and inserts in its place.
	struct keyed_cursor cursor = {0};
	for (uint32_t record; (record = keyed_table_next(table, 1, &cursor)) != 0; left--) {
		keyed_table_remove(table, 1, record);
		keyed_cursor_step_back(&cursor);
	}
	assert_int_equal(left, 0);
	for (unsigned id = 0; id < IDS; id++)
		assert_int_equal(keyed_table_lookup(table, good_hash(id), key_of(id)) != 0, good_hash(id) >> 54 & 1);
	free(users);
	keyed_table_free(table);
}

static void refuses_what_it_cannot_be(void **state) {
	static const struct keyed_table_shape wrong[] = {{0, 8, 8, 1}, {UINT64_C(1) << 29, 8, 8, 1}, {1, 0, 8, 1},
		{1, 12, 8, 1}, {1, KEYED_KEY_SIZE_MAX + 8, 8, 1}, {1, 8, 8, 0}};
	struct keyed_table *table;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(keyed_table_new(&table, &wrong[i]), -EINVAL);
	keyed_table_free(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_naive_model),
		cmocka_unit_test(agrees_with_a_naive_model_where_hashes_collide),
		cmocka_unit_test(iteration_meets_each_record_once),
		cmocka_unit_test(the_oldest_is_one_of_the_old),
		cmocka_unit_test(groups_go_from_one_user_to_the_other),
		cmocka_unit_test(refuses_what_it_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
