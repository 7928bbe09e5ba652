// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A pool of the indices 1..capacity, shared by several threads. Each thread takes and gives through a cache of its
// own; caches are filled and emptied a block at a time, so that the whole capacity serves whoever needs it and the
// shared stacks are touched rarely. Index 0 is never given out and means none.
//
//   source  the stacks: Treiber 1986, with a counter against ABA
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { INDEX_BLOCK_MAX = 256 };

// One thread's share. At most two blocks are kept from the others.
struct index_cache {
	uint32_t count;
	uint32_t items[2 * INDEX_BLOCK_MAX];
};

// Blocks by number, linked by index_pool.next.
struct index_stack {
	_Alignas(64) _Atomic uint64_t top; // high half: count of changes; low half: number of the top block, 0: none
};

struct index_pool {
	uint32_t capacity, block_size;
	uint32_t block_count;
	uint32_t *items;        // [block_count + 1][block_size]; a block on `full` holds block_size indices
	_Atomic uint32_t *next; // [block_count + 1] the block below on a stack
	struct index_stack full, empty;
	_Alignas(64) _Atomic uint64_t fresh; // indices above this have never been taken
	_Atomic uint32_t left;               // indices neither lent nor in a cache; for a moment there may be fewer
	// What users left behind that is no whole block, taken where all else is used up. Who is in it holds the lock.
	_Atomic bool is_rest_locked;
	_Atomic uint32_t rest_count; // of rest, for a look without the lock
	struct index_cache rest;
};

//   users   caches there will be, >= 1
//   return  0 or -ENOMEM
int index_pool_init(struct index_pool *pool, uint32_t capacity, unsigned users);
void index_pool_fini(struct index_pool *pool);

// Give all that a cache has to the others: its user goes. Another one may come.
//   thread  any, one at a time, while nobody uses the cache
void index_pool_leave(struct index_pool *pool, struct index_cache *cache);

// The slow halves of the two functions below.
uint32_t index_pool_refill(struct index_pool *pool, struct index_cache *cache);
void index_pool_spill(struct index_pool *pool, struct index_cache *cache);

//   return  an index, or 0: neither the cache nor the pool has one
static inline uint32_t index_take(struct index_pool *pool, struct index_cache *cache) {
	return cache->count > 0 ? cache->items[--cache->count] : index_pool_refill(pool, cache);
}

// How many indices this cache and the pool can still give; those in other caches are not among them.
static inline uint32_t index_left(struct index_pool *pool, const struct index_cache *cache) {
	return atomic_load_explicit(&pool->left, memory_order_relaxed) + cache->count;
}

static inline void index_give(struct index_pool *pool, struct index_cache *cache, uint32_t index) {
	if (cache->count == 2 * pool->block_size)
		index_pool_spill(pool, cache);
	cache->items[cache->count++] = index;
}
