// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A bounded table of the greatest entries by one of their values. What does not fit, or has to make room, goes to the
// remainder, so that the entries and the remainder always add up to what was put in.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "api/hll.h"

enum {
	TOPN_KEY_SIZE = 40, // bytes; shorter keys end in zeros
	TOPN_VALUES = 10,
	TOPN_PACKETS = 0, // these two values are the same in every list
	TOPN_BYTES = 1,
};

struct topn_entry {
	uint8_t key[TOPN_KEY_SIZE];
	uint64_t values[TOPN_VALUES];
	struct hll *sketch; // what values can't count: different endpoints; NULL: none seen
	uint32_t next;      // entry of the same bucket + 1; 0 ends
	uint32_t place;     // in the heap, where there is one
};

struct topn_rest {
	uint64_t count; // entries, as far as known
	uint64_t packets, bytes;
};

struct topn {
	struct topn_entry *entries; // [length], unordered
	size_t length, allocated, max;
	uint32_t *buckets; // [allocated], entry + 1
	uint32_t *heap;    // [max], entries, the least first; NULL: none had to make room yet
	unsigned score;    // the value that ranks
	uint32_t max_mask; // values of which the greatest counts, not the sum
	struct topn_rest rest;
};

// Nothing is allocated before the first entry.
//   max   entries; a power of two
void topn_init(struct topn *topn, size_t max, unsigned score, uint32_t max_mask);
void topn_fini(struct topn *topn);

// Add to the entry of this key, or make one. Without memory for it, it goes to the remainder.
//   entry   key, values and sketch count; the sketch is copied
void topn_add(struct topn *topn, const struct topn_entry *entry);
void topn_add_rest(struct topn *topn, const struct topn_rest *rest);
// Add all of `from`, its remainder included.
void topn_merge(struct topn *into, const struct topn *from);
// Order the entries by one of their values, greatest first (ties: by key). Nothing may be added afterwards.
void topn_sort(struct topn *topn, unsigned value);
