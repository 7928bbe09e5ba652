// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The flow table (see flow_table.h).
#include "dataplane/flow_table.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/huge_memory.h"

enum { KEY_GROUPS = 1024 };

// Half of the slots are used when the table is full: of a thousand keys four lie beyond the first bucket of their
// chain, where each costs several waits for memory, and the index takes 13 bytes a flow.
static uint32_t choose_buckets(uint64_t capacity) {
	uint64_t buckets = capacity * 2 / FLOW_BUCKET_SLOTS;
	return (uint32_t)((buckets / KEY_GROUPS + 1) * KEY_GROUPS);
}

static bool take_arrays(struct flow_table *table) {
	size_t records = (size_t)table->capacity + 1, overflow = (size_t)table->bucket_pool.capacity + 1;
	table->buckets = huge_memory_new(table->bucket_count * sizeof(*table->buckets));
	table->overflow = huge_memory_new(overflow * sizeof(*table->overflow));
	table->flows = huge_memory_new(records * sizeof(*table->flows));
	table->colds = huge_memory_new(records * sizeof(*table->colds));
	table->addresses = huge_memory_new(records * sizeof(*table->addresses));
	table->reports = huge_memory_new(records * sizeof(*table->reports));
	table->parts = calloc(table->part_count, sizeof(*table->parts));
	return table->buckets != NULL && table->overflow != NULL && table->flows != NULL && table->colds != NULL &&
	       table->addresses != NULL && table->reports != NULL && table->parts != NULL;
}

int flow_table_new(struct flow_table **out, uint64_t capacity, unsigned parts) {
	if (capacity < 1 || capacity > FLOW_TABLE_CAPACITY_MAX || parts < 1)
		return -EINVAL;
	struct flow_table *table = aligned_alloc(64, (sizeof(*table) + 63) / 64 * 64);
	if (table == NULL)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	table->capacity = (uint32_t)capacity;
	table->bucket_count = choose_buckets(capacity);
	table->part_count = parts;
	// A chain of n keys has fewer than n / FLOW_BUCKET_SLOTS of them; the rest is what caches may keep.
	uint32_t overflow = table->capacity / FLOW_BUCKET_SLOTS + parts * 2 * INDEX_BLOCK_MAX;
	int error = index_pool_init(&table->record_pool, table->capacity, parts);
	if (error == 0)
		error = index_pool_init(&table->bucket_pool, overflow, parts);
	if (error != 0 || !take_arrays(table)) {
		flow_table_free(table);
		return -ENOMEM;
	}
	*out = table;
	return 0;
}

void flow_table_free(struct flow_table *table) {
	if (table == NULL)
		return;
	size_t records = (size_t)table->capacity + 1, overflow = (size_t)table->bucket_pool.capacity + 1;
	huge_memory_free(table->buckets, table->bucket_count * sizeof(*table->buckets));
	huge_memory_free(table->overflow, overflow * sizeof(*table->overflow));
	huge_memory_free(table->flows, records * sizeof(*table->flows));
	huge_memory_free(table->colds, records * sizeof(*table->colds));
	huge_memory_free(table->addresses, records * sizeof(*table->addresses));
	huge_memory_free(table->reports, records * sizeof(*table->reports));
	index_pool_fini(&table->record_pool);
	index_pool_fini(&table->bucket_pool);
	free(table->parts);
	free(table);
}

enum { FIRST_SLOTS = 8 }; // compared at once; the others are seldom used
typedef uint16_t slot_tags __attribute__((vector_size(2 * FIRST_SLOTS)));
typedef uint8_t slot_marks __attribute__((vector_size(FIRST_SLOTS)));

// The first slot that has the tag, be it an unused one.
//   return  FLOW_BUCKET_SLOTS: none
static inline unsigned equal_slot(const struct flow_bucket *bucket, uint16_t tag) {
	slot_tags tags;
	memcpy(&tags, bucket->tag, sizeof(tags));
	slot_marks marks = __builtin_convertvector(tags == tag, slot_marks);
	uint64_t equal;
	memcpy(&equal, &marks, sizeof(equal));
	if (__builtin_expect(equal != 0, 1))
		return (unsigned)__builtin_ctzll(equal) / 8;
	unsigned slot = FIRST_SLOTS;
	while (slot < FLOW_BUCKET_SLOTS && bucket->tag[slot] != tag)
		slot++;
	return slot;
}

void flow_table_lookup_batch(const struct flow_table *table, const uint64_t *hashes, unsigned n, uint32_t *candidates) {
	for (unsigned i = 0; i < n; i++) {
		const struct flow_bucket *bucket = flow_table_bucket(table, hashes[i]);
		unsigned slot = equal_slot(bucket, (uint16_t)hashes[i]);
		if (__builtin_expect(slot < FLOW_BUCKET_SLOTS, 1)) {
			candidates[i] = bucket->record[slot];
		} else {
			candidates[i] = 0;
			__builtin_prefetch(&table->overflow[bucket->next]);
		}
	}
}

