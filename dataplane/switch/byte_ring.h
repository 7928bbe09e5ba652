// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Memory for a queue of bytes that is mapped twice in a row: what begins at any position lies in one piece, also where
// it passes the end. Who fills and who empties it keep their own positions, which count all bytes ever.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct byte_ring {
	uint8_t *bytes; // [2 * size]
	size_t size;    // a power of two, whole pages
};

//   size    rounded up to a power of two of at least a page
//   return  0 or a negative errno
int byte_ring_init(struct byte_ring *ring, size_t size);
void byte_ring_fini(struct byte_ring *ring); // also of a zeroed one
// Give the memory of [from, to) back, as far as it is whole pages: what is read there next is zero.
//   from, to  from <= to <= from + size
//   return    where what was not given back begins, to be the next `from`
uint64_t byte_ring_release(const struct byte_ring *ring, uint64_t from, uint64_t to);

static inline uint8_t *byte_ring_at(const struct byte_ring *ring, uint64_t position) {
	return ring->bytes + (position & (ring->size - 1));
}
