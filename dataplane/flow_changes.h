// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The flows of one instance that changed since their last update, first in first out, each once. A flow knows its
// place in the list and leaves it when it ends.
#pragma once

#include "dataplane/flow_table.h"
#include "dataplane/tcp_update.h"

struct flow_changes {
	struct flow_table *table;
	struct tcp_told *told; // parallel to table->flows; NULL: no TCP analysis
	uint32_t *items;       // [mask + 1], a ring
	uint32_t mask;
	uint32_t head, tail;
	uint32_t due; // those before this one are to be told now
};

//   told    NULL: no TCP analysis
//   return  0 or -ENOMEM
int flow_changes_init(struct flow_changes *changes, struct flow_table *table, struct tcp_told *told);
void flow_changes_fini(struct flow_changes *changes); // a zeroed list is fine

// What was told of a flow, begun if nothing was.
struct flow_report *flow_changes_report(struct flow_changes *changes, uint32_t record);

// The flow changed. Does nothing where it is on the list.
void flow_changes_add(struct flow_changes *changes, uint32_t record);
// It changed under another instance, whose list it has left (flow_move.h).
void flow_changes_take_up(struct flow_changes *changes, uint32_t record);
// The flow ends. Does nothing where it is not on the list.
void flow_changes_remove(struct flow_changes *changes, uint32_t record);

// What is on the list now is to be told; what comes later waits for the next time.
static inline void flow_changes_make_due(struct flow_changes *changes) {
	changes->due = changes->tail;
}

static inline bool flow_changes_are_due(const struct flow_changes *changes) {
	return changes->head != changes->due;
}

// Take one that is due off the list; there must be one.
uint32_t flow_changes_take(struct flow_changes *changes);
