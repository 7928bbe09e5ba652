// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A bounded ring of record bodies between one producer and one consumer. Bodies are copied in, so that the pool their
// mbufs come from does not depend on how fast somebody far away reads. Neither side waits, neither takes a lock; each
// looks at the other's position only when its last look no longer suffices (Lamport's queue, with cached positions).
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct record_ring {
	uint8_t *slots;
	size_t record_size;                 // bytes of a slot, a multiple of 8
	unsigned length;                    // slots, a power of two
	_Alignas(64) _Atomic uint64_t head; // records published; producer: wo, consumer: ro
	uint64_t tail_seen;                 // producer only
	_Alignas(64) _Atomic uint64_t tail; // records released; consumer: wo, producer: ro
	uint64_t head_seen;                 // consumer only
};

//   length       rounded up to a power of two
//   record_size  rounded up to a multiple of 8
//   return       0 or -ENOMEM
int record_ring_init(struct record_ring *ring, unsigned length, size_t record_size);
void record_ring_fini(struct record_ring *ring);

//   return  slots that can be filled now, `wanted` at most
//   thread  the producer
unsigned record_ring_room(struct record_ring *ring, unsigned wanted);

// The free slot that record `index` after the published ones goes to, index < room.
static inline void *record_ring_slot(const struct record_ring *ring, unsigned index) {
	uint64_t at = atomic_load_explicit(&ring->head, memory_order_relaxed) + index;
	return ring->slots + (at & (ring->length - 1)) * ring->record_size;
}

// Hand n filled slots over; released before the consumer's acquire.
static inline void record_ring_publish(struct record_ring *ring, unsigned n) {
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	atomic_store_explicit(&ring->head, head + n, memory_order_release);
}

// The oldest records, as many as lie in a row, record_size bytes each.
//   return  their number, 0 if there is none
//   thread  the consumer; they stay its own until it releases them
unsigned record_ring_peek(struct record_ring *ring, const void **records);

static inline void record_ring_release(struct record_ring *ring, unsigned n) {
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	atomic_store_explicit(&ring->tail, tail + n, memory_order_release);
}
