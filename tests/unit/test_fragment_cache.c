// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/fragment_cache.h"

#define SECOND_NS UINT64_C(1000000000)

static struct fragment_key key_of(unsigned version, unsigned protocol, uint32_t id) {
	struct packet_meta meta = {.key = {.protocol = (uint8_t)protocol, .ip_version = (uint8_t)version}};
	meta.key.src_ip[15] = 1;
	meta.key.dst_ip[15] = 2;
	struct fragment_key key;
	memset(&key, 0xff, sizeof(key));
	fragment_key_set(&key, &meta, &(struct packet_fragment){.id = id});
	return key;
}

static void remember(struct fragment_cache *cache, uint32_t id, uint64_t hash, uint64_t now_ns) {
	struct fragment_key key = key_of(4, 17, id);
	struct flow_key first = {.src_port = (uint16_t)id, .dst_port = 53, .protocol = 17};
	fragment_cache_remember(cache, &key, hash, &first, now_ns);
}

// The source port recalled for a datagram, or -1.
static int recall(const struct fragment_cache *cache, uint32_t id, uint64_t hash, uint64_t now_ns) {
	struct fragment_key key = key_of(4, 17, id);
	struct flow_key later = {.src_port = 7};
	if (fragment_cache_recall(cache, &key, hash, &later, now_ns) == FRAGMENT_KNOWN) {
		assert_int_equal(later.dst_port, 53);
		return later.src_port;
	}
	assert_int_equal(later.src_port, 7);
	return -1;
}

static void test_capacity_bounds(void **state) {
	struct fragment_cache cache;
	assert_int_equal(fragment_cache_init(&cache, 0), -EINVAL);
	assert_int_equal(fragment_cache_init(&cache, FRAGMENT_CACHE_CAPACITY_MAX + UINT64_C(1)), -EINVAL);
	assert_int_equal(fragment_cache_init(&cache, 1), 0);
	remember(&cache, 1, 5, 0);
	remember(&cache, 2, 5, 0);
	assert_int_equal(recall(&cache, 1, 5, 0), -1);
	assert_int_equal(recall(&cache, 2, 5, 0), 2);
	fragment_cache_fini(&cache);
	fragment_cache_fini(&cache);
}

static void test_expiry(void **state) {
	struct fragment_cache cache;
	assert_int_equal(fragment_cache_init(&cache, 4), 0);
	remember(&cache, 1, 1, SECOND_NS);
	assert_int_equal(recall(&cache, 1, 1, 31 * SECOND_NS), 1);
	assert_int_equal(recall(&cache, 1, 1, 31 * SECOND_NS + 1), -1);
	remember(&cache, 1, 1, 40 * SECOND_NS);
	assert_int_equal(recall(&cache, 1, 1, 41 * SECOND_NS), 1);
	fragment_cache_fini(&cache);
}

static void test_oldest_gives_way(void **state) {
	struct fragment_cache cache;
	assert_int_equal(fragment_cache_init(&cache, 3), 0);
	for (uint32_t id = 0; id < 3; id++)
		remember(&cache, id, 9, id);
	remember(&cache, 3, 9, 3);
	assert_int_equal(cache.evicted, 1);
	assert_int_equal(recall(&cache, 0, 9, 3), -1);
	for (int id = 1; id <= 3; id++)
		assert_int_equal(recall(&cache, (uint32_t)id, 9, 3), id);
	// What is over anyway is not counted.
	remember(&cache, 4, 9, 100 * SECOND_NS);
	assert_int_equal(cache.evicted, 1);
	fragment_cache_fini(&cache);
}

// An identification used again names a new datagram: its ports replace the old ones, and its age is new.
static void test_same_name_again(void **state) {
	struct fragment_cache cache;
	assert_int_equal(fragment_cache_init(&cache, 2), 0);
	remember(&cache, 1, 1, 0);
	struct fragment_key key = key_of(4, 17, 1);
	fragment_cache_remember(&cache, &key, 1, &(struct flow_key){.src_port = 99, .dst_port = 53}, 1);
	assert_int_equal(recall(&cache, 1, 1, 2), 99);
	remember(&cache, 2, 2, 3);
	assert_int_equal(recall(&cache, 1, 1, 4), 99);
	assert_int_equal(cache.evicted, 0);
	fragment_cache_fini(&cache);
}

static void test_tunnelled(void **state) {
	struct fragment_cache cache;
	struct flow_key later = {.src_port = 7};
	struct fragment_key key = key_of(4, 47, 1);
	assert_int_equal(fragment_cache_init(&cache, 2), 0);
	assert_int_equal(fragment_cache_recall(&cache, &key, 1, &later, 0), FRAGMENT_UNKNOWN);
	fragment_cache_remember(&cache, &key, 1, NULL, 0);
	assert_int_equal(fragment_cache_recall(&cache, &key, 1, &later, 0), FRAGMENT_TUNNELLED);
	assert_int_equal(later.src_port, 7);
	// The identification again, for a packet that is no tunnel's.
	fragment_cache_remember(&cache, &key, 1, &(struct flow_key){.protocol = 47}, 1);
	assert_int_equal(fragment_cache_recall(&cache, &key, 1, &later, 1), FRAGMENT_KNOWN);
	assert_int_equal(later.src_port, 0);
	fragment_cache_fini(&cache);
}

static void test_names(void **state) {
	struct fragment_key udp = key_of(4, 17, 1), tcp = key_of(4, 6, 1), other = key_of(4, 17, 2);
	assert_memory_not_equal(&udp, &tcp, sizeof(udp));
	assert_memory_not_equal(&udp, &other, sizeof(udp));
	// In IPv6 the fragments of one datagram may name different headers as their first.
	struct fragment_key options = key_of(6, 60, 1), plain = key_of(6, 17, 1);
	assert_memory_equal(&options, &plain, sizeof(plain));
	assert_memory_not_equal(&udp, &plain, sizeof(udp));
}

// Against a plain model: many datagrams, few buckets, so that chains are cut at every place.
static void test_many(void **state) {
	enum { CAPACITY = 37, ROUNDS = 5000, IDS = 64 };
	struct fragment_cache cache;
	assert_int_equal(fragment_cache_init(&cache, CAPACITY), 0);
	int order[ROUNDS]; // the ids in order of insertion, -1 where replaced since
	uint32_t random = 1;
	for (int round = 0; round < ROUNDS; round++) {
		random = random * 1103515245 + 12345;
		uint32_t id = (random >> 16) % IDS;
		for (int i = 0; i < round; i++)
			if (order[i] == (int)id)
				order[i] = -1;
		order[round] = (int)id;
		remember(&cache, id, id & 3, (uint64_t)round);
		if (round % 50)
			continue;
		for (uint32_t probe = 0; probe < IDS; probe++) {
			int expected = -1;
			for (int i = round - CAPACITY + 1 > 0 ? round - CAPACITY + 1 : 0; i <= round; i++)
				if (order[i] == (int)probe)
					expected = (int)probe;
			assert_int_equal(recall(&cache, probe, probe & 3, (uint64_t)round), expected);
		}
	}
	fragment_cache_fini(&cache);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity_bounds),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_oldest_gives_way),
		cmocka_unit_test(test_same_name_again),
		cmocka_unit_test(test_tunnelled),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
