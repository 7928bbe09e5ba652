// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Records and their slab (see keyed_table.h).
#include "dataplane/keyed_table.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/huge_memory.h"

enum {
	LINE_SIZE = 64,
	OLDEST_OF = 8,            // records compared by keyed_table_oldest
	BUCKETS_LOOKED_AT = 4096, // for them
	LOOKED_UP_AT_ONCE = 16,
};

// A record that fits into a cache line lies in one; longer ones begin with one.
static size_t choose_stride(size_t size) {
	size_t stride = 16;
	while (stride < size && stride < LINE_SIZE)
		stride *= 2;
	return stride >= size ? stride : (size + LINE_SIZE - 1) / LINE_SIZE * LINE_SIZE;
}

static bool is_shape(const struct keyed_table_shape *shape) {
	return shape->capacity >= 1 && shape->capacity <= KEYED_TABLE_CAPACITY_MAX && shape->key_size >= 8 &&
	       shape->key_size % 8 == 0 && shape->key_size <= KEYED_KEY_SIZE_MAX &&
	       shape->value_size <= KEYED_VALUE_SIZE_MAX && shape->parts >= 1;
}

static int take_memory(struct keyed_table *table, unsigned parts) {
	size_t records = (size_t)table->capacity + 1;
	int error = index_pool_init(&table->pool, table->capacity, parts);
	if (error == 0)
		error = key_index_init(&table->index, table->capacity, parts);
	if (error != 0)
		return error;
	table->caches = calloc(parts, sizeof(*table->caches));
	table->records = huge_memory_new(records * table->stride);
	table->links = huge_memory_new(records * sizeof(*table->links));
	return table->caches != NULL && table->records != NULL && table->links != NULL ? 0 : -ENOMEM;
}

int keyed_table_new(struct keyed_table **out, const struct keyed_table_shape *shape) {
	if (!is_shape(shape))
		return -EINVAL;
	struct keyed_table *table = aligned_alloc(LINE_SIZE, (sizeof(*table) + LINE_SIZE - 1) / LINE_SIZE * LINE_SIZE);
	if (table == NULL)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	table->capacity = (uint32_t)shape->capacity;
	table->key_size = shape->key_size;
	table->value_size = (shape->value_size + 7) / 8 * 8;
	table->stride = choose_stride((size_t)table->key_size + table->value_size);
	int error = take_memory(table, shape->parts);
	if (error != 0) {
		keyed_table_free(table);
		return error;
	}
	*out = table;
	return 0;
}

void keyed_table_free(struct keyed_table *table) {
	if (table == NULL)
		return;
	size_t records = (size_t)table->capacity + 1;
	huge_memory_free(table->records, records * table->stride);
	huge_memory_free(table->links, records * sizeof(*table->links));
	index_pool_fini(&table->pool);
	key_index_fini(&table->index);
	free(table->caches);
	free(table);
}

void keyed_table_leave_part(struct keyed_table *table, unsigned part) {
	index_pool_leave(&table->pool, &table->caches[part]);
}

void keyed_table_lookup_batch(
	const struct keyed_table *table, const uint64_t *hashes, const uint64_t *keys, unsigned n, uint32_t *records) {
	const unsigned words = table->key_size / sizeof(*keys);
	for (unsigned i = 0; i < n; i++)
		key_index_prefetch(&table->index, hashes[i]);
	// The first records are on their way while the last buckets still come.
	for (unsigned from = 0, count; from < n; from += count) {
		count = n - from < LOOKED_UP_AT_ONCE ? n - from : LOOKED_UP_AT_ONCE;
		key_index_lookup_batch(&table->index, &hashes[from], count, &records[from]);
		for (unsigned i = from; i < from + count; i++)
			__builtin_prefetch(keyed_table_key(table, records[i]), 1);
	}
	for (unsigned i = 0; i < n; i++)
		if (__builtin_expect(!keyed_table_has_key(table, records[i], &keys[i * words]), 0))
			records[i] = keyed_table_lookup(table, hashes[i], &keys[i * words]);
}

uint32_t keyed_table_lookup(const struct keyed_table *table, uint64_t hash, const uint64_t *key) {
	struct key_walk walk = key_index_walk(&table->index, hash);
	uint32_t record;
	while ((record = key_walk_next(&table->index, &walk)) != 0 && !keyed_table_has_key(table, record, key))
		;
	return record;
}

static unsigned group_of(uint64_t hash) {
	return (unsigned)(hash >> 54);
}

