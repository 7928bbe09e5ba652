// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The flow table of one operator: an index from keys to records, and the records.
//
// The index is key_index.h's: who owns a key group is alone in its buckets. Records are taken from a pool that all
// instances share (index_pool.h): the capacity is the table's, not the group's.
//
// A record is a struct flow and what lies beside it in other arrays under the same number, so that each cache line
// holds what is used together, and memory that is never used is never taken from the kernel. A flow takes 121 bytes:
// 64 of struct flow, 44 of flow_cold, 13 of index; 4 more once records were given back, 32 more with IPv6.
//
//   thread  each group's keys are looked up, inserted and removed by one thread at a time, with that thread's part
#pragma once

#include "dataplane/flow_state.h"
#include "dataplane/key_index.h"

enum { FLOW_TABLE_CAPACITY_MAX = 1 << 28 };

// The addresses of an IPv6 flow.
struct flow_address {
	uint64_t words[4];
} __attribute__((aligned(32)));

struct flow_table {
	struct key_index index;
	uint32_t capacity;
	struct flow *flows;             // [capacity + 1]; flow 0 has no key and is never used
	struct flow_cold *colds;        // [capacity + 1]
	struct flow_address *addresses; // [capacity + 1]
	struct flow_report *reports;    // [capacity + 1]
	struct index_pool record_pool;
	struct index_cache *record_caches; // [parts]
};

//   capacity  flows, 1..FLOW_TABLE_CAPACITY_MAX
//   parts     threads that will use it, >= 1
//   return    0, -EINVAL or -ENOMEM
int flow_table_new(struct flow_table **out, uint64_t capacity, unsigned parts);
void flow_table_free(struct flow_table *table);

// Whether a record has a key.
static inline bool flow_table_has_key(const struct flow_table *table, uint32_t record, const struct flow_words *words) {
	if (!flow_has_words(&table->flows[record], words))
		return false;
	return __builtin_expect(!flow_words_are_v6(words->rest), 1) ||
	       memcmp(&table->addresses[record], words->address, sizeof(words->address)) == 0;
}

// A look-up of many keys takes steps, so that memory is not waited for with each key: flow_table_prefetch of all,
// flow_table_lookup_batch, to have the records fetched, and the comparison of the keys.
static inline void flow_table_prefetch(const struct flow_table *table, uint64_t hash) {
	key_index_prefetch(&table->index, hash);
}

// For each hash the record that probably has the key.
//   hashes      [n], 1 <= n <= BATCH_MAX
//   candidates  [n] filled: a record whose key is to be compared (flow_table_has_key) before use, or 0. Where it
//               differs, ask flow_table_lookup; removals and insertions in between do no harm
static inline void flow_table_lookup_batch(
	const struct flow_table *table, const uint64_t *hashes, unsigned n, uint32_t *candidates) {
	key_index_lookup_batch(&table->index, hashes, n, candidates);
}

//   return  the key's record, or 0
uint32_t flow_table_lookup(const struct flow_table *table, uint64_t hash, const struct flow_words *words);

// Insert a key that is not in the table. The record's key and hash are set; all else is what was left there.
//   return  its record, or 0: the table is full
uint32_t flow_table_insert(struct flow_table *table, unsigned part, uint64_t hash, const struct flow_words *words);

// Remove a record and give it back; it has no key any more, so that no candidate matches it.
void flow_table_remove(struct flow_table *table, unsigned part, uint32_t record);

// The instance of a part goes, and owns no group any more: what it had ready for new flows is for the others.
//   thread  a control thread
static inline void flow_table_leave_part(struct flow_table *table, unsigned part) {
	index_pool_leave(&table->record_pool, &table->record_caches[part]);
}

// The records of a key group: flow_table_next gives one after the other, then 0. Nothing may be inserted or removed
// meanwhile.
struct flow_cursor {
	uint32_t bucket, end; // of the chains, the one it is at and the first of the next group
	uint32_t place;       // in the chain
};
struct flow_cursor flow_table_group(const struct flow_table *table, unsigned group);
uint32_t flow_table_next(const struct flow_table *table, struct flow_cursor *at);

// The canonical key of a record; its TTL and TOS are 0.
void flow_table_key(const struct flow_table *table, uint32_t record, struct flow_key *key);
