// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames kept in memory as ready mbufs, to be sent again and again without copying: what `replay` preloads.
//
// The mbufs lie outside the EAL's heap, in pages of their own (huge ones where the kernel has them). They belong to a
// mempool of the store's, whose only use is that a frame which was freed comes back: it is marked as being at home by
// its count of references, which is 0 then and 1 on its way.
//
//   mbuf (2 cache lines) | private area (1) | the frame
#pragma once

#include <rte_mbuf.h>

#include "dataplane/capture.h"

struct stored_frame {
	struct rte_mbuf *tuple;
	uint64_t offset_ns; // from the first frame of the round
};

struct frame_store {
	struct stored_frame *frames; // [count]
	uint64_t count, capacity;
	struct rte_mempool *pool;
	uint8_t *memory;
	size_t size, used;
	uint64_t start_ns; // time of the first frame, since the epoch
	uint64_t span_ns;  // of a round: from its first frame to the next round's
};

// Bytes of the store that a frame takes.
size_t frame_store_footprint(uint32_t size);

// Take the memory for `frames` frames with a footprint of `size` bytes in all.
//   return  0, -ENOMEM, or what the EAL says
int frame_store_init(struct frame_store *store, uint64_t frames, size_t size);
void frame_store_fini(struct frame_store *store); // a zeroed store is fine

// Add a frame of at most FRAME_STORE_SIZE_MAX bytes.
//   return  where the caller writes the frame, [size]
enum { FRAME_STORE_SIZE_MAX = UINT16_MAX };
uint8_t *frame_store_add(struct frame_store *store, uint32_t size, uint64_t offset_ns, enum packet_link link);

// Fill a zeroed store with the frames of a capture file, but for those of no bytes and of too many.
//   frames  at most so many; 0: all. None at all is an error
//   error   [CAPTURE_ERROR_MAX] filled on failure
//   return  0 or a negative errno; the store is to be finished in any case
int frame_store_read(struct frame_store *store, const char *path, uint64_t frames, char *error);

// Take a frame to send it, if it is at home.
//   thread  one per frame; whoever frees the mbuf may be on another
static inline bool frame_store_take(struct rte_mbuf *tuple) {
	// Nobody but the store has it: a plain store is enough, and the next receiver gets it through a ring or a call.
	if (__atomic_load_n(&tuple->refcnt, __ATOMIC_ACQUIRE) != 0)
		return false;
	tuple->refcnt = 1;
	return true;
}
