// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Rings: order, room, and what the consumer may conclude from a watermark, alone and with a thread at each end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "dataplane/ring.h"

enum { STRESS_TUPLES = 200 * 1000 };

// Rings carry pointers; these tests never look behind them.
static struct rte_mbuf *number(uintptr_t n) {
	return (struct rte_mbuf *)(n + 1);
}

static void test_refuses_sizes(void **state) {
	static const unsigned wrong[] = {0, 1, 63, RING_SIZE_MIN / 2, RING_SIZE_MAX * 2};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ring *ring = NULL;
		assert_int_equal(ring_new(&ring, wrong[i]), -EINVAL);
		assert_null(ring);
	}
	ring_free(NULL);
}

static void test_holds_its_size(void **state) {
	struct ring *ring = NULL;
	struct rte_mbuf *tuples[RING_SIZE_MIN];
	assert_int_equal(ring_new(&ring, RING_SIZE_MIN), 0);
	assert_int_equal(ring_room(ring), RING_SIZE_MIN);
	for (uintptr_t i = 0; i < RING_SIZE_MIN; i++)
		tuples[i] = number(i);
	ring_enqueue(ring, tuples, RING_SIZE_MIN, 0);
	assert_int_equal(ring_room(ring), 0);

	struct ring_reading reading = ring_dequeue(ring, tuples, 10);
	assert_int_equal(reading.count, 10);
	assert_false(reading.drained);
	assert_int_equal(ring_room(ring), 10);
	for (uintptr_t i = 0; i < 10; i++)
		assert_ptr_equal(tuples[i], number(i));
	reading = ring_dequeue(ring, tuples, RING_SIZE_MIN);
	assert_int_equal(reading.count, RING_SIZE_MIN - 10);
	assert_true(reading.drained);
	assert_int_equal(atomic_load(&ring->sent), RING_SIZE_MIN);
	assert_int_equal(atomic_load(&ring->received), RING_SIZE_MIN);
	ring_free(ring);
}

static void test_ends_only_when_empty(void **state) {
	struct ring *ring = NULL;
	struct rte_mbuf *tuples[4] = {number(0), number(1), number(2)};
	assert_int_equal(ring_new(&ring, RING_SIZE_MIN), 0);
	ring_enqueue(ring, tuples, 3, 0);
	ring_set_watermark(ring, 77);
	ring_close(ring);

	struct ring_reading reading = ring_dequeue(ring, tuples, 3);
	assert_int_equal(reading.count, 3);
	assert_false(reading.finished); // three asked, three given: more could be there
	reading = ring_dequeue(ring, tuples, 3);
	assert_int_equal(reading.count, 0);
	assert_true(reading.finished);
	assert_int_equal(reading.watermark_ns, 77);
	ring_free(ring);
}

// A producer that is always ahead: the ring is never empty, yet time must pass for the consumer, or nothing expires.
static void test_lets_time_pass_under_constant_load(void **state) {
	struct ring *ring = NULL;
	struct rte_mbuf *tuples[BATCH_MAX] = {0};
	assert_int_equal(ring_new(&ring, 4 * BATCH_MAX), 0);
	uint64_t sent = 0, received = 0, watermark = 0;
	for (; sent < 2 * BATCH_MAX; sent++)
		ring_enqueue(ring, (struct rte_mbuf *[]){number(sent)}, 1, 0);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < BATCH_MAX; i++, sent++)
			ring_enqueue(ring, (struct rte_mbuf *[]){number(sent)}, 1, 0);
		ring_set_watermark(ring, sent);
		struct ring_reading reading = ring_dequeue(ring, tuples, BATCH_MAX);
		assert_int_equal(reading.count, BATCH_MAX);
		received += reading.count;
		if (!reading.drained)
			continue;
		assert_true(reading.watermark_ns <= received); // what was promised has been seen
		assert_true(reading.watermark_ns >= watermark);
		watermark = reading.watermark_ns;
	}
	assert_true(watermark >= received - 4 * BATCH_MAX);
	while (received < sent)
		received += ring_dequeue(ring, tuples, BATCH_MAX).count;
	ring_free(ring);
}

