// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Keyed state of one operator: a record of fixed size for each key, partitioned by key group, shared by the operator's
// instances. Keys are words as key_words.h makes them, hashes those that tuples were steered by.
//
// The index is key_index.h's: who owns a group is alone in its keys. Records come from one slab that all instances
// share, with a cache of free ones for each (index_pool.h): the capacity is the table's, not the group's. A record has
// a place in its owner's timer wheel. So all that belongs to a key is reached through its group, and a group that moves
// from one instance to another leaves its records where they are: the old owner takes them off its wheel
// (keyed_table_leave), the new one puts them on its own (keyed_table_enter).
//
// When it is full, a new key is refused; who would rather lose an old one asks for it (keyed_table_oldest).
//
//   thread  each group's keys are looked up, inserted and removed by one thread at a time, with that thread's part
#pragma once

#include <string.h>

#include "dataplane/key_index.h"
#include "dataplane/timer_wheel.h"

enum {
	KEYED_TABLE_CAPACITY_MAX = 1 << 28,
	KEYED_KEY_SIZE_MAX = 520,
	KEYED_VALUE_SIZE_MAX = 1 << 20,
};

// What is needed of a record only when something other than counting happens to it.
struct keyed_link {
	uint32_t hash_high;
	struct timer_link timer;
};

struct keyed_table {
	struct key_index index;
	struct index_pool pool;
	struct index_cache *caches; // [parts]
	uint8_t *records;           // [capacity + 1], `stride` bytes each: key, then value; record 0 has no key
	struct keyed_link *links;   // [capacity + 1]
	size_t stride;
	uint32_t capacity, key_size, value_size;
	// 1 + the part that inserted into the group last, or took it over; 0: nobody. By its owner: rw; others: ro.
	_Atomic uint16_t owners[KEY_INDEX_GROUPS];
};

struct keyed_table_shape {
	uint64_t capacity;   // records, 1..KEYED_TABLE_CAPACITY_MAX
	uint32_t key_size;   // bytes, a multiple of 8 up to KEYED_KEY_SIZE_MAX; the last word of a key is never 0
	uint32_t value_size; // bytes, up to KEYED_VALUE_SIZE_MAX; rounded up to a multiple of 8
	unsigned parts;      // instances that may use it, >= 1
};

// Take the memory of a table: address space now, pages when they are first touched.
//   return  0, -EINVAL or -ENOMEM
int keyed_table_new(struct keyed_table **out, const struct keyed_table_shape *shape);
void keyed_table_free(struct keyed_table *table);

static inline const uint64_t *keyed_table_key(const struct keyed_table *table, uint32_t record) {
	return (const uint64_t *)(table->records + record * table->stride);
}

// Aligned to 8 bytes.
static inline void *keyed_table_value(const struct keyed_table *table, uint32_t record) {
	return table->records + record * table->stride + table->key_size;
}

//   return  the hash that the record was inserted with, its lower half 0
static inline uint64_t keyed_table_hash(const struct keyed_table *table, uint32_t record) {
	return (uint64_t)table->links[record].hash_high << 32;
}

// Whether a record has a key. Record 0 and those that were removed have none.
static inline bool keyed_table_has_key(const struct keyed_table *table, uint32_t record, const uint64_t *key) {
	const uint64_t *other = keyed_table_key(table, record);
	uint64_t difference = 0;
	for (unsigned i = 0; i < table->key_size / sizeof(*key); i++)
		difference |= key[i] ^ other[i];
	return difference == 0;
}

// Find the records of a batch of keys.
//   hashes   [n], 1 <= n <= BATCH_MAX
//   keys     [n][key_size / 8]
//   records  [n] filled: the key's record, or 0: it has none. A removal makes its record's number void
void keyed_table_lookup_batch(
	const struct keyed_table *table, const uint64_t *hashes, const uint64_t *keys, unsigned n, uint32_t *records);

//   return  the key's record, or 0
uint32_t keyed_table_lookup(const struct keyed_table *table, uint64_t hash, const uint64_t *key);

// Insert a key that is not in the table. Its value is zeroed, and it is on no wheel.
//   return  its record, or 0: the table is full
uint32_t keyed_table_insert(struct keyed_table *table, unsigned part, uint64_t hash, const uint64_t *key);

// Remove a record that is on no wheel.
void keyed_table_remove(struct keyed_table *table, unsigned part, uint32_t record);

// The instance of a part goes, and owns no group any more: what it had ready for new keys is for the others.
//   thread  a control thread
void keyed_table_leave_part(struct keyed_table *table, unsigned part);

// Of some records of this part, from the buckets of `hash` on, the one whose value begins with the least uint64_t: what
// it was last used at, where the user keeps that there. An approximation as good as Redis's: the oldest of eight.
//   return  0: it has none
uint32_t keyed_table_oldest(const struct keyed_table *table, unsigned part, uint64_t hash);

// Where an iteration stands; zeroed: at the beginning. Keys inserted meanwhile may be met or not.
struct keyed_cursor {
	uint32_t group, bucket, place;
};

//   return  the next record of the cursor's group, or 0: all of them were met
uint32_t keyed_table_next_of_group(const struct keyed_table *table, struct keyed_cursor *cursor);
// The same for all groups of a part.
uint32_t keyed_table_next(const struct keyed_table *table, unsigned part, struct keyed_cursor *cursor);
// The record met last was removed: another has taken its place.
static inline void keyed_cursor_step_back(struct keyed_cursor *cursor) {
	cursor->place--;
}

// Prepare a zeroed wheel for the records of this table.
static inline void keyed_table_init_wheel(const struct keyed_table *table, struct timer_wheel *wheel) {
	timer_wheel_init(wheel, &table->links->timer, sizeof(*table->links));
}

// Put a record on the wheel, or see to it that it comes up in time.
static inline void keyed_table_set_timer(
	const struct keyed_table *table, struct timer_wheel *wheel, uint32_t record, uint64_t deadline_ns) {
	if (table->links[record].timer.slot == 0)
		timer_wheel_insert(wheel, record, deadline_ns);
	else
		timer_wheel_hasten(wheel, record, deadline_ns);
}

// Take a record off the wheel, if it is on it.
static inline void keyed_table_stop_timer(const struct keyed_table *table, struct timer_wheel *wheel, uint32_t record) {
	if (table->links[record].timer.slot != 0)
		timer_wheel_remove(wheel, record);
}

// What the owner of groups keeps of time.
struct keyed_timers {
	struct timer_wheel *wheel;
	// When a record is due; UINT64_MAX: never.
	uint64_t (*deadline_ns)(const void *owner, uint32_t record);
	const void *owner;
};

// Hand a group over: the old owner takes its records off its wheel, then the new one puts those that have a deadline on
// its own.
//   return  records of the group
//   thread  each on its worker, the second after the first has come to its end
uint32_t keyed_table_leave(struct keyed_table *table, struct timer_wheel *wheel, unsigned group);
uint32_t keyed_table_enter(struct keyed_table *table, unsigned part, unsigned group, const struct keyed_timers *timers);
