// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A ring: the channel between two instances on different workers (or on one, where the plan wants a ring).
// One producer, one consumer: rte_ring in its SPSC mode, so that a worker that lost its CPU stalls nobody. Beside
// tuples a ring carries two facts about what is to come: a watermark, and that nothing is.
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "dataplane/tuple.h"

struct ring {
	struct rte_ring *tuples;
	unsigned size;         // entries
	unsigned arrival_mask; // of `arrivals`
	// producer: wo, consumer: ro
	alignas(64) _Atomic uint64_t watermark_ns;
	_Atomic bool closed;
	_Atomic uint64_t sent; // tuples; anyone may read
	uint64_t enqueued;     // producer only: how often
	uint64_t marker;       // `sent` when a key group stopped coming this way: ring_mark
	bool kick;             // producer only: enqueued since its worker last looked for sleepers
	// consumer: wo, anyone may read
	alignas(64) _Atomic uint64_t received;
	// consumer only: a watermark that holds once as many tuples have been received as were sent before it
	uint64_t promised_ns, promised_sent;
	uint64_t dequeued;             // how many enqueued batches have been dequeued whole
	struct ring_arrival *arrivals; // [arrival_mask + 1] of the batches in the ring
};

// Since when the tuples of one ring_enqueue are on their way (latency.h). Producer: wo, consumer: ro, each while the
// other leaves it alone: an entry passes from one to the other with its tuples, and back once `received` says so.
struct ring_arrival {
	uint64_t sent; // up to here
	uint64_t since;
};

enum {
	RING_SIZE_MIN = 64,
	RING_SIZE_MAX = 65536,
};

//   size    entries, a power of two, RING_SIZE_MIN..RING_SIZE_MAX
//   return  0, -EINVAL, -ENOMEM
int ring_new(struct ring **out, unsigned size);
// The ring must be empty: tuples in it would be lost. NULL is fine.
void ring_free(struct ring *ring);

// Tuples in the ring. Counted here rather than by rte_ring_count, which reads the other end's index without any order.
//   thread  any; exact for the two ends, a moment old for others
static inline unsigned ring_used(const struct ring *ring) {
	uint64_t received = atomic_load_explicit(&ring->received, memory_order_acquire);
	return (unsigned)(atomic_load_explicit(&ring->sent, memory_order_relaxed) - received);
}

// Entries that can be enqueued now; more only as time passes.
//   thread  the producer
static inline unsigned ring_room(const struct ring *ring) {
	return ring->size - ring_used(ring);
}

// Enqueue n tuples, whose room the producer reserved. Ownership moves to the ring.
//   n       1..ring_room()
//   since   of latency_since
//   thread  the producer; released before the consumer's acquire
void ring_enqueue(struct ring *ring, struct rte_mbuf *const *tuples, unsigned n, uint64_t since);

// All tuples enqueued after this have a clock at or above watermark_ns.
//   thread  the producer
static inline void ring_set_watermark(struct ring *ring, uint64_t watermark_ns) {
	atomic_store_explicit(&ring->watermark_ns, watermark_ns, memory_order_release);
}

// Nothing will be enqueued any more.
//   thread  the producer
static inline void ring_close(struct ring *ring) {
	atomic_store_explicit(&ring->closed, true, memory_order_release);
}

// Some will, after all. Nobody uses the ring at the time.
static inline void ring_reopen(struct ring *ring) {
	atomic_store_explicit(&ring->closed, false, memory_order_release);
}

// Put a marker behind what was enqueued so far; whoever tells the consumer of it orders the two.
//   thread  the producer
static inline void ring_mark(struct ring *ring) {
	ring->marker = atomic_load_explicit(&ring->sent, memory_order_relaxed);
}

// All that was enqueued before the marker has been dequeued.
//   thread  the consumer
static inline bool ring_has_passed_marker(const struct ring *ring) {
	return atomic_load_explicit(&ring->received, memory_order_relaxed) >= ring->marker;
}

//   thread  any
static inline bool ring_is_closed(const struct ring *ring) {
	return atomic_load_explicit(&ring->closed, memory_order_relaxed);
}

struct ring_reading {
	unsigned count;
	bool drained;          // every tuple enqueued before watermark_ns was set has been dequeued
	bool finished;         // closed and empty
	uint64_t since;        // of the oldest, as they were enqueued; 0 without tuples
	uint64_t watermark_ns; // valid for the consumer once it has handled the tuples, if drained; never runs back
};

// Dequeue up to `max` tuples.
//   tuples  [max], the first `count` filled and owned by the caller
//   thread  the consumer
struct ring_reading ring_dequeue(struct ring *ring, struct rte_mbuf **tuples, unsigned max);
