// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The flow table and its pools against naive models.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/flow_table.h"

// IPv4 and IPv6; of the latter, pairs that differ in their addresses alone.
static void make_words(uint64_t id, struct flow_words *words) {
	uint64_t version = id % 3 ? 4 : 6;
	*words = (struct flow_words){.ends = id, .rest = version << FLOW_WORDS_VERSION_SHIFT | (id & 0xffff)};
	if (version == 4)
		return;
	words->ends = words->rest = version << FLOW_WORDS_VERSION_SHIFT;
	for (unsigned i = 0; i < 4; i++)
		words->address[i] = i + (i == id % 4 ? id << 3 : 0);
}

// What is wrong with hashes: many keys in one bucket, many with one tag, some with all 64 bits equal.
static uint64_t bad_hash(uint64_t id) {
	return (id % 5) << 54 | (id % 3);
}

static uint64_t good_hash(uint64_t id) {
	id = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);
	return (id ^ id >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static void check_against_model(uint64_t (*hash)(uint64_t), unsigned capacity, unsigned ids, unsigned rounds) {
	struct flow_table *table;
	assert_int_equal(flow_table_new(&table, capacity, 1), 0);
	uint32_t *model = calloc(ids, sizeof(*model)); // record of each id, 0: not in the table
	unsigned live = 0;
	srand(7);
	for (unsigned round = 0; round < rounds; round++) {
		unsigned id = (unsigned)rand() % ids;
		struct flow_words words;
		make_words(id, &words);
		uint32_t found = flow_table_lookup(table, hash(id), &words);
		assert_int_equal(found, model[id]);
		if (found == 0) {
			model[id] = flow_table_insert(table, 0, hash(id), &words);
			assert_int_equal(model[id] != 0, live < capacity);
			live += model[id] != 0;
		} else if (rand() % 2) {
			flow_table_remove(table, 0, found);
			model[id] = 0;
			live--;
		}
	}
	for (unsigned id = 0; id < ids; id++) {
		struct flow_words words;
		make_words(id, &words);
		assert_int_equal(flow_table_lookup(table, hash(id), &words), model[id]);
		for (unsigned other = 0; other < id && model[id] != 0; other++)
			assert_int_not_equal(model[other], model[id]);
	}
	free(model);
	flow_table_free(table);
}

static void agrees_with_a_naive_model(void **state) {
	check_against_model(good_hash, 500, 1200, 100000);
}

static void agrees_with_a_naive_model_where_hashes_collide(void **state) {
	check_against_model(bad_hash, 500, 700, 50000);
}

static void one_instance_gets_the_whole_capacity(void **state) {
	static const unsigned capacities[] = {1, 2, 3, 7, 64, 1000, 4097};
	for (unsigned c = 0; c < sizeof(capacities) / sizeof(capacities[0]); c++) {
		struct flow_table *table;
		assert_int_equal(flow_table_new(&table, capacities[c], 1), 0);
		struct flow_words words;
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned id = 0; id < capacities[c]; id++) {
				make_words(id, &words);
				assert_int_not_equal(flow_table_insert(table, 0, good_hash(id), &words), 0);
			}
			make_words(capacities[c], &words);
			assert_int_equal(flow_table_insert(table, 0, good_hash(capacities[c]), &words), 0);
			for (unsigned id = 0; id < capacities[c]; id++) {
				make_words(id, &words);
				flow_table_remove(table, 0, flow_table_lookup(table, good_hash(id), &words));
			}
		}
		flow_table_free(table);
	}
}

// Each key is given once, with its group's others, however long the chains are.
static void a_group_is_gone_through_whole(void **state) {
	enum { KEYS = 3000 };
	struct flow_table *table;
	struct flow_words words;
	uint32_t seen[KEYS + 1] = {0};
	assert_int_equal(flow_table_new(&table, KEYS, 1), 0);
	for (unsigned id = 0; id < KEYS; id++) {
		make_words(id, &words);
		// Some in each group, most in one.
		uint64_t hash = id % 3 == 0 ? good_hash(id) : UINT64_C(77) << 54 | id;
		assert_int_not_equal(flow_table_insert(table, 0, hash, &words), 0);
	}
	for (unsigned group = 0; group < 1024; group++) {
		struct flow_cursor at = flow_table_group(table, group);
		for (uint32_t record; (record = flow_table_next(table, &at)) != 0; seen[record]++)
			assert_int_equal(table->colds[record].hash_high >> 22, group);
	}
	for (unsigned record = 1; record <= KEYS; record++)
		assert_int_equal(seen[record], 1);
	flow_table_free(table);
}

