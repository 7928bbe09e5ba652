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
