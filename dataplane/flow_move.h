// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Handing the flows of a key group from one instance to another. Their records stay where they are: the table is shared
// and partitioned by group. What each instance has for itself is the timer wheel, the list of changed flows, and the
// numbers of its link_set; the headers behind those numbers travel in a parcel.
//
//   thread  the worker of the instance; the engine orders a group's leaving before its entering (move.h)
#pragma once

#include "dataplane/flow_changes.h"
#include "dataplane/flow_expiry.h"
#include "dataplane/link_set.h"
#include "dataplane/operator.h"

// One instance's part.
struct flow_mover {
	const struct node *node;
	struct flow_expiry *expiry;
	struct flow_changes *changes;
	struct link_set *links;
	struct packet_link_headers *parcel; // [capacity of the table], taken from the kernel when used
	uint32_t parcel_length;
	_Atomic unsigned waiting;    // groups that left and have not been entered: their headers are in the parcel
	struct flow_mover **left_by; // [KEY_GROUPS] who a group left last; shared by the instances
};

//   left_by  [KEY_GROUPS], zeroed
//   return   0 or -ENOMEM
int flow_mover_init(struct flow_mover *mover, const struct node *node, struct flow_mover **left_by);
void flow_mover_fini(struct flow_mover *mover); // a zeroed one is fine

// Let go of a group, or take it up.
//   return  flows in it
uint32_t flow_mover_leave(struct flow_mover *mover, unsigned group);
uint32_t flow_mover_enter(struct flow_mover *mover, unsigned group);

// For flows that come from a snapshot, of which no instance has had any: put headers into the parcel, then have all
// groups leave this mover.
//   number  filled: what goes to the cold half of the flows that have these headers
//   return  false: the parcel is full
bool flow_mover_pack(struct flow_mover *mover, const struct packet_link_headers *headers, uint32_t *number);
void flow_mover_leave_all(struct flow_mover *mover);