// Enqueued by sizes that the consumer's do not match, over many laps: since when the oldest of each is on its way.
static void test_tells_since_when_the_oldest_is_on_its_way(void **state) {
	enum { SIZES = 7 };
	static const unsigned in[SIZES] = {1, 64, 3, 1, 1, 20, 7}, out[] = {2, 64, 5, 1, 33};
	struct ring *ring = NULL;
	struct rte_mbuf *tuples[BATCH_MAX] = {0};
	static uint64_t batch_of[20000];
	uint64_t sent = 0, received = 0;
	assert_int_equal(ring_new(&ring, RING_SIZE_MIN), 0);
	for (uint64_t batch = 1; sent + BATCH_MAX < 20000; batch++) {
		unsigned n = in[batch % SIZES];
		while (ring_room(ring) < n) {
			struct ring_reading reading = ring_dequeue(ring, tuples, out[received % 5]);
			assert_int_equal(reading.since, batch_of[received]);
			received += reading.count;
		}
		ring_enqueue(ring, tuples, n, batch);
		for (unsigned i = 0; i < n; i++)
			batch_of[sent++] = batch;
	}
	while (received < sent)
		received += ring_dequeue(ring, tuples, BATCH_MAX).count;
	assert_int_equal(ring_dequeue(ring, tuples, BATCH_MAX).since, 0);
	ring_free(ring);
}

// The producer stamps each tuple with its number and promises numbers from then on.
static void *produce(void *argument) {
	struct ring *ring = argument;
	uintptr_t next = 0;
	while (next < STRESS_TUPLES) {
		struct rte_mbuf *tuples[BATCH_MAX];
		unsigned n = 0, room = ring_room(ring), wanted = (unsigned)(next * 7 % BATCH_MAX) + 1;
		for (; n < wanted && n < room && next < STRESS_TUPLES; n++)
			tuples[n] = number(next++);
		if (n > 0)
			ring_enqueue(ring, tuples, n, next); // since: how many there were with these
		else
			sched_yield();
		ring_set_watermark(ring, next);
	}
	ring_close(ring);
	return NULL;
}

static void test_keeps_order_and_promises_between_threads(void **state) {
	struct ring *ring = NULL;
	pthread_t producer;
	assert_int_equal(ring_new(&ring, 256), 0);
	assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);

	uintptr_t expected = 0;
	uint64_t watermark = 0;
	for (bool finished = false; !finished;) {
		struct rte_mbuf *tuples[BATCH_MAX];
		struct ring_reading reading = ring_dequeue(ring, tuples, BATCH_MAX);
		if (reading.count > 0)
			assert_true(reading.since > expected && reading.since <= expected + BATCH_MAX);
		for (unsigned i = 0; i < reading.count; i++) {
			assert_ptr_equal(tuples[i], number(expected));
			assert_true(expected >= watermark); // what was promised holds
			expected++;
		}
		if (reading.drained) {
			// All that came before the watermark has been seen.
			assert_true(expected >= reading.watermark_ns);
			assert_true(reading.watermark_ns >= watermark);
			watermark = reading.watermark_ns;
		}
		if (reading.count == 0)
			sched_yield();
		finished = reading.finished;
	}
	assert_int_equal(expected, STRESS_TUPLES);
	assert_int_equal(watermark, STRESS_TUPLES);
	pthread_join(producer, NULL);
	ring_free(ring);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_sizes),
		cmocka_unit_test(test_holds_its_size),
		cmocka_unit_test(test_ends_only_when_empty),
		cmocka_unit_test(test_lets_time_pass_under_constant_load),
		cmocka_unit_test(test_tells_since_when_the_oldest_is_on_its_way),
		cmocka_unit_test(test_keeps_order_and_promises_between_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
