// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames kept in memory as ready mbufs, to be sent again and again without copying: what `replay` preloads.
//
// The mbufs lie outside the EAL's heap, in pages of their own (huge ones where the kernel has them). Who sends frames
// has a slice of them; its mbufs belong to a mempool of the slice's, whose only use is to count the frames that come
// back. So a frame is sent without a write to its mbuf, and once all are back they can be sent again.
//
//   mbuf (2 cache lines) | private area (1) | the frame
#pragma once

#include <stdalign.h>
#include <stdatomic.h>

#include <rte_mbuf.h>

#include "dataplane/capture.h"
#include "dataplane/tuple.h"

struct stored_frame {
	struct rte_mbuf *tuple;
	uint64_t offset_ns; // from the first frame of the round
};

struct frame_slice {
	const struct stored_frame *frames; // [count]
	uint64_t count;
	uint64_t sent; // sender only
	struct rte_mempool *pool;
	alignas(64) _Atomic uint64_t returned; // whoever frees: rw, sender: ro
};

enum {
	FRAME_STORE_AHEAD = 16, // frames behind the last one that may be prefetched
	FRAME_STORE_DATA_AT = sizeof(struct rte_mbuf) + TUPLE_PRIVATE_SIZE,
};

struct frame_store {
	struct stored_frame *frames; // [count]
	uint64_t count, capacity;
	struct frame_slice *slices; // [slice_count]; frames are added to that at `slice`, those before it are full
	unsigned slice_count, slice;
	uint8_t *memory;
	size_t size, used;
	uint64_t start_ns; // time of the first frame, since the epoch
	uint64_t span_ns;  // of a round: from its first frame to the next round's
};

// Bytes of the store that a frame takes.
size_t frame_store_footprint(uint32_t size);

// Take the memory for `frames` frames with a footprint of `size` bytes in all.
//   slices  >= 1, empty
//   return  0, -ENOMEM, or what the EAL says
int frame_store_init(struct frame_store *store, uint64_t frames, size_t size, unsigned slices);
void frame_store_fini(struct frame_store *store); // a zeroed store is fine

// The frames added from now on belong to the next slice. There must be one.
void frame_store_begin_slice(struct frame_store *store);

// Add a frame of at most FRAME_STORE_SIZE_MAX bytes to the slice that was begun last.
//   return  where the caller writes the frame, [size]
enum { FRAME_STORE_SIZE_MAX = UINT16_MAX };
uint8_t *frame_store_add(struct frame_store *store, uint32_t size, uint64_t offset_ns, enum packet_link link);

// Fill a zeroed store with the frames of a capture file, but for those of no bytes and of too many, in slices of one
// length.
//   frames  at most so many; 0: all. None at all is an error
//   error   [CAPTURE_ERROR_MAX] filled on failure
//   return  0 or a negative errno; the store is to be finished in any case
int frame_store_read(struct frame_store *store, const char *path, uint64_t frames, unsigned slices, char *error);

// Whether all frames that were sent have come back, whoever freed them: they can be sent again.
//   thread  the sender
static inline bool frame_slice_is_home(const struct frame_slice *slice) {
	return atomic_load_explicit(&slice->returned, memory_order_acquire) == slice->sent;
}

// Begin to fetch a frame that will be sent soon. One behind the last of the store is fine.
static inline void frame_store_prefetch(const struct stored_frame *frame) {
	uintptr_t tuple = (uintptr_t)frame->tuple; // 0 behind the last
	__builtin_prefetch((const void *)tuple);
	__builtin_prefetch((const void *)(tuple + FRAME_STORE_DATA_AT));
}
