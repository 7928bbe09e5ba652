// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A pool of a few blocks for tests of TCP analysis, and a count of those that are borrowed.
#pragma once

#include <stdlib.h>

#include "dataplane/tcp_pool.h"

static struct index_pool lender_pool;
static struct index_cache lender_cache;

static inline struct tcp_lender lender_open(uint32_t blocks) {
	lender_cache.count = 0;
	assert_int_equal(index_pool_init(&lender_pool, blocks, 1), 0);
	size_t size = (blocks + 1) * sizeof(union tcp_block);
	struct tcp_lender lender = {.pool = &lender_pool, .cache = &lender_cache, .blocks = aligned_alloc(64, size)};
	assert_non_null(lender.blocks);
	memset(lender.blocks, 0xff, size); // what others left
	return lender;
}

// Close it and say how many blocks it can still lend: all of them, if none was lost.
static inline uint32_t lender_close(struct tcp_lender *lender) {
	uint32_t count = 0;
	while (tcp_borrow(lender) != 0)
		count++;
	free(lender->blocks);
	index_pool_fini(lender->pool);
	return count;
}
