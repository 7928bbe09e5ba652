// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The list of changed flows (see flow_changes.h). Positions count on without end; the ring is as large as the table,
// and no flow is on it twice, so that it never overruns.
#include "dataplane/flow_changes.h"

#include <errno.h>
#include <netinet/in.h>

#include "dataplane/huge_memory.h"

static size_t items_size(const struct flow_changes *changes) {
	return ((size_t)changes->mask + 1) * sizeof(*changes->items);
}

int flow_changes_init(struct flow_changes *changes, struct flow_table *table, struct tcp_told *told) {
	*changes = (struct flow_changes){.table = table, .told = told, .mask = 1};
	while (changes->mask < table->capacity)
		changes->mask = changes->mask << 1 | 1;
	changes->items = huge_memory_new_unsaved(items_size(changes));
	return changes->items == NULL ? -ENOMEM : 0;
}

void flow_changes_fini(struct flow_changes *changes) {
	if (changes->items != NULL)
		huge_memory_free(changes->items, items_size(changes));
	changes->items = NULL;
}

struct flow_report *flow_changes_report(struct flow_changes *changes, uint32_t record) {
	const struct flow *flow = &changes->table->flows[record];
	struct flow_report *report = &changes->table->reports[record];
	if (flow->bits & (FLOW_DIRTY | FLOW_REPORTED))
		return report;
	*report = (struct flow_report){.flow_start_ns = flow->start_ns};
	if (changes->told != NULL && flow->protocol == IPPROTO_TCP)
		changes->told[record] = (struct tcp_told){0};
	return report;
}

void flow_changes_add(struct flow_changes *changes, uint32_t record) {
	struct flow *flow = &changes->table->flows[record];
	if (flow->bits & FLOW_DIRTY)
		return;
	flow_changes_report(changes, record);
	flow->bits |= FLOW_DIRTY;
	flow_changes_take_up(changes, record);
}

void flow_changes_take_up(struct flow_changes *changes, uint32_t record) {
	changes->table->reports[record].position = changes->tail;
	changes->items[changes->tail++ & changes->mask] = record;
}

void flow_changes_remove(struct flow_changes *changes, uint32_t record) {
	struct flow *flow = &changes->table->flows[record];
	if (!(flow->bits & FLOW_DIRTY))
		return;
	flow->bits &= (uint8_t)~FLOW_DIRTY;
	// The last of the list takes the place of the one that leaves.
	uint32_t position = changes->table->reports[record].position;
	uint32_t last = changes->items[--changes->tail & changes->mask];
	changes->items[position & changes->mask] = last;
	changes->table->reports[last].position = position;
	if ((int32_t)(changes->due - changes->tail) > 0)
		changes->due = changes->tail;
}

uint32_t flow_changes_take(struct flow_changes *changes) {
	uint32_t record = changes->items[changes->head++ & changes->mask];
	changes->table->flows[record].bits &= (uint8_t)~FLOW_DIRTY;
	return record;
}
