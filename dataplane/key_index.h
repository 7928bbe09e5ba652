// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The index of keyed state: from the hash of a key to the numbers of records that may have that key. It lies below the
// flow table and the keyed table, which have the keys.
//
// An array of buckets of one cache line, found by the upper half of the hash. A key group is its top 10 bits, so each
// group is a range of buckets of its own: who owns the group is alone in them, and neither locks nor atomics are
// needed. Buckets beyond the first of a chain are taken from a pool that all instances share (index_pool.h). A removal
// closes the gap in its chain, so chains are never longer than their keys need.
//
//   thread  each group's keys are looked up, inserted and removed by one thread at a time, with that thread's part
#pragma once

#include <stdbool.h>

#include "dataplane/index_pool.h"

enum {
	KEY_BUCKET_SLOTS = 10,
	KEY_INDEX_GROUPS = 1024, // as KEY_GROUPS of dataplane/operator.h
};

struct key_bucket {
	uint16_t tag[KEY_BUCKET_SLOTS];    // low bits of the hash
	uint32_t record[KEY_BUCKET_SLOTS]; // slots are used from the first on; 0: unused
	uint32_t next;                     // overflow bucket, 0: none
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct key_bucket) == 64, "one cache line");

struct key_index {
	uint32_t bucket_count;       // a multiple of the key groups
	struct key_bucket *buckets;  // [bucket_count]
	struct key_bucket *overflow; // [pool.capacity + 1]
	struct index_pool pool;      // of overflow buckets
	struct index_cache *caches;  // [parts]
};

//   capacity  records, 1..2^28
//   parts     threads that will use it, >= 1
//   return    0 or -ENOMEM; what was taken is released by key_index_fini
int key_index_init(struct key_index *index, uint32_t capacity, unsigned parts);
void key_index_fini(struct key_index *index); // a zeroed index is fine

static inline struct key_bucket *key_index_bucket(const struct key_index *index, uint64_t hash) {
	return &index->buckets[(hash >> 32) * index->bucket_count >> 32];
}

// A look-up of many keys takes steps, so that memory is not waited for with each key: this for all of them, then
// key_index_lookup_batch, then the records are fetched and their keys compared.
static inline void key_index_prefetch(const struct key_index *index, uint64_t hash) {
	__builtin_prefetch(key_index_bucket(index, hash));
}

// For each hash the record that probably has the key.
//   hashes      [n], 1 <= n <= BATCH_MAX
//   candidates  [n] filled: a record whose key is to be compared, or 0. Where it differs, walk the chain
void key_index_lookup_batch(const struct key_index *index, const uint64_t *hashes, unsigned n, uint32_t *candidates);

// All records that may have a key, in the order of their chain.
struct key_walk {
	const struct key_bucket *bucket;
	unsigned slot;
	uint16_t tag;
};

static inline struct key_walk key_index_walk(const struct key_index *index, uint64_t hash) {
	return (struct key_walk){.bucket = key_index_bucket(index, hash), .tag = (uint16_t)hash};
}

//   return  the next record whose key is to be compared; 0: none is left
uint32_t key_walk_next(const struct key_index *index, struct key_walk *walk);

// Every record of a bucket's chain by its place: what iteration goes by. A removal moves the last one of the chain into
// the gap.
//   bucket  0..bucket_count-1
//   return  0: the chain has no record in that place
uint32_t key_index_at(const struct key_index *index, uint32_t bucket, uint32_t place);

// The part of the hash that the index goes by, of a record that is in it.
//   hash    any that has the upper half of that which the record was inserted with
//   return  its upper half and its low 16 bits
uint64_t key_index_hash(const struct key_index *index, uint64_t hash, uint32_t record);

// The buckets of a group are those from its first to the next group's.
static inline uint32_t key_index_first_bucket(const struct key_index *index, unsigned group) {
	return index->bucket_count / KEY_INDEX_GROUPS * group;
}

//   return  false: no overflow bucket is left
bool key_index_insert(struct key_index *index, unsigned part, uint64_t hash, uint32_t record);

//   hash    any that has the upper half of that which the record was inserted with
//   record  that is in the index
void key_index_remove(struct key_index *index, unsigned part, uint64_t hash, uint32_t record);
