// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Operators that run in more or fewer instances by a new plan (node_swap.h): who owns which key groups. Groups leave
// instances that go before these do, and come to new ones once they run, by moves (node_move.h) of a few groups each:
// tuples of those alone wait, and state stays where it is.
#pragma once

#include "dataplane/node.h"

// What operators owned: [operators of the plan][KEY_GROUPS].
struct node_spread {
	uint16_t *owners;
	unsigned moved; // groups, so far
};

// Wait for the last move, whose tuples may still wait for room downstream, for some seconds.
//   return  false: it is under way still
bool node_spread_settle(struct node *node);

// Have nobody own groups whom the plan does not have any more. If it fails, groups are moved back (node_spread_undo).
//   plan    that comes next, made for this node
//   text    [size] filled where it fails
//   return  0; -EBUSY: instances could not hand their groups over; -ENOMEM
//   thread  with change_lock held, as for the others here
int node_spread_gather(struct node_spread *spread, struct node *node, const struct plan *plan, char *text, size_t size);

// The plan will not come: move groups back.
//   text    [size] why it does not come; where groups can't be moved back, that is appended
void node_spread_undo(struct node_spread *spread, struct node *node, char *text, size_t size);

// The plan has come: give instances that are new their share.
//   text    [size] filled where it fails: who keeps groups, and why
//   return  0 or -EBUSY
int node_spread_out(struct node_spread *spread, struct node *node, const struct plan *before, char *text, size_t size);
void node_spread_fini(struct node_spread *spread);

// Have the operators of a plan that comes next own what they own now.
void node_spread_keep_owners(const struct plan *plan, const struct node *node);
