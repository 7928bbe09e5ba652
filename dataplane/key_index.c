// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Buckets and their chains (see key_index.h).
#include "dataplane/key_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/huge_memory.h"

// Half of the slots are used when the table is full: of a thousand keys four lie beyond the first bucket of their
// chain, where each costs several waits for memory, and the index takes 13 bytes a key.
static uint32_t choose_buckets(uint64_t capacity) {
	uint64_t buckets = capacity * 2 / KEY_BUCKET_SLOTS;
	return (uint32_t)((buckets / KEY_INDEX_GROUPS + 1) * KEY_INDEX_GROUPS);
}

static size_t overflow_size(const struct key_index *index) {
	return ((size_t)index->pool.capacity + 1) * sizeof(*index->overflow);
}

int key_index_init(struct key_index *index, uint32_t capacity, unsigned parts) {
	index->bucket_count = choose_buckets(capacity);
	// A chain of n keys has fewer than n / KEY_BUCKET_SLOTS of them; the rest is what caches may keep.
	int error = index_pool_init(&index->pool, capacity / KEY_BUCKET_SLOTS + parts * 2 * INDEX_BLOCK_MAX, parts);
	if (error != 0)
		return error;
	index->buckets = huge_memory_new(index->bucket_count * sizeof(*index->buckets));
	index->overflow = huge_memory_new(overflow_size(index));
	index->caches = calloc(parts, sizeof(*index->caches));
	return index->buckets != NULL && index->overflow != NULL && index->caches != NULL ? 0 : -ENOMEM;
}

void key_index_fini(struct key_index *index) {
	huge_memory_free(index->buckets, index->bucket_count * sizeof(*index->buckets));
	huge_memory_free(index->overflow, overflow_size(index));
	index_pool_fini(&index->pool);
	free(index->caches);
	memset(index, 0, sizeof(*index));
}

enum { FIRST_SLOTS = 8 }; // compared at once; the others are seldom used
typedef uint16_t slot_tags __attribute__((vector_size(2 * FIRST_SLOTS)));
typedef uint8_t slot_marks __attribute__((vector_size(FIRST_SLOTS)));

// The first slot that has the tag, be it an unused one.
//   return  KEY_BUCKET_SLOTS: none
static inline unsigned equal_slot(const struct key_bucket *bucket, uint16_t tag) {
	slot_tags tags;
	memcpy(&tags, bucket->tag, sizeof(tags));
	slot_marks marks = __builtin_convertvector(tags == tag, slot_marks);
	uint64_t equal;
	memcpy(&equal, &marks, sizeof(equal));
	if (__builtin_expect(equal != 0, 1))
		return (unsigned)__builtin_ctzll(equal) / 8;
	unsigned slot = FIRST_SLOTS;
	while (slot < KEY_BUCKET_SLOTS && bucket->tag[slot] != tag)
		slot++;
	return slot;
}

void key_index_lookup_batch(const struct key_index *index, const uint64_t *hashes, unsigned n, uint32_t *candidates) {
	for (unsigned i = 0; i < n; i++) {
		const struct key_bucket *bucket = key_index_bucket(index, hashes[i]);
		unsigned slot = equal_slot(bucket, (uint16_t)hashes[i]);
		if (__builtin_expect(slot < KEY_BUCKET_SLOTS, 1)) {
			candidates[i] = bucket->record[slot];
		} else {
			candidates[i] = 0;
			__builtin_prefetch(&index->overflow[bucket->next]);
		}
	}
}

uint32_t key_walk_next(const struct key_index *index, struct key_walk *walk) {
	while (walk->bucket != NULL) {
		for (; walk->slot < KEY_BUCKET_SLOTS; walk->slot++)
			if (walk->bucket->tag[walk->slot] == walk->tag && walk->bucket->record[walk->slot] != 0)
				return walk->bucket->record[walk->slot++];
		walk->slot = 0;
		walk->bucket = walk->bucket->next != 0 ? &index->overflow[walk->bucket->next] : NULL;
	}
	return 0;
}

uint32_t key_index_at(const struct key_index *index, uint32_t bucket, uint32_t place) {
	const struct key_bucket *in = &index->buckets[bucket];
	for (; place >= KEY_BUCKET_SLOTS; place -= KEY_BUCKET_SLOTS) {
		if (in->next == 0)
			return 0;
		in = &index->overflow[in->next];
	}
	return in->record[place];
}

uint64_t key_index_hash(const struct key_index *index, uint64_t hash, uint32_t record) {
	const struct key_bucket *in = key_index_bucket(index, hash);
	const uint64_t high = hash >> 32 << 32;
	for (;; in = &index->overflow[in->next]) {
		for (unsigned slot = 0; slot < KEY_BUCKET_SLOTS; slot++)
			if (in->record[slot] == record)
				return high | in->tag[slot];
		if (in->next == 0)
			return high;
	}
}

static unsigned used_slots(const struct key_bucket *bucket) {
	unsigned used = 0;
	while (used < KEY_BUCKET_SLOTS && bucket->record[used] != 0)
		used++;
	return used;
}

// The bucket of the chain with room for another key, lengthened where there is none.
//   return  NULL: no bucket left
static struct key_bucket *bucket_with_room(struct key_index *index, unsigned part, uint64_t hash) {
	struct key_bucket *bucket = key_index_bucket(index, hash);
	while (bucket->next != 0)
		bucket = &index->overflow[bucket->next];
	if (bucket->record[KEY_BUCKET_SLOTS - 1] == 0)
		return bucket;
	uint32_t next = index_take(&index->pool, &index->caches[part]);
	if (next == 0)
		return NULL;
	bucket->next = next;
	return &index->overflow[next];
}

bool key_index_insert(struct key_index *index, unsigned part, uint64_t hash, uint32_t record) {
	struct key_bucket *bucket = bucket_with_room(index, part, hash);
	if (bucket == NULL)
		return false;
	unsigned slot = used_slots(bucket);
	bucket->tag[slot] = (uint16_t)hash;
	bucket->record[slot] = record;
	return true;
}

// Where a record stands in its chain, and the chain's end.
struct place {
	struct key_bucket *bucket, *last, *before_last;
	unsigned slot;
};

static struct place find_record(const struct key_index *index, uint64_t hash, uint32_t record) {
	struct place place = {.slot = KEY_BUCKET_SLOTS};
	place.last = key_index_bucket(index, hash);
	for (;;) {
		for (unsigned slot = 0; slot < KEY_BUCKET_SLOTS && place.bucket == NULL; slot++) {
			if (place.last->record[slot] == record) {
				place.bucket = place.last;
				place.slot = slot;
			}
		}
		if (place.last->next == 0)
			return place;
		place.before_last = place.last;
		place.last = &index->overflow[place.last->next];
	}
}

void key_index_remove(struct key_index *index, unsigned part, uint64_t hash, uint32_t record) {
	struct place place = find_record(index, hash, record);
	unsigned end = used_slots(place.last) - 1;
	// The chain's last key fills the gap.
	place.bucket->tag[place.slot] = place.last->tag[end];
	place.bucket->record[place.slot] = place.last->record[end];
	place.last->tag[end] = 0;
	place.last->record[end] = 0;
	if (end == 0 && place.before_last != NULL) {
		index_give(&index->pool, &index->caches[part], place.before_last->next);
		place.before_last->next = 0;
	}
}
