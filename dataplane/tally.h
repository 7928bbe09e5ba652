// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tallies: figures by key for one interval, in memory of fixed size that is taken at start. Open addressing with linear
// probing over 8-byte slots; entries lie densely in the order in which their keys first came. The hash is XXH3 with a
// secret and keys are compared whole, so that nobody outside can make keys collide. When full, new keys are refused and
// counted: the caller adds such figures to a remainder.
//
//   thread  one
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TALLY_KEY_MAX = 64,
	TALLY_ENTRIES_MAX = 1 << 24,
	TALLY_SECRET_SIZE = 192,
};

struct tally {
	uint8_t *entries; // key, then value, `stride` bytes each
	uint64_t *slots;
	uint64_t slot_mask;
	uint32_t key_size, value_size, stride;
	uint32_t capacity, count;
	uint32_t generation; // slots of another one are free
	uint64_t refused;    // since init
	uint8_t secret[TALLY_SECRET_SIZE];
};

// Take the memory of a tally.
//   key_size    bytes, a multiple of 8 up to TALLY_KEY_MAX; padding in keys must be zeroed
//   value_size  bytes, a multiple of 8
//   capacity    entries, 1..TALLY_ENTRIES_MAX
//   seed        secret: whoever knows it can choose keys that collide
//   return      0 or -ENOMEM
int tally_init(struct tally *tally, uint32_t key_size, uint32_t value_size, uint32_t capacity, uint64_t seed);
void tally_fini(struct tally *tally); // a zeroed tally is fine

uint64_t tally_hash(const struct tally *tally, const void *key);

// The value of a key; a new one is zeroed.
//   hash    tally_hash of the key
//   return  NULL: new, and refused for want of room
void *tally_at(struct tally *tally, const void *key, uint64_t hash);

// Forget all keys; costs the same whatever the size.
void tally_clear(struct tally *tally);

//   entry  0..count-1
static inline const void *tally_key(const struct tally *tally, uint32_t entry) {
	return tally->entries + (size_t)entry * tally->stride;
}

static inline void *tally_value(const struct tally *tally, uint32_t entry) {
	return tally->entries + (size_t)entry * tally->stride + tally->key_size;
}

// The index of the entry that has this value.
static inline uint32_t tally_entry(const struct tally *tally, const void *value) {
	return (uint32_t)((size_t)((const uint8_t *)value - tally->entries) / tally->stride);
}

// The greatest of the figures offered: a heap of at most `capacity` entries, the least at its root. Of equal figures
// the one offered first stays, so that a choice depends on nothing but the order of offers.
struct tally_top {
	struct tally_rank {
		uint64_t weight;
		uint32_t entry;
	} * ranks; // [capacity], the caller's
	unsigned capacity, count;
};

// Offer one entry. A weight of 0 is never taken.
void tally_top_offer(struct tally_top *top, uint32_t entry, uint64_t weight);

// Sort what was taken in descending order; nothing can be offered after it until count is set to 0.
void tally_top_sort(struct tally_top *top);
