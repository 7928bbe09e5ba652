// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP analysis beside a flow table (see tcp_table.h).
#include "dataplane/tcp_table.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/huge_memory.h"

enum {
	FLOWS_PER_BLOCK = 16, // most connections need none: only bulk transfers, while they go on
	BLOCKS_MIN = 4096,
};

static size_t flows_size(const struct tcp_table *table) {
	return ((size_t)table->capacity + 1) * sizeof(*table->flows);
}

static size_t told_size(const struct tcp_table *table) {
	return ((size_t)table->capacity + 1) * sizeof(*table->told);
}

static size_t blocks_size(const struct tcp_table *table) {
	return ((size_t)table->pool.capacity + 1) * sizeof(*table->blocks);
}

int tcp_table_new(struct tcp_table **out, uint64_t capacity, unsigned parts) {
	struct tcp_table *table = aligned_alloc(64, (sizeof(*table) + 63) / 64 * 64);
	if (table == NULL)
		return -ENOMEM;
	*table = (struct tcp_table){.capacity = (uint32_t)capacity, .part_count = parts};
	uint32_t blocks = BLOCKS_MIN + table->capacity / FLOWS_PER_BLOCK;
	int error = index_pool_init(&table->pool, blocks, parts);
	table->flows = huge_memory_new(flows_size(table));
	table->told = huge_memory_new(told_size(table));
	table->blocks = huge_memory_new(blocks_size(table));
	table->caches = calloc(parts, sizeof(*table->caches));
	bool has_all = table->flows != NULL && table->told != NULL && table->blocks != NULL && table->caches != NULL;
	if (error != 0 || !has_all) {
		tcp_table_free(table);
		return -ENOMEM;
	}
	*out = table;
	return 0;
}

void tcp_table_free(struct tcp_table *table) {
	if (table == NULL)
		return;
	huge_memory_free(table->flows, flows_size(table));
	huge_memory_free(table->told, told_size(table));
	huge_memory_free(table->blocks, blocks_size(table));
	index_pool_fini(&table->pool);
	free(table->caches);
	free(table);
}

struct tcp_lender tcp_table_lender(struct tcp_table *table, unsigned part) {
	return (struct tcp_lender){.pool = &table->pool, .cache = &table->caches[part], .blocks = table->blocks};
}

bool tcp_table_has_syn(const struct tcp_flow *flow, const struct packet_meta *meta, const uint8_t *data, size_t size) {
	struct tcp_segment segment;
	const struct tcp_near *near = &flow->near[meta->bits & PACKET_REVERSED];
	return tcp_table_read(meta, data, size, &segment) && (segment.flags & TCP_SYN) && (near->bits & TCP_SENT) &&
	       near->next == segment.seq + 1;
}

void tcp_table_count_any(struct tcp_flow *flow, struct tcp_lender *lender, const struct packet_meta *meta,
	const uint8_t *data, size_t size) {
	struct tcp_segment segment;
	if (!tcp_table_read(meta, data, size, &segment))
		return;
	tcp_segment_parse_options(data + meta->l4_offset, size - meta->l4_offset, &segment);
	tcp_flow_count(flow, lender, &segment, meta->bits & PACKET_REVERSED);
}
