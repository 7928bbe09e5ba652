// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Chained hashing over counted entries (see link_set.h).
#include "dataplane/link_set.h"

#include <errno.h>
#include <string.h>

#include "dataplane/huge_memory.h"
#include "dataplane/operator.h"

struct link_entry {
	struct packet_link_headers headers;
	uint32_t users; // flows; 0: on the list of free ones
	uint32_t next;  // in its chain, or of the free ones
	uint32_t chain;
};

enum { HEADS_MAX = 1 << 20 };

static size_t heads_size(const struct link_set *set) {
	return ((size_t)set->mask + 1) * sizeof(*set->heads);
}

static size_t entries_size(const struct link_set *set) {
	return ((size_t)set->capacity + 1) * sizeof(*set->entries);
}

int link_set_init(struct link_set *set, uint32_t capacity) {
	*set = (struct link_set){.capacity = capacity, .mask = 1};
	while (set->mask < capacity && set->mask < HEADS_MAX)
		set->mask = set->mask << 1 | 1;
	set->heads = huge_memory_new(heads_size(set));
	set->entries = huge_memory_new(entries_size(set));
	if (set->heads != NULL && set->entries != NULL)
		return 0;
	link_set_fini(set);
	return -ENOMEM;
}

void link_set_fini(struct link_set *set) {
	huge_memory_free(set->heads, heads_size(set));
	huge_memory_free(set->entries, entries_size(set));
	*set = (struct link_set){0};
}

const struct packet_link_headers *link_set_at(const struct link_set *set, uint32_t number) {
	return &set->entries[number].headers;
}

static bool is_entry(const struct link_entry *entry, const struct packet_link_headers *headers) {
	return entry->users > 0 && memcmp(&entry->headers, headers, sizeof(*headers)) == 0;
}

bool link_set_is_last(const struct link_set *set, const struct packet_link_headers *headers) {
	return set->last != 0 && is_entry(&set->entries[set->last], headers);
}

static uint32_t find(const struct link_set *set, const struct packet_link_headers *headers, uint32_t chain) {
	uint32_t number = set->heads[chain];
	while (number != 0 && !is_entry(&set->entries[number], headers))
		number = set->entries[number].next;
	return number;
}

static uint32_t add(struct link_set *set, const struct packet_link_headers *headers, uint32_t chain) {
	uint32_t number = set->free != 0 ? set->free : ++set->fresh;
	struct link_entry *entry = &set->entries[number];
	if (number == set->free)
		set->free = entry->next;
	memcpy(&entry->headers, headers, sizeof(*headers));
	entry->users = 0;
	entry->chain = chain;
	entry->next = set->heads[chain];
	set->heads[chain] = number;
	return number;
}

uint32_t link_set_take(struct link_set *set, const struct packet_link_headers *headers, uint64_t hash) {
	if (!link_set_is_last(set, headers)) {
		uint32_t chain = (uint32_t)hash & set->mask;
		set->last = find(set, headers, chain);
		if (set->last == 0)
			set->last = add(set, headers, chain);
	}
	set->entries[set->last].users++;
	return set->last;
}

uint32_t link_set_take_copy(struct link_set *set, const struct node *node, const struct packet_link_headers *headers) {
	uint64_t hash = 0;
	if (!link_set_is_last(set, headers))
		hash = key_hash(node, headers, sizeof(*headers));
	return link_set_take(set, headers, hash);
}

uint32_t link_set_take_below(
	struct link_set *set, const struct node *node, const struct rte_mbuf *tuple, uint8_t bits) {
	struct packet_link_headers headers;
	packet_parse_below(rte_pktmbuf_mtod(tuple, const uint8_t *), rte_pktmbuf_data_len(tuple), tuple_link(tuple),
		bits, &headers);
	return link_set_take_copy(set, node, &headers);
}

void link_set_give(struct link_set *set, uint32_t number) {
	struct link_entry *entry = &set->entries[number];
	if (--entry->users > 0)
		return;
	uint32_t *from = &set->heads[entry->chain];
	while (*from != number)
		from = &set->entries[*from].next;
	*from = entry->next;
	entry->next = set->free;
	set->free = number;
}
