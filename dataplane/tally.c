// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A slot is | entry 24 | hash tag 24 | generation 16 |. Generation 0 is never used, so zeroed slots are free. There
// are at least twice as many slots as entries.
#include "dataplane/tally.h"

#include <errno.h>
#include <string.h>

#include "dataplane/huge_memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
	GENERATION_BITS = 16,
	TAG_BITS = 24,
	GENERATION_MAX = (1 << GENERATION_BITS) - 1,
};
_Static_assert(TALLY_ENTRIES_MAX <= 1 << (64 - GENERATION_BITS - TAG_BITS), "an entry's index fits into a slot");

int tally_init(struct tally *tally, uint32_t key_size, uint32_t value_size, uint32_t capacity, uint64_t seed) {
	uint64_t slots = 2;

	while (slots < (uint64_t)capacity * 2)
		slots *= 2;
	*tally = (struct tally){
		.key_size = key_size,
		.value_size = value_size,
		.stride = key_size + value_size,
		.capacity = capacity,
		.slot_mask = slots - 1,
		.generation = 1,
	};
	XXH3_generateSecret_fromSeed(tally->secret, seed);
	tally->entries = huge_memory_new_unsaved((size_t)capacity * tally->stride);
	tally->slots = huge_memory_new_unsaved(slots * sizeof(*tally->slots));
	if (tally->entries != NULL && tally->slots != NULL)
		return 0;
	tally_fini(tally);
	return -ENOMEM;
}

void tally_fini(struct tally *tally) {
	huge_memory_free(tally->entries, (size_t)tally->capacity * tally->stride);
	huge_memory_free(tally->slots, (tally->slot_mask + 1) * sizeof(*tally->slots));
	tally->entries = NULL;
	tally->slots = NULL;
}

uint64_t tally_hash(const struct tally *tally, const void *key) {
	return XXH3_64bits_withSecret(key, tally->key_size, tally->secret, sizeof(tally->secret));
}

static bool is_same_key(const uint8_t *left, const uint8_t *right, uint32_t size) {
	uint64_t difference = 0;

	for (uint32_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t a, b;
		memcpy(&a, left + i, sizeof(a));
		memcpy(&b, right + i, sizeof(b));
		difference |= a ^ b;
	}
	return difference == 0;
}

void *tally_at(struct tally *tally, const void *key, uint64_t hash) {
	// The position is taken from the low bits, the tag from the top ones.
	const uint64_t mark = (hash >> (64 - TAG_BITS)) << GENERATION_BITS | tally->generation;
	const uint64_t mark_mask = (UINT64_C(1) << (TAG_BITS + GENERATION_BITS)) - 1;
	uint64_t position = hash & tally->slot_mask;
	uint64_t slot;

	while (((slot = tally->slots[position]) & GENERATION_MAX) == tally->generation) {
		uint32_t entry = (uint32_t)(slot >> (TAG_BITS + GENERATION_BITS));
		if ((slot & mark_mask) == mark && is_same_key(tally_key(tally, entry), key, tally->key_size))
			return tally_value(tally, entry);
		position = (position + 1) & tally->slot_mask;
	}
	if (tally->count == tally->capacity) {
		tally->refused++;
		return NULL;
	}
	uint32_t entry = tally->count++;
	tally->slots[position] = (uint64_t)entry << (TAG_BITS + GENERATION_BITS) | mark;
	memcpy(tally->entries + (size_t)entry * tally->stride, key, tally->key_size);
	return memset(tally_value(tally, entry), 0, tally->value_size);
}

void tally_clear(struct tally *tally) {
	tally->count = 0;
	if (tally->generation++ < GENERATION_MAX)
		return;
	// Once in 65,535 times the old marks could be taken for new ones.
	memset(tally->slots, 0, (tally->slot_mask + 1) * sizeof(*tally->slots));
	tally->generation = 1;
}

// Whether a goes before b when sorted in descending order.
static bool is_before(const struct tally_rank *a, const struct tally_rank *b) {
	return a->weight > b->weight || (a->weight == b->weight && a->entry < b->entry);
}

static void sink(struct tally_top *top, unsigned length, struct tally_rank rank) {
	unsigned hole = 0;

	for (;;) {
		unsigned child = 2 * hole + 1;
		if (child + 1 < length && is_before(&top->ranks[child], &top->ranks[child + 1]))
			child++;
		if (child >= length || is_before(&top->ranks[child], &rank))
			break;
		top->ranks[hole] = top->ranks[child];
		hole = child;
	}
	top->ranks[hole] = rank;
}

void tally_top_offer(struct tally_top *top, uint32_t entry, uint64_t weight) {
	const struct tally_rank rank = {weight, entry};
	unsigned hole = top->count;

	if (weight == 0 || top->capacity == 0)
		return;
	if (top->count == top->capacity) {
		if (is_before(&rank, &top->ranks[0]))
			sink(top, top->count, rank);
		return;
	}
	for (top->count++; hole > 0 && is_before(&top->ranks[(hole - 1) / 2], &rank); hole = (hole - 1) / 2)
		top->ranks[hole] = top->ranks[(hole - 1) / 2];
	top->ranks[hole] = rank;
}

void tally_top_sort(struct tally_top *top) {
	for (unsigned length = top->count; length > 1; length--) {
		struct tally_rank least = top->ranks[0];
		sink(top, length - 1, top->ranks[length - 1]);
		top->ranks[length - 1] = least;
	}
}
