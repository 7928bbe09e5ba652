// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A token bucket: how much may be sent by now at a rate. What is taken may exceed what is there by one frame; the debt
// is waited off, so the rate holds whatever the frames' size.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	TOKEN_BURST_NS = 10 * 1000 * 1000, // of the rate: what a pause saves up
};

struct token_bucket {
	_Atomic uint64_t rate; // bytes a second; 0: no limit. Anyone may set it
	int64_t level;         // bytes
	uint64_t filled_ns;
};

static inline bool token_bucket_may(struct token_bucket *bucket, uint64_t now_ns, uint64_t *wait_ns) {
	const uint64_t rate = atomic_load_explicit(&bucket->rate, memory_order_relaxed);
	if (rate == 0) { // what went meanwhile is no debt once there is a limit
		bucket->level = 0;
		bucket->filled_ns = now_ns;
		return true;
	}
	uint64_t passed_ns = now_ns - bucket->filled_ns;
	if (passed_ns > 1000000000) {
		passed_ns = 1000000000;
		bucket->filled_ns = now_ns - passed_ns;
	}
	const int64_t gained = (int64_t)((unsigned __int128)rate * passed_ns / 1000000000);
	const int64_t most = (int64_t)((unsigned __int128)rate * TOKEN_BURST_NS / 1000000000) + 1;
	if (gained > 0) {
		bucket->level = bucket->level + gained < most ? bucket->level + gained : most;
		// The time of whole bytes: parts of one add up, however often this is asked.
		bucket->filled_ns += (uint64_t)((unsigned __int128)(uint64_t)gained * 1000000000 / rate);
	}
	if (bucket->level > 0)
		return true;
	uint64_t needed_ns = (uint64_t)((unsigned __int128)(uint64_t)(1 - bucket->level) * 1000000000 / rate) + 1;
	if (needed_ns < *wait_ns)
		*wait_ns = needed_ns;
	return false;
}

static inline void token_bucket_take(struct token_bucket *bucket, uint64_t bytes) {
	bucket->level -= (int64_t)bytes;
}
