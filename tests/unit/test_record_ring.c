// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The ring of record bodies: nothing is lost, repeated or torn, at its end, when it is full, and between two threads.
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/record_ring.h"

enum { WORDS = 5, MANY = 200000 };

static void put(struct record_ring *ring, unsigned n, uint64_t *next) {
	for (unsigned i = 0; i < n; i++) {
		uint64_t *slot = record_ring_slot(ring, i);
		for (unsigned w = 0; w < WORDS; w++)
			slot[w] = *next;
		(*next)++;
	}
	record_ring_publish(ring, n);
}

// Check what lies in front, and release `n` of it at most.
static unsigned take(struct record_ring *ring, unsigned n, uint64_t *expected) {
	const void *records;
	unsigned count = record_ring_peek(ring, &records);
	count = count < n ? count : n;
	const uint64_t *words = records;
	for (unsigned i = 0; i < count * WORDS; i++)
		if (words[i] != *expected + i / WORDS)
			fail_msg("record %u: %llu, expected %llu", i / WORDS, (unsigned long long)words[i],
				(unsigned long long)(*expected + i / WORDS));
	record_ring_release(ring, count);
	*expected += count;
	return count;
}

static void test_full_and_round(void **state) {
	struct record_ring ring;
	uint64_t next = 1, expected = 1;
	assert_int_equal(record_ring_init(&ring, 5, WORDS * sizeof(uint64_t) - 3), 0);
	assert_int_equal(ring.length, 8);
	assert_int_equal(ring.record_size, WORDS * sizeof(uint64_t));
	assert_int_equal(take(&ring, 8, &expected), 0);
	assert_int_equal(record_ring_room(&ring, 64), 8);
	put(&ring, 6, &next);
	assert_int_equal(record_ring_room(&ring, 64), 2);
	assert_int_equal(take(&ring, 4, &expected), 4);
	assert_int_equal(record_ring_room(&ring, 64), 6);
	put(&ring, 6, &next);
	assert_int_equal(record_ring_room(&ring, 1), 0);
	assert_int_equal(take(&ring, 64, &expected), 2); // what it had looked for
	assert_int_equal(take(&ring, 64, &expected), 2); // up to the end of the memory
	assert_int_equal(take(&ring, 64, &expected), 4); // from its start
	assert_int_equal(take(&ring, 64, &expected), 0);
	record_ring_fini(&ring);
}

static void *produce(void *argument) {
	struct record_ring *ring = argument;
	uint64_t next = 1;
	while (next <= MANY) {
		unsigned room = record_ring_room(ring, (unsigned)(1 + next % 7));
		put(ring, room, &next);
		if (room == 0)
			sched_yield();
	}
	return (void *)(uintptr_t)next;
}

static void test_two_threads(void **state) {
	struct record_ring ring;
	pthread_t producer;
	uint64_t expected = 1;
	void *end;
	assert_int_equal(record_ring_init(&ring, 64, WORDS * sizeof(uint64_t)), 0);
	assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
	while (expected <= MANY)
		if (take(&ring, 64, &expected) == 0)
			sched_yield();
	assert_int_equal(pthread_join(producer, &end), 0);
	while (take(&ring, 64, &expected) > 0)
		;
	assert_int_equal(expected, (uintptr_t)end);
	record_ring_fini(&ring);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_and_round),
		cmocka_unit_test(test_two_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
