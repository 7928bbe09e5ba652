// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Blocks that connections borrow while two cache lines are not enough for them: a bounded pool, shared by the
// instances of an operator. Index 0 is no block.
//
//   thread  a lender belongs to one instance; a block may come back by another instance's
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/index_pool.h"

// Narrow counters of struct tcp_flow: how often each went past its greatest value.
enum tcp_carry {
	TCP_CARRY_PURE_ACKS,
	TCP_CARRY_DUPLICATE_ACKS,
	TCP_CARRY_RETRANSMITTED_BYTES,
	TCP_CARRY_RETRANSMITTED_PACKETS,
	TCP_CARRY_OUT_OF_ORDER,
	TCP_CARRY_SYN,
	TCP_CARRY_FIN,
	TCP_CARRY_RST,
	TCP_CARRIES,
};

// What one direction of a connection could not keep in struct tcp_flow.
struct tcp_more {
	uint32_t twin;        // block of direction 1, in that of direction 0
	uint32_t rtt;         // block with a struct tcp_rtt_total
	uint32_t first, last; // blocks of spans
	uint32_t base;        // where the first span begins
	uint32_t zero_windows;
	uint32_t credit;         // spans that may be unfolded, for segments that were appended without
	uint32_t recovery;       // block with a struct tcp_recovery
	uint64_t repeated_bytes; // payload that is not unique
	uint16_t carry[TCP_CARRIES];
	uint16_t window_probes, keep_alives;
	uint8_t span_blocks;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct tcp_more) == 64, "one block");

struct tcp_rtt_total {
	uint64_t samples;
	double mean_ns, squares;
};

enum tcp_repeat_kind {
	TCP_REPEAT_NONE,
	TCP_REPEAT_SENT,    // not acknowledged
	TCP_REPEAT_FIRST,   // the same, and all below it had been acknowledged when it was sent
	TCP_REPEAT_ACKED,   // and not known to have been sent for nothing
	TCP_REPEAT_SETTLED, // a copy, or known to have been sent for nothing: a D-SACK of it is no news
};

// A segment that was seen again.
struct tcp_repeat {
	// 0: its stamp may be that of an earlier copy as well, so that an echo of it is no sample (Karn)
	uint64_t time_8ns : 61;
	uint64_t kind : 3; // enum tcp_repeat_kind
	uint32_t end;
	uint32_t stamp; // 0: none
};

enum { TCP_BLOCK_REPEATS = 4, TCP_REPEAT_BLOCKS = 3, TCP_REPEATS_MAX = TCP_BLOCK_REPEATS * TCP_REPEAT_BLOCKS };

// What is known of a direction that had segments repeated, reordered or missing (tcp_recovery.h).
struct tcp_recovery {
	uint64_t newest_ns; // when `newest` was last confirmed; 0: there is none
	uint32_t newest;    // time stamp of the sender
	uint32_t repeats[TCP_REPEAT_BLOCKS];
	uint32_t network_duplicates, spurious, reordered, sacks, dsacks;
	uint16_t at;       // where the next repeat is put, over the oldest one
	uint16_t unjudged; // repeats that were forgotten before they were acknowledged
	uint32_t rtt_samples;
	float rtt_min_ns, rtt_max_ns, rtt_mean_ns;
};
_Static_assert(sizeof(struct tcp_recovery) == 64, "one block");

enum { TCP_BLOCK_SPANS = 6 };

// Consecutive spans of sequence numbers (tcp_space.h).
struct tcp_span_block {
	uint32_t next;
	uint16_t kinds;     // 2 bits each, the first span's lowest
	uint8_t begin, end; // those of `spans` that are in use
	uint64_t base_ns;   // times are relative to this
	struct {
		uint32_t end, delay_ns;
	} spans[TCP_BLOCK_SPANS];
};
_Static_assert(sizeof(struct tcp_span_block) == 64, "one block");

union tcp_block {
	struct tcp_more more;
	struct tcp_rtt_total rtt;
	struct tcp_span_block spans;
	struct tcp_recovery recovery;
	struct tcp_repeat repeats[TCP_BLOCK_REPEATS];
};

struct tcp_lender {
	struct index_pool *pool;
	struct index_cache *cache;
	union tcp_block *blocks; // [pool->capacity + 1]
};

// Borrow a block of zeroes.
//   return  0: there is none
static inline uint32_t tcp_borrow(struct tcp_lender *lender) {
	uint32_t index = index_take(lender->pool, lender->cache);
	if (index != 0)
		lender->blocks[index] = (union tcp_block){0};
	return index;
}

// The same for what only explains figures: half of the pool is left to the figures themselves.
static inline bool tcp_has_spare(const struct tcp_lender *lender) {
	return index_left(lender->pool, lender->cache) > lender->pool->capacity / 2;
}

static inline uint32_t tcp_borrow_spare(struct tcp_lender *lender) {
	return tcp_has_spare(lender) ? tcp_borrow(lender) : 0;
}

// Its instance goes: what it had ready to borrow is for the others.
static inline void tcp_lender_leave(struct tcp_lender *lender) {
	if (lender->pool != NULL)
		index_pool_leave(lender->pool, lender->cache);
}

static inline void tcp_return(struct tcp_lender *lender, uint32_t index) {
	index_give(lender->pool, lender->cache, index);
}
