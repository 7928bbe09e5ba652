// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Shares: how the pipelines on a worker share its processor time, in proportion to their weights. It is start-time fair
// queueing without a queue: a pipeline's use is the time that its batches took, divided by its weight; of those that
// want more than they get, the ones with the least use take input in the next round, the others wait. Who leaves a part
// of its input's room unused wants no more: it is polled in every round, keeps nobody waiting, and can't save up time
// for later. So a worker is never idle while one of them has work.
//
//   thread  the worker
//   source  after Goyal, Vin, Cheng: Start-time Fair Queueing, 1996
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	SHARE_WEIGHT_MAX = 1000,
	SHARE_FULL = 16, // tuples: an input that gives so many at once, or all there is room for, has more
};

// Of one pipeline on one worker.
struct share {
	unsigned weight; // 1..SHARE_WEIGHT_MAX
	uint64_t used;   // above the least of those that want more: ticks, times a scale, divided by the weight
	bool wants;      // it took so much when it could that there is more
	bool waits;      // in this round it takes nothing in
};

// Begin a round: say who waits in it.
void shares_begin(struct share *shares, unsigned count);

// It took in `taken` tuples where there was room for `room`.
static inline void share_take(struct share *share, unsigned taken, unsigned room) {
	share->wants |= taken >= SHARE_FULL || (taken > 0 && taken == room);
}

// What was done for it took so many ticks.
static inline void share_charge(struct share *share, uint64_t ticks) {
	share->used += (ticks << 20) / share->weight;
}
