// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Chunks on a lock-free stack (see index_pool.h). The links lie beside what the indices stand for, not in it: a slow
// popper may still read the link of a chunk that another thread has taken, and only the counter tells it so.
#include "dataplane/index_pool.h"

#include <errno.h>
#include <stddef.h>

#include "dataplane/huge_memory.h"

static size_t links_size(const struct index_pool *pool) {
	return ((size_t)pool->capacity + 1) * sizeof(*pool->links);
}

int index_pool_init(struct index_pool *pool, uint32_t capacity, unsigned users) {
	// Four chunks per user, so that those kept in caches leave the others at least half.
	uint32_t chunk = capacity / (4 * users);
	pool->capacity = capacity;
	pool->chunk = chunk < 1 ? 1 : chunk > INDEX_CHUNK_MAX ? INDEX_CHUNK_MAX : chunk;
	atomic_init(&pool->top, 0);
	atomic_init(&pool->fresh, 0);
	pool->links = huge_memory_new(links_size(pool));
	return pool->links == NULL ? -ENOMEM : 0;
}

void index_pool_fini(struct index_pool *pool) {
	huge_memory_free(pool->links, links_size(pool));
	pool->links = NULL;
}

// Take the chunk on top of the stack.
//   return  its first index, or 0
static uint32_t pop_chunk(struct index_pool *pool) {
	uint64_t top = atomic_load_explicit(&pool->top, memory_order_acquire);
	while ((uint32_t)top != 0) {
		uint32_t below = atomic_load_explicit(&pool->links[(uint32_t)top].next_chunk, memory_order_relaxed);
		uint64_t changed = ((top >> 32) + 1) << 32 | below;
		if (atomic_compare_exchange_weak_explicit(
			    &pool->top, &top, changed, memory_order_acquire, memory_order_acquire))
			return (uint32_t)top;
	}
	return 0;
}

uint32_t index_pool_refill(struct index_pool *pool, struct index_cache *cache) {
	uint32_t index = pop_chunk(pool);
	while (index != 0) {
		cache->items[cache->count++] = index;
		index = atomic_load_explicit(&pool->links[index].next_in_chunk, memory_order_relaxed);
	}
	if (cache->count == 0) {
		if (atomic_load_explicit(&pool->fresh, memory_order_relaxed) >= pool->capacity)
			return 0;
		uint64_t first = atomic_fetch_add_explicit(&pool->fresh, pool->chunk, memory_order_relaxed);
		// The lowest is taken first: pages are touched in order.
		for (uint64_t i = first + pool->chunk; i > first; i--)
			if (i <= pool->capacity)
				cache->items[cache->count++] = (uint32_t)i;
	}
	return cache->count > 0 ? cache->items[--cache->count] : 0;
}

void index_pool_spill(struct index_pool *pool, struct index_cache *cache) {
	uint32_t first = 0;
	for (uint32_t i = 0; i < pool->chunk; i++) {
		uint32_t index = cache->items[--cache->count];
		atomic_store_explicit(&pool->links[index].next_in_chunk, first, memory_order_relaxed);
		first = index;
	}
	uint64_t top = atomic_load_explicit(&pool->top, memory_order_relaxed), changed;
	do {
		atomic_store_explicit(&pool->links[first].next_chunk, (uint32_t)top, memory_order_relaxed);
		changed = ((top >> 32) + 1) << 32 | first;
	} while (!atomic_compare_exchange_weak_explicit(
		&pool->top, &top, changed, memory_order_release, memory_order_relaxed));
}
