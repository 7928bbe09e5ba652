// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Blocks on two lock-free stacks (see index_pool.h). The links lie beside the blocks and are atomic: a slow popper may
// still read the link of a block that another thread has taken, and only the counter tells it so.
#include "dataplane/index_pool.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/huge_memory.h"

static size_t items_size(const struct index_pool *pool) {
	return ((size_t)pool->block_count + 1) * pool->block_size * sizeof(*pool->items);
}

static void push(struct index_pool *pool, struct index_stack *stack, uint32_t block) {
	uint64_t top = atomic_load_explicit(&stack->top, memory_order_relaxed), changed;
	do {
		atomic_store_explicit(&pool->next[block], (uint32_t)top, memory_order_relaxed);
		changed = ((top >> 32) + 1) << 32 | block;
	} while (!atomic_compare_exchange_weak_explicit(
		&stack->top, &top, changed, memory_order_release, memory_order_relaxed));
}

//   return  0: the stack is empty
static uint32_t pop(struct index_pool *pool, struct index_stack *stack) {
	uint64_t top = atomic_load_explicit(&stack->top, memory_order_acquire);
	while ((uint32_t)top != 0) {
		uint32_t below = atomic_load_explicit(&pool->next[(uint32_t)top], memory_order_relaxed);
		uint64_t changed = ((top >> 32) + 1) << 32 | below;
		if (atomic_compare_exchange_weak_explicit(
			    &stack->top, &top, changed, memory_order_acquire, memory_order_acquire))
			return (uint32_t)top;
	}
	return 0;
}

int index_pool_init(struct index_pool *pool, uint32_t capacity, unsigned users) {
	// Four blocks per user, so that those kept in caches leave the others at least half.
	uint32_t size = capacity / (4 * users);
	pool->capacity = capacity;
	pool->block_size = size < 1 ? 1 : size > INDEX_BLOCK_MAX ? INDEX_BLOCK_MAX : size;
	// Enough that one is empty even while every user is between its two stacks with another.
	pool->block_count = capacity / pool->block_size + users + 1;
	atomic_init(&pool->full.top, 0);
	atomic_init(&pool->empty.top, 0);
	atomic_init(&pool->fresh, 0);
	atomic_init(&pool->left, capacity);
	atomic_init(&pool->is_rest_locked, false);
	atomic_init(&pool->rest_count, 0);
	pool->rest.count = 0;
	pool->items = huge_memory_new(items_size(pool));
	pool->next = calloc((size_t)pool->block_count + 1, sizeof(*pool->next));
	if (pool->items == NULL || pool->next == NULL) {
		index_pool_fini(pool);
		return -ENOMEM;
	}
	for (uint32_t block = pool->block_count; block > 0; block--)
		push(pool, &pool->empty, block);
	return 0;
}

void index_pool_fini(struct index_pool *pool) {
	huge_memory_free(pool->items, items_size(pool));
	free((void *)pool->next);
	pool->items = NULL;
	pool->next = NULL;
}

static uint32_t *items_of(const struct index_pool *pool, uint32_t block) {
	return &pool->items[(size_t)block * pool->block_size];
}

// Indices that were never taken.
static void take_fresh(struct index_pool *pool, struct index_cache *cache) {
	if (atomic_load_explicit(&pool->fresh, memory_order_relaxed) >= pool->capacity)
		return;
	uint64_t first = atomic_fetch_add_explicit(&pool->fresh, pool->block_size, memory_order_relaxed);
	// The lowest is taken first: pages are touched in order.
	for (uint64_t i = first + pool->block_size; i > first; i--)
		if (i <= pool->capacity)
			cache->items[cache->count++] = (uint32_t)i;
	atomic_fetch_sub_explicit(&pool->left, cache->count, memory_order_relaxed);
}

// Whoever finds it locked does without: it is never for long, and such a table is as good as full.
static void take_rest(struct index_pool *pool, struct index_cache *cache) {
	if (atomic_load_explicit(&pool->rest_count, memory_order_relaxed) == 0 ||
		atomic_exchange_explicit(&pool->is_rest_locked, true, memory_order_acquire))
		return;
	while (pool->rest.count > 0 && cache->count < pool->block_size)
		cache->items[cache->count++] = pool->rest.items[--pool->rest.count];
	atomic_fetch_sub_explicit(&pool->left, cache->count, memory_order_relaxed);
	atomic_store_explicit(&pool->rest_count, pool->rest.count, memory_order_relaxed);
	atomic_store_explicit(&pool->is_rest_locked, false, memory_order_release);
}

void index_pool_leave(struct index_pool *pool, struct index_cache *cache) {
	while (cache->count >= pool->block_size)
		index_pool_spill(pool, cache);
	while (atomic_exchange_explicit(&pool->is_rest_locked, true, memory_order_acquire))
		;
	atomic_fetch_add_explicit(&pool->left, cache->count, memory_order_relaxed);
	while (cache->count > 0)
		pool->rest.items[pool->rest.count++] = cache->items[--cache->count];
	if (pool->rest.count >= pool->block_size) {
		atomic_fetch_sub_explicit(&pool->left, pool->block_size, memory_order_relaxed);
		index_pool_spill(pool, &pool->rest);
	}
	atomic_store_explicit(&pool->rest_count, pool->rest.count, memory_order_relaxed);
	atomic_store_explicit(&pool->is_rest_locked, false, memory_order_release);
}

uint32_t index_pool_refill(struct index_pool *pool, struct index_cache *cache) {
	uint32_t block = pop(pool, &pool->full);
	if (block != 0) {
		memcpy(cache->items, items_of(pool, block), pool->block_size * sizeof(*cache->items));
		cache->count = pool->block_size;
		atomic_fetch_sub_explicit(&pool->left, pool->block_size, memory_order_relaxed);
		push(pool, &pool->empty, block);
	} else {
		take_fresh(pool, cache);
		if (cache->count == 0)
			take_rest(pool, cache);
	}
	return cache->count > 0 ? cache->items[--cache->count] : 0;
}

void index_pool_spill(struct index_pool *pool, struct index_cache *cache) {
	uint32_t block = pop(pool, &pool->empty);
	cache->count -= pool->block_size;
	memcpy(items_of(pool, block), &cache->items[cache->count], pool->block_size * sizeof(*cache->items));
	// Before others can take them: it never falls below 0.
	atomic_fetch_add_explicit(&pool->left, pool->block_size, memory_order_relaxed);
	push(pool, &pool->full, block);
}
