// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A bounded table of the greatest entries by one of their values, the score. It is exact until more keys come than it
// holds; from then on it is a Space-Saving sketch: a new key takes the place of the one with the least score, which may
// have been its own. So each entry has a score that was surely seen, and an error: how much it may be too low. What
// made room goes to the remainder, so that the entries and the remainder always add up to what was put in.
//
//   source  Metwally, Agrawal, El Abbadi 2005, "Efficient computation of frequent and top-k elements in data streams":
//           no error is above the sum of all scores divided by the number of entries; Agarwal and others 2012,
//           "Mergeable summaries", for sketches that are put together
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "api/histogram.h"
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
	// The score may be too low by this, and by the table's `missed`; below zero where the latter counts what this
	// key can't have been missed in.
	int64_t error;
	struct hll *sketch;    // what values can't count: different endpoints; NULL: none seen
	struct histogram *rtt; // NULL: none seen
	uint32_t next;         // entry of the same bucket + 1; 0 ends
	uint32_t place;        // in the heap, where there is one
};

struct topn_rest {
	uint64_t count; // entries, as far as known
	uint64_t packets, bytes;
};

struct topn {
	struct topn_entry *entries; // [length], unordered
	size_t length, allocated, max;
	uint32_t *buckets; // [allocated], entry + 1
	uint32_t *heap;    // [max], entries, the least score and error first; NULL: none had to make room yet
	unsigned score;    // the value that ranks
	uint32_t max_mask; // values of which the greatest counts, not the sum
	uint64_t missed;   // scores that keys may have had in what was merged without being listed there
	int64_t evicted;   // no key that is not in the table has a greater score and error
	struct topn_rest rest;
	uint64_t
		hidden_bytes; // that entries may lack and the remainder doesn't have: a filter let no remainder through
};

// Nothing is allocated before the first entry.
//   max   entries; a power of two
void topn_init(struct topn *topn, size_t max, unsigned score, uint32_t max_mask);
void topn_fini(struct topn *topn);

// Add to the entry of this key, or make one. Without memory for it, it goes to the remainder.
//   entry   key, values, sketch and rtt count; the last two are copied
void topn_add(struct topn *topn, const struct topn_entry *entry);
void topn_add_rest(struct topn *topn, const struct topn_rest *rest);
// Add a list that leaves out keys: the entries one by one, then once what it says of the others.
//   missed  no key that the list leaves out has a greater score in it
void topn_add_listed(struct topn *topn, const struct topn_entry *entry, uint64_t missed);
void topn_add_missed(struct topn *topn, uint64_t missed);
// Add an entry whose score may be too low by this and by what is missed of all.
void topn_add_uncertain(struct topn *topn, const struct topn_entry *entry, int64_t error);
// The score of any key that is not in the table, at most.
uint64_t topn_absent(const struct topn *topn);
// How much the score of an entry may be too low.
uint64_t topn_error(const struct topn *topn, const struct topn_entry *entry);
// Add all of `from`, its remainder included.
void topn_merge(struct topn *into, const struct topn *from);
// Order the entries by one of their values, greatest first (ties: by key). Nothing may be added afterwards.
void topn_sort(struct topn *topn, unsigned value);
