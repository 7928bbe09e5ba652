// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/flow_move.h"

#include <errno.h>
#include <stdlib.h>

// What one flow needs lies at places of its own, so that a flow after the other would be wait after wait, while the
// group rests. So the lines of some are asked for together.
enum {
	TOGETHER = 32,
};

// The next records of a group, their lines on the way.
//   return  how many; 0: no more
static unsigned next_records(
	const struct flow_table *table, struct flow_cursor *at, uint32_t *records, const struct timer_wheel *wheel) {
	unsigned count = 0;
	while (count < TOGETHER && (records[count] = flow_table_next(table, at)) != 0) {
		__builtin_prefetch(&table->flows[records[count]], 1);
		__builtin_prefetch(&table->colds[records[count]], 1);
		count++;
	}
	for (unsigned i = 0; wheel != NULL && i < count; i++)
		timer_wheel_prefetch(wheel, records[i]);
	return count;
}

int flow_mover_init(struct flow_mover *mover, const struct node *node, struct flow_mover **left_by) {
	mover->node = node;
	mover->left_by = left_by;
	mover->parcel = malloc(mover->expiry->table->capacity * sizeof(*mover->parcel));
	return mover->parcel != NULL ? 0 : -ENOMEM;
}

void flow_mover_fini(struct flow_mover *mover) {
	free(mover->parcel);
	mover->parcel = NULL;
}

static void let_go(struct flow_mover *mover, uint32_t record) {
	struct flow_table *table = mover->expiry->table;
	struct flow *flow = &table->flows[record];
	struct flow_cold *cold = &table->colds[record];
	timer_wheel_remove(&mover->expiry->wheel, record);
	if (flow->bits & FLOW_DIRTY) {
		flow_changes_remove(mover->changes, record);
		flow->bits |= FLOW_DIRTY; // for whoever takes it up
	}
	mover->parcel[mover->parcel_length] = *link_set_at(mover->links, cold->headers);
	link_set_give(mover->links, cold->headers);
	cold->headers = mover->parcel_length++;
}

static void take_up(struct flow_mover *mover, const struct flow_mover *from, uint32_t record) {
	struct flow_table *table = mover->expiry->table;
	struct flow_cold *cold = &table->colds[record];
	cold->headers = link_set_take_copy(mover->links, mover->node, &from->parcel[cold->headers]);
	flow_expiry_watch(mover->expiry, record);
	if (table->flows[record].bits & FLOW_DIRTY)
		flow_changes_take_up(mover->changes, record);
}

uint32_t flow_mover_leave(struct flow_mover *mover, unsigned group) {
	uint32_t flows = 0;
	struct flow_cursor at = flow_table_group(mover->expiry->table, group);
	if (atomic_load_explicit(&mover->waiting, memory_order_acquire) == 0)
		mover->parcel_length = 0;
	uint32_t records[TOGETHER];
	for (unsigned count; (count = next_records(mover->expiry->table, &at, records, &mover->expiry->wheel)) > 0;
		flows += count)
		for (unsigned i = 0; i < count; i++)
			let_go(mover, records[i]);
	mover->left_by[group] = mover;
	atomic_fetch_add_explicit(&mover->waiting, 1, memory_order_relaxed);
	return flows;
}

uint32_t flow_mover_enter(struct flow_mover *mover, unsigned group) {
	uint32_t flows = 0;
	struct flow_mover *from = mover->left_by[group];
	struct flow_cursor at = flow_table_group(mover->expiry->table, group);
	uint32_t records[TOGETHER];
	for (unsigned count; (count = next_records(mover->expiry->table, &at, records, NULL)) > 0; flows += count)
		for (unsigned i = 0; i < count; i++)
			take_up(mover, from, records[i]);
	atomic_fetch_sub_explicit(&from->waiting, 1, memory_order_release);
	return flows;
}

bool flow_mover_pack(struct flow_mover *mover, const struct packet_link_headers *headers, uint32_t *number) {
	if (mover->parcel_length == mover->expiry->table->capacity)
		return false;
	*number = mover->parcel_length++;
	mover->parcel[*number] = *headers;
	return true;
}

void flow_mover_leave_all(struct flow_mover *mover) {
	for (unsigned group = 0; group < KEY_GROUPS; group++)
		mover->left_by[group] = mover;
	atomic_fetch_add_explicit(&mover->waiting, KEY_GROUPS, memory_order_relaxed);
}
