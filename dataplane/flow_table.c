// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The flow table (see flow_table.h).
#include "dataplane/flow_table.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/huge_memory.h"

static bool take_arrays(struct flow_table *table, unsigned parts) {
	size_t records = (size_t)table->capacity + 1;
	table->flows = huge_memory_new(records * sizeof(*table->flows));
	table->colds = huge_memory_new(records * sizeof(*table->colds));
	table->addresses = huge_memory_new(records * sizeof(*table->addresses));
	table->reports = huge_memory_new(records * sizeof(*table->reports));
	table->record_caches = calloc(parts, sizeof(*table->record_caches));
	return table->flows != NULL && table->colds != NULL && table->addresses != NULL && table->reports != NULL &&
	       table->record_caches != NULL;
}

int flow_table_new(struct flow_table **out, uint64_t capacity, unsigned parts) {
	if (capacity < 1 || capacity > FLOW_TABLE_CAPACITY_MAX || parts < 1)
		return -EINVAL;
	struct flow_table *table = aligned_alloc(64, (sizeof(*table) + 63) / 64 * 64);
	if (table == NULL)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	table->capacity = (uint32_t)capacity;
	int error = index_pool_init(&table->record_pool, table->capacity, parts);
	if (error == 0)
		error = key_index_init(&table->index, table->capacity, parts);
	if (error != 0 || !take_arrays(table, parts)) {
		flow_table_free(table);
		return -ENOMEM;
	}
	*out = table;
	return 0;
}

void flow_table_free(struct flow_table *table) {
	if (table == NULL)
		return;
	size_t records = (size_t)table->capacity + 1;
	huge_memory_free(table->flows, records * sizeof(*table->flows));
	huge_memory_free(table->colds, records * sizeof(*table->colds));
	huge_memory_free(table->addresses, records * sizeof(*table->addresses));
	huge_memory_free(table->reports, records * sizeof(*table->reports));
	index_pool_fini(&table->record_pool);
	key_index_fini(&table->index);
	free(table->record_caches);
	free(table);
}

uint32_t flow_table_lookup(const struct flow_table *table, uint64_t hash, const struct flow_words *words) {
	struct key_walk walk = key_index_walk(&table->index, hash);
	uint32_t record;
	while ((record = key_walk_next(&table->index, &walk)) != 0 && !flow_table_has_key(table, record, words))
		;
	return record;
}

uint32_t flow_table_insert(struct flow_table *table, unsigned part, uint64_t hash, const struct flow_words *words) {
	uint32_t record = index_take(&table->record_pool, &table->record_caches[part]);
	if (record == 0)
		return 0;
	if (!key_index_insert(&table->index, part, hash, record)) {
		index_give(&table->record_pool, &table->record_caches[part], record);
		return 0;
	}
	flow_set_words(&table->flows[record], words);
	if (flow_words_are_v6(words->rest))
		memcpy(&table->addresses[record], words->address, sizeof(words->address));
	table->colds[record].hash_high = (uint32_t)(hash >> 32);
	return record;
}

void flow_table_remove(struct flow_table *table, unsigned part, uint32_t record) {
	key_index_remove(&table->index, part, (uint64_t)table->colds[record].hash_high << 32, record);
	memset(&table->flows[record], 0, sizeof(table->flows[record]));
	index_give(&table->record_pool, &table->record_caches[part], record);
}

struct flow_cursor flow_table_group(const struct flow_table *table, unsigned group) {
	return (struct flow_cursor){.bucket = key_index_first_bucket(&table->index, group),
		.end = key_index_first_bucket(&table->index, group + 1)};
}

uint32_t flow_table_next(const struct flow_table *table, struct flow_cursor *at) {
	for (; at->bucket < at->end; at->bucket++, at->place = 0) {
		uint32_t record = key_index_at(&table->index, at->bucket, at->place++);
		if (record != 0)
			return record;
	}
	return 0;
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
