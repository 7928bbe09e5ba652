// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Moving key groups: the manager's half (the workers' is move.h). It checks what is asked for, makes the plans, sets
// the workers going and frees what is left.
#pragma once

#include <stdio.h>

#include "api/weir.pb-c.h"
#include "dataplane/node.h"

// Move key groups of an operator to one of its instances, while tuples flow. It returns once the move is over, or after
// some seconds: where the old owners could not handle what they had, it was called off; where the new ones
// can't take what was held, it goes on by itself.
//   target  [PIPELINE/]OPERATOR
//   value   GROUP[-GROUP][,...] INSTANCE
//   text    [size], one line: what was moved and how long that took, or what is wrong and what is allowed
//   return  0; -EINVAL, -EBUSY: nothing was moved; -ENOMEM
//   thread  a control thread, with change_lock held
int node_move(struct node *node, const char *target, const char *value, char *text, size_t size);

// Give an operator's key groups other owners, as node_move does.
//   op      index into the plan's operators; node_move_is_keyed, its groups can be moved, and no move is under way
//   owners  [KEY_GROUPS] not all as they are
int node_move_to(struct node *node, unsigned op, const uint16_t *owners, char *text, size_t size);
// Whether a stream steers tuples to its instances by key group.
bool node_move_is_keyed(const struct node *node, unsigned op);

// Free what a move that is over left behind.
//   return  false: one is still under way
//   thread  who holds change_lock, or the manager after the workers' end
bool node_move_settle(struct node *node);

// How much the key groups of an operator get.
//   op      index into the plan's operators
//   return  protobuf-c's; NULL: its groups can't be moved, or there is no memory
//   thread  plan_lock held
Weir__GroupLoads *node_move_measure(const struct node *node, unsigned op);

// Who owns which groups, one line per run of groups: "flow-monitor/stats 0-511 instance 0 worker 1".
//   thread  plan_lock held
void node_move_print_owners(const struct node *node, FILE *out);