uint32_t flow_table_lookup(const struct flow_table *table, uint64_t hash, const struct flow_words *words) {
	uint16_t tag = (uint16_t)hash;
	const struct flow_bucket *bucket = flow_table_bucket(table, hash);
	for (;;) {
		for (unsigned slot = 0; slot < FLOW_BUCKET_SLOTS; slot++)
			if (bucket->tag[slot] == tag && flow_table_has_key(table, bucket->record[slot], words))
				return bucket->record[slot];
		if (bucket->next == 0)
			return 0;
		bucket = &table->overflow[bucket->next];
	}
}

static unsigned used_slots(const struct flow_bucket *bucket) {
	unsigned used = 0;
	while (used < FLOW_BUCKET_SLOTS && bucket->record[used] != 0)
		used++;
	return used;
}

// The bucket of the chain with room for another key, lengthened where there is none.
//   return  NULL: no bucket left
static struct flow_bucket *bucket_with_room(struct flow_table *table, unsigned part, uint64_t hash) {
	struct flow_bucket *bucket = flow_table_bucket(table, hash);
	while (bucket->next != 0)
		bucket = &table->overflow[bucket->next];
	if (bucket->record[FLOW_BUCKET_SLOTS - 1] == 0)
		return bucket;
	uint32_t next = index_take(&table->bucket_pool, &table->parts[part].buckets);
	if (next == 0)
		return NULL;
	bucket->next = next;
	return &table->overflow[next];
}

uint32_t flow_table_insert(struct flow_table *table, unsigned part, uint64_t hash, const struct flow_words *words) {
	uint32_t record = index_take(&table->record_pool, &table->parts[part].records);
	if (record == 0)
		return 0;
	struct flow_bucket *bucket = bucket_with_room(table, part, hash);
	if (bucket == NULL) {
		index_give(&table->record_pool, &table->parts[part].records, record);
		return 0;
	}
	unsigned slot = used_slots(bucket);
	bucket->tag[slot] = (uint16_t)hash;
	bucket->record[slot] = record;
	flow_set_words(&table->flows[record], words);
	if (flow_words_are_v6(words->rest))
		memcpy(&table->addresses[record], words->address, sizeof(words->address));
	table->colds[record].hash_high = (uint32_t)(hash >> 32);
	return record;
}

// Where a record stands in its chain, and the chain's end.
struct place {
	struct flow_bucket *bucket, *last, *before_last;
	unsigned slot;
};

static struct place find_record(const struct flow_table *table, uint32_t record) {
	struct place place = {.slot = FLOW_BUCKET_SLOTS};
	place.last = flow_table_bucket(table, (uint64_t)table->colds[record].hash_high << 32);
	for (;;) {
		for (unsigned slot = 0; slot < FLOW_BUCKET_SLOTS && place.bucket == NULL; slot++) {
			if (place.last->record[slot] == record) {
				place.bucket = place.last;
				place.slot = slot;
			}
		}
		if (place.last->next == 0)
			return place;
		place.before_last = place.last;
		place.last = &table->overflow[place.last->next];
	}
}

void flow_table_remove(struct flow_table *table, unsigned part, uint32_t record) {
	struct place place = find_record(table, record);
	unsigned end = used_slots(place.last) - 1;
	// The chain's last key fills the gap.
	place.bucket->tag[place.slot] = place.last->tag[end];
	place.bucket->record[place.slot] = place.last->record[end];
	place.last->tag[end] = 0;
	place.last->record[end] = 0;
	if (end == 0 && place.before_last != NULL) {
		index_give(&table->bucket_pool, &table->parts[part].buckets, place.before_last->next);
		place.before_last->next = 0;
	}
	memset(&table->flows[record], 0, sizeof(table->flows[record]));
	index_give(&table->record_pool, &table->parts[part].records, record);
}

void flow_table_key(const struct flow_table *table, uint32_t record, struct flow_key *key) {
	const struct flow *flow = &table->flows[record];
	memset(key, 0, sizeof(*key));
	if (flow->ip_version == 6) {
		memcpy(key->src_ip, table->addresses[record].words, sizeof(key->src_ip));
		memcpy(key->dst_ip, table->addresses[record].words + 2, sizeof(key->dst_ip));
	} else {
		memset(key->src_ip + 10, 0xff, 2);
		memset(key->dst_ip + 10, 0xff, 2);
		memcpy(key->src_ip + 12, &flow->ends, 4);
		memcpy(key->dst_ip + 12, (const uint8_t *)&flow->ends + 4, 4);
	}
	memcpy(&key->src_port, &flow->ports, sizeof(flow->ports));
	key->protocol = flow->protocol;
	key->ip_version = flow->ip_version;
}
