// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Where the tuples of key groups wait that nobody owns for the moment: one for each route that steers by key, first in
// first out. It is bounded, and whoever can reach it reserves room first, as for a ring.
//
//   thread  the worker of the sending instance
#pragma once

#include "dataplane/tuple.h"

enum { HOLD_SIZE = 1024 }; // tuples; a power of two

struct hold {
	struct rte_mbuf **tuples; // [HOLD_SIZE], a ring; NULL: the route has one target, which owns all
	uint64_t put, taken;      // ever
	uint64_t since;           // of the oldest one that was put since it was empty (latency.h)
	bool is_closed;           // what it has goes out, and there was no room for all: those who fill it wait
};

//   return  0 or -ENOMEM
int hold_init(struct hold *hold);
void hold_fini(struct hold *hold); // it must be empty; a zeroed one is fine

static inline unsigned hold_count(const struct hold *hold) {
	return (unsigned)(hold->put - hold->taken);
}

static inline unsigned hold_room(const struct hold *hold) {
	return hold->is_closed ? 0 : HOLD_SIZE - hold_count(hold);
}

// Keep tuples, whose room was reserved. They move to the hold; the batch is empty afterwards.
void hold_put(struct hold *hold, struct batch *batch, const struct schema *schema);

// Take the oldest ones.
//   max  1..BATCH_MAX
void hold_take(struct hold *hold, struct batch *batch, unsigned max);