static void own(struct keyed_table *table, unsigned part, unsigned group) {
	_Atomic uint16_t *owner = &table->owners[group];
	if (atomic_load_explicit(owner, memory_order_relaxed) != part + 1)
		atomic_store_explicit(owner, (uint16_t)(part + 1), memory_order_relaxed);
}

static bool is_own(const struct keyed_table *table, unsigned part, unsigned group) {
	return atomic_load_explicit(&table->owners[group], memory_order_relaxed) == part + 1;
}

uint32_t keyed_table_insert(struct keyed_table *table, unsigned part, uint64_t hash, const uint64_t *key) {
	uint32_t record = index_take(&table->pool, &table->caches[part]);
	if (record == 0)
		return 0;
	if (!key_index_insert(&table->index, part, hash, record)) {
		index_give(&table->pool, &table->caches[part], record);
		return 0;
	}
	own(table, part, group_of(hash));
	memcpy(table->records + record * table->stride, key, table->key_size);
	memset(keyed_table_value(table, record), 0, table->value_size);
	table->links[record] = (struct keyed_link){.hash_high = (uint32_t)(hash >> 32)};
	return record;
}

void keyed_table_remove(struct keyed_table *table, unsigned part, uint32_t record) {
	key_index_remove(&table->index, part, keyed_table_hash(table, record), record);
	memset(table->records + record * table->stride, 0, table->key_size);
	index_give(&table->pool, &table->caches[part], record);
}

uint32_t keyed_table_oldest(const struct keyed_table *table, unsigned part, uint64_t hash) {
	const uint32_t count = table->index.bucket_count, per_group = count / KEY_INDEX_GROUPS;
	uint32_t bucket = (uint32_t)((hash >> 32) * count >> 32), oldest = 0, met = 0;
	for (uint32_t i = 0; i < BUCKETS_LOOKED_AT && i < count && met < OLDEST_OF; i++, bucket++) {
		if (bucket == count)
			bucket = 0;
		if (!is_own(table, part, bucket / per_group))
			continue;
		uint32_t record;
		for (uint32_t place = 0; (record = key_index_at(&table->index, bucket, place)) != 0; place++, met++)
			if (oldest == 0 || *(const uint64_t *)keyed_table_value(table, record) <
						   *(const uint64_t *)keyed_table_value(table, oldest))
				oldest = record;
	}
	return oldest;
}

uint32_t keyed_table_next_of_group(const struct keyed_table *table, struct keyed_cursor *cursor) {
	const uint32_t per_group = table->index.bucket_count / KEY_INDEX_GROUPS;
	const uint32_t first = key_index_first_bucket(&table->index, cursor->group);
	for (; cursor->bucket < per_group; cursor->bucket++) {
		uint32_t record = key_index_at(&table->index, first + cursor->bucket, cursor->place);
		if (record != 0) {
			cursor->place++;
			return record;
		}
		cursor->place = 0;
	}
	return 0;
}

uint32_t keyed_table_next(const struct keyed_table *table, unsigned part, struct keyed_cursor *cursor) {
	for (; cursor->group < KEY_INDEX_GROUPS; *cursor = (struct keyed_cursor){.group = cursor->group + 1}) {
		uint32_t record = is_own(table, part, cursor->group) ? keyed_table_next_of_group(table, cursor) : 0;
		if (record != 0)
			return record;
	}
	return 0;
}

uint32_t keyed_table_leave(struct keyed_table *table, struct timer_wheel *wheel, unsigned group) {
	struct keyed_cursor cursor = {.group = group};
	uint32_t count = 0;
	for (uint32_t record; (record = keyed_table_next_of_group(table, &cursor)) != 0; count++)
		if (wheel != NULL && table->links[record].timer.slot != 0)
			timer_wheel_remove(wheel, record);
	atomic_store_explicit(&table->owners[group], 0, memory_order_relaxed);
	return count;
}

uint32_t keyed_table_enter(
	struct keyed_table *table, unsigned part, unsigned group, const struct keyed_timers *timers) {
	struct keyed_cursor cursor = {.group = group};
	uint32_t count = 0;
	own(table, part, group);
	for (uint32_t record; (record = keyed_table_next_of_group(table, &cursor)) != 0; count++) {
		uint64_t deadline_ns = timers != NULL ? timers->deadline_ns(timers->owner, record) : UINT64_MAX;
		if (deadline_ns != UINT64_MAX)
			timer_wheel_insert(timers->wheel, record, deadline_ns);
	}
	return count;
}
