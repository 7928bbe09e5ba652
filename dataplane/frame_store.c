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

// What rte_pktmbuf_free does with the last reference.
static int come_home(struct rte_mempool *pool, void *const *objects, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *tuple = objects[i];
		__atomic_store_n(&tuple->refcnt, 0, __ATOMIC_RELEASE);
	}
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

static struct rte_mempool *make_pool(void) {
	static unsigned number;
	char name[RTE_MEMPOOL_NAMESIZE];
	snprintf(name, sizeof(name), "weir_frames_%u", number++);
	struct rte_mempool *pool = rte_mempool_create_empty(name, 1, sizeof(struct rte_mbuf) + TUPLE_PRIVATE_SIZE, 0,
		sizeof(struct rte_pktmbuf_pool_private), (int)rte_socket_id(), 0);
	if (pool == NULL)
		return NULL;
	struct rte_pktmbuf_pool_private room = {.mbuf_priv_size = TUPLE_PRIVATE_SIZE};
	rte_pktmbuf_pool_init(pool, &room);
	if (rte_mempool_set_ops_byname(pool, frame_ops.name, NULL) == 0)
		return pool;
	rte_mempool_free(pool);
	return NULL;
}

size_t frame_store_footprint(uint32_t size) {
	return RTE_ALIGN_CEIL(sizeof(struct rte_mbuf) + TUPLE_PRIVATE_SIZE + size, RTE_CACHE_LINE_SIZE);
}

int frame_store_init(struct frame_store *store, uint64_t frames, size_t size) {
	*store = (struct frame_store){.capacity = frames, .size = size};
	store->frames = calloc(frames, sizeof(*store->frames));
	store->memory = huge_memory_new(size);
	store->pool = make_pool();
	if (store->frames && store->memory && store->pool)
		return 0;
	frame_store_fini(store);
	return -ENOMEM;
}

void frame_store_fini(struct frame_store *store) {
	huge_memory_free(store->memory, store->size);
	rte_mempool_free(store->pool);
	free(store->frames);
	*store = (struct frame_store){0};
}

uint8_t *frame_store_add(struct frame_store *store, uint32_t size, uint64_t offset_ns, enum packet_link link) {
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
	tuple->pool = store->pool;
	tuple->priv_size = TUPLE_PRIVATE_SIZE;
	rte_mbuf_refcnt_set(tuple, 0);
	store->frames[store->count++] = (struct stored_frame){.tuple = tuple, .offset_ns = offset_ns};
	return data;
}
