// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames as mbufs in memory of their own (frame_store.h).
#include "dataplane/frame_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_mempool.h>

#include "dataplane/huge_memory.h"
#include "dataplane/tuple.h"

static int pool_start(struct rte_mempool *pool) {
	return 0;
}

// What freeing does with the last reference. The mbufs are as they were sent, with one reference.
static int come_home(struct rte_mempool *pool, void *const *objects, unsigned n) {
	struct frame_slice *slice = pool->pool_data;
	atomic_fetch_add_explicit(&slice->returned, n, memory_order_release);
	return 0;
}

// Nobody is given a frame that did not ask for that one.
static int give_none(struct rte_mempool *pool, void **objects, unsigned n) {
	return -ENOENT;
}

static unsigned count_none(const struct rte_mempool *pool) {
	return 0;
}

static const struct rte_mempool_ops frame_ops = {
	.name = "weir_frames",
	.alloc = pool_start,
	.enqueue = come_home,
	.dequeue = give_none,
	.get_count = count_none,
};
RTE_MEMPOOL_REGISTER_OPS(frame_ops);

static struct rte_mempool *make_pool(struct frame_slice *slice) {
	static unsigned number;
	char name[RTE_MEMPOOL_NAMESIZE];
	snprintf(name, sizeof(name), "weir_frames_%u", number++);
	struct rte_mempool *pool = rte_mempool_create_empty(name, 1, sizeof(struct rte_mbuf) + TUPLE_PRIVATE_SIZE, 0,
		sizeof(struct rte_pktmbuf_pool_private), (int)rte_socket_id(), 0);
	if (pool == NULL)
		return NULL;
	struct rte_pktmbuf_pool_private room = {.mbuf_priv_size = TUPLE_PRIVATE_SIZE};
	rte_pktmbuf_pool_init(pool, &room);
	pool->pool_data = slice;
	if (rte_mempool_set_ops_byname(pool, frame_ops.name, NULL) == 0)
		return pool;
	rte_mempool_free(pool);
	return NULL;
}

size_t frame_store_footprint(uint32_t size) {
	return RTE_ALIGN_CEIL(FRAME_STORE_DATA_AT + size, RTE_CACHE_LINE_SIZE);
}

static size_t frames_size(const struct frame_store *store) {
	return (store->capacity + FRAME_STORE_AHEAD) * sizeof(*store->frames);
}

static bool make_slices(struct frame_store *store, unsigned count) {
	store->slices = aligned_alloc(alignof(struct frame_slice), count * sizeof(*store->slices));
	if (!store->slices)
		return false;
	memset(store->slices, 0, count * sizeof(*store->slices));
	store->slice_count = count;
	bool are_made = true;
	for (unsigned i = 0; i < count; i++) {
		store->slices[i].frames = store->frames;
		store->slices[i].pool = make_pool(&store->slices[i]);
		are_made &= store->slices[i].pool != NULL;
	}
	return are_made;
}

int frame_store_init(struct frame_store *store, uint64_t frames, size_t size, unsigned slices) {
	*store = (struct frame_store){.capacity = frames, .size = size};
	store->frames = huge_memory_new_unsaved(frames_size(store));
	store->memory = huge_memory_new_unsaved(size);
	if (store->frames && store->memory && make_slices(store, slices))
		return 0;
	frame_store_fini(store);
	return -ENOMEM;
}

void frame_store_fini(struct frame_store *store) {
	huge_memory_free(store->memory, store->size);
	for (unsigned i = 0; i < store->slice_count; i++)
		rte_mempool_free(store->slices[i].pool);
	free(store->slices);
	huge_memory_free(store->frames, frames_size(store));
	*store = (struct frame_store){0};
}

void frame_store_begin_slice(struct frame_store *store) {
	RTE_VERIFY(store->slice + 1 < store->slice_count);
	store->slices[++store->slice].frames = store->frames + store->count;
}

uint8_t *frame_store_add(struct frame_store *store, uint32_t size, uint64_t offset_ns, enum packet_link link) {
	struct rte_mbuf *tuple = (struct rte_mbuf *)(store->memory + store->used);
	uint8_t *data = (uint8_t *)tuple + FRAME_STORE_DATA_AT;
	struct frame_slice *slice = &store->slices[store->slice];
	RTE_VERIFY(store->count < store->capacity && store->used + frame_store_footprint(size) <= store->size);
	store->used += frame_store_footprint(size);
	tuple->buf_addr = data;
	tuple->buf_len = (uint16_t)size;
	tuple->data_len = (uint16_t)size;
	tuple->pkt_len = size;
	tuple->nb_segs = 1;
	tuple->port = RTE_MBUF_PORT_INVALID;
	tuple->packet_type = link;
	tuple->pool = slice->pool;
	tuple->priv_size = TUPLE_PRIVATE_SIZE;
	rte_mbuf_refcnt_set(tuple, 1);
	slice->count++;
	store->frames[store->count++] = (struct stored_frame){.tuple = tuple, .offset_ns = offset_ns};
	return data;
}
