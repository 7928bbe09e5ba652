// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tuples that wait for partners: copies of their bodies in memory that was taken at start, in one list for each key and
// side. An operator's instances share the memory; each list has one user at a time.
#pragma once

#include <stddef.h>

#include "dataplane/index_pool.h"

enum { WAITING_SIDES = 2 };

// One of them; its body lies behind it.
struct waiting {
	uint32_t next; // the one of its list that came before it, 0: none
	uint32_t unused;
	uint64_t time_ns;
};

// Those of a key, by number. Zeroed: none.
struct waiting_lists {
	uint32_t heads[WAITING_SIDES], counts[WAITING_SIDES];
};

struct waiting_tuples {
	struct index_pool pool;
	struct index_cache *caches; // [parts]
	uint8_t *slab;              // [pool.capacity + 1]
	size_t stride;
};

//   waiting    zeroed
//   capacity   tuples, 1..2^28
//   body_size  of the longest
//   parts      instances that will use it, >= 1
//   return     0 or -ENOMEM; what was taken is released by waiting_tuples_fini
int waiting_tuples_init(struct waiting_tuples *waiting, uint64_t capacity, size_t body_size, unsigned parts);
void waiting_tuples_fini(struct waiting_tuples *waiting); // zeroed is fine

static inline struct waiting *waiting_at(const struct waiting_tuples *waiting, uint32_t number) {
	return (struct waiting *)(waiting->slab + number * waiting->stride);
}

static inline void *waiting_body(struct waiting *waiting) {
	return waiting + 1;
}

// Keep a copy, in no list yet; its body is the caller's to fill.
//   return  its number; 0: no place is left
uint32_t waiting_tuples_take(struct waiting_tuples *waiting, unsigned part, uint64_t time_ns);
void waiting_tuples_give(struct waiting_tuples *waiting, unsigned part, uint32_t number);

// The instance of a part goes.
//   thread  a control thread
void waiting_tuples_leave_part(struct waiting_tuples *waiting, unsigned part);

void waiting_lists_add(
	const struct waiting_tuples *waiting, struct waiting_lists *lists, unsigned side, uint32_t number);

// The same at the other end: behind `last`, which is the list's last one, 0 where it is empty.
void waiting_lists_append(const struct waiting_tuples *waiting, struct waiting_lists *lists, unsigned side,
	uint32_t last, uint32_t number);

//   return  the earliest time in the lists; UINT64_MAX: they are empty
uint64_t waiting_lists_earliest_ns(const struct waiting_tuples *waiting, const struct waiting_lists *lists);

// Let go of those with a time before that.
//   return  how many
unsigned waiting_lists_forget(
	struct waiting_tuples *waiting, unsigned part, struct waiting_lists *lists, uint64_t before_ns);