// What one instance gave back serves the other, but for two blocks.
static void capacity_moves_between_instances(void **state) {
	enum { CAPACITY = 8192 };
	struct flow_table *table;
	assert_int_equal(flow_table_new(&table, CAPACITY, 2), 0);
	struct flow_words words;
	for (unsigned part = 0; part < 2; part++) {
		unsigned inserted = 0;
		for (unsigned id = 0; id < CAPACITY; id++) {
			make_words(id, &words);
			inserted += flow_table_insert(table, part, good_hash(id), &words) != 0;
		}
		assert_true(inserted >= CAPACITY - (part > 0) * 2 * table->record_pool.block_size);
		for (unsigned id = 0; id < CAPACITY; id++) {
			make_words(id, &words);
			uint32_t record = flow_table_lookup(table, good_hash(id), &words);
			if (record != 0)
				flow_table_remove(table, part, record);
		}
	}
	flow_table_free(table);
}

static void a_batch_finds_candidates_that_removal_makes_void(void **state) {
	enum { N = 64 };
	struct flow_table *table;
	assert_int_equal(flow_table_new(&table, N, 1), 0);
	uint64_t hashes[N];
	struct flow_words words;
	uint32_t candidates[N], records[N];
	for (unsigned id = 0; id < N; id++) {
		make_words(id + 1, &words);
		hashes[id] = good_hash(id);
		records[id] = id % 2 ? flow_table_insert(table, 0, hashes[id], &words) : 0;
	}
	flow_table_lookup_batch(table, hashes, N, candidates);
	assert_memory_equal(candidates, records, sizeof(records));
	for (unsigned id = 1; id < N; id += 2)
		flow_table_remove(table, 0, records[id]);
	for (unsigned id = 0; id < N; id++) {
		make_words(id + 1, &words);
		assert_false(flow_table_has_key(table, candidates[id], &words));
	}
	flow_table_free(table);
}

// The key of a record is that which flow_key_canonical gives, from either direction.
static void keys_are_canonical(void **state) {
	struct flow_table *table;
	assert_int_equal(flow_table_new(&table, 2, 1), 0);
	srand(3);
	for (unsigned round = 0; round < 1000; round++) {
		struct packet_meta meta = {0};
		struct flow_key canonical, key;
		for (unsigned i = 0; i < sizeof(meta.key); i++)
			((uint8_t *)&meta.key)[i] = (uint8_t)rand();
		meta.key.ip_version = round % 2 ? 6 : 4;
		if (meta.key.ip_version == 4) {
			static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
			memcpy(meta.key.src_ip, mapped, sizeof(mapped));
			memcpy(meta.key.dst_ip, mapped, sizeof(mapped));
		}
		unsigned direction = flow_key_canonical(&meta.key, &canonical) ? 1 : 0;
		struct flow_words words;
		flow_words_set(&words, &meta, direction, good_hash(round));
		uint32_t record = flow_table_insert(table, 0, good_hash(round), &words);
		flow_table_key(table, record, &key);
		canonical.ttl = canonical.tos = 0;
		assert_memory_equal(&key, &canonical, sizeof(key));
		flow_table_remove(table, 0, record);
	}
	flow_table_free(table);
}

static void refuses_what_it_cannot_be(void **state) {
	struct flow_table *table;
	assert_int_equal(flow_table_new(&table, 0, 1), -EINVAL);
	assert_int_equal(flow_table_new(&table, (uint64_t)FLOW_TABLE_CAPACITY_MAX + 1, 1), -EINVAL);
	assert_int_equal(flow_table_new(&table, 1, 0), -EINVAL);
	flow_table_free(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_a_naive_model),
		cmocka_unit_test(agrees_with_a_naive_model_where_hashes_collide),
		cmocka_unit_test(one_instance_gets_the_whole_capacity),
		cmocka_unit_test(capacity_moves_between_instances),
		cmocka_unit_test(a_group_is_gone_through_whole),
		cmocka_unit_test(a_batch_finds_candidates_that_removal_makes_void),
		cmocka_unit_test(keys_are_canonical),
		cmocka_unit_test(refuses_what_it_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
