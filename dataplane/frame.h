// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames from memory into mbufs, for sources that are no DPDK port.
#pragma once

#include <rte_mbuf.h>

static inline uint32_t frame_segments(const struct rte_mempool *pool, uint32_t size) {
	uint32_t room = (uint32_t)rte_pktmbuf_data_room_size((struct rte_mempool *)(uintptr_t)pool);
	return (size + RTE_PKTMBUF_HEADROOM + room - 1) / room;
}

// Whether a frame of that size could ever be copied: a pool smaller than the frame would be waited for in vain. Half
// of the pool is left to frames that are on their way.
static inline bool frame_fits(const struct rte_mempool *pool, uint32_t size) {
	uint32_t segments = frame_segments(pool, size);
	return segments <= RTE_MBUF_MAX_NB_SEGS && segments <= pool->size / 2;
}

// Copy a frame into an mbuf, chained where one segment is too small: the first holds as much as fits.
//   return  NULL: the pool is empty now; nothing was taken
struct rte_mbuf *frame_copy(struct rte_mempool *pool, const uint8_t *data, uint32_t size);

enum { FRAME_ATTACH_MAX = UINT16_MAX };

// Let a new mbuf refer to a frame where it lies, instead of copying it.
//   size    1..FRAME_ATTACH_MAX
//   shared  what keeps the frame's memory; one of its references becomes the mbuf's
static inline void frame_attach(
	struct rte_mbuf *tuple, const uint8_t *data, uint32_t size, struct rte_mbuf_ext_shared_info *shared) {
	// No device ever sees this memory: it needs no address on the bus.
	rte_pktmbuf_attach_extbuf(tuple, (void *)(uintptr_t)data, RTE_BAD_IOVA, (uint16_t)size, shared);
	tuple->data_len = (uint16_t)size;
	tuple->pkt_len = size;
}
