// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a new plan would change in what a node runs, and whether it can be changed so. Operators are the same if
// pipeline and name are; their state stays where nothing but options that may change while the node runs, the number of
// instances, weights, workers and neighbours are others.
#pragma once

#include "dataplane/node.h"

// Find the first thing that can't be.
//   plan    made for this node
//   text    [size] filled with one line then: who, what and what is allowed
//   return  0; -EINVAL; -ENOMEM
//   thread  with change_lock held
int node_diff_check(struct node *node, const struct plan *plan, char *text, size_t size);

// Say what would change, in one line: "flow-monitor: adds filter; sets stats.idle_timeout 30s (was 60s)".
//   text    [size], appended to; it ends in " ..." where there was more to say
//   thread  with change_lock held
void node_diff_describe(struct node *node, const struct plan *plan, char *text, size_t size);

// Give what stays in pipelines that were changed the options of the node's plan. The workers take them over in one of
// their next loops.
//   old     the plan before
//   thread  with change_lock held
void node_diff_set_options(struct node *node, const struct plan *old);
