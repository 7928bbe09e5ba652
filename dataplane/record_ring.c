// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/record_ring.h"

#include <errno.h>
#include <stdlib.h>

int record_ring_init(struct record_ring *ring, unsigned length, size_t record_size) {
	*ring = (struct record_ring){.record_size = (record_size + 7) & ~(size_t)7, .length = 1};
	while (ring->length < length)
		ring->length *= 2;
	ring->slots = calloc(ring->length, ring->record_size);
	return ring->slots == NULL ? -ENOMEM : 0;
}

void record_ring_fini(struct record_ring *ring) {
	free(ring->slots);
	ring->slots = NULL;
}

unsigned record_ring_room(struct record_ring *ring, unsigned wanted) {
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t room = ring->length - (head - ring->tail_seen);
	if (room < wanted) {
		ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
		room = ring->length - (head - ring->tail_seen);
	}
	return room < wanted ? (unsigned)room : wanted;
}

unsigned record_ring_peek(struct record_ring *ring, const void **records) {
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	if (ring->head_seen == tail)
		ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t first = tail & (ring->length - 1);
	uint64_t in_a_row = ring->length - first;
	*records = ring->slots + first * ring->record_size;
	return (unsigned)(ring->head_seen - tail < in_a_row ? ring->head_seen - tail : in_a_row);
}
