// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames as mbufs in memory of their own (frame_store.h).
#include "dataplane/frame_store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "dataplane/tuple.h"

enum { HUGE_PAGE = 2 << 20 };

size_t frame_store_footprint(uint32_t size) {
	return RTE_ALIGN_CEIL(sizeof(struct rte_mbuf) + TUPLE_PRIVATE_SIZE + size, RTE_CACHE_LINE_SIZE);
}

int frame_store_init(struct frame_store *store, uint64_t frames, size_t size) {
	*store = (struct frame_store){.capacity = frames, .size = RTE_ALIGN_CEIL(size, (size_t)HUGE_PAGE)};
	store->frames = calloc(frames, sizeof(*store->frames));
	void *memory = mmap(NULL, store->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	store->memory = memory == MAP_FAILED ? NULL : memory;
	if (!store->frames || !store->memory) {
		frame_store_fini(store);
		return -ENOMEM;
	}
	// Advice only: small pages work as well, just slower.
	if (madvise(memory, store->size, MADV_HUGEPAGE))
		errno = 0;
	return 0;
}

void frame_store_fini(struct frame_store *store) {
	if (store->memory)
		munmap(store->memory, store->size);
	free(store->frames);
	*store = (struct frame_store){0};
}

uint8_t *frame_store_add(
	struct frame_store *store, uint32_t size, uint64_t offset_ns, enum packet_link link, struct rte_mempool *pool) {
	struct rte_mbuf *tuple = (struct rte_mbuf *)(store->memory + store->used);
	uint8_t *data = (uint8_t *)(tuple + 1) + TUPLE_PRIVATE_SIZE;
	RTE_VERIFY(store->count < store->capacity && store->used + frame_store_footprint(size) <= store->size);
	store->used += frame_store_footprint(size);
	tuple->buf_addr = data;
	tuple->buf_len = (uint16_t)size;
	tuple->data_len = (uint16_t)size;
	tuple->pkt_len = size;
	tuple->nb_segs = 1;
	tuple->port = RTE_MBUF_PORT_INVALID;
	tuple->packet_type = link;
	tuple->pool = pool;
	tuple->priv_size = TUPLE_PRIVATE_SIZE;
	rte_mbuf_refcnt_set(tuple, 1);
	store->frames[store->count++] = (struct stored_frame){.tuple = tuple, .offset_ns = offset_ns};
	return data;
}
