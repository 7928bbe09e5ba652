// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a node has made for a plan: operators, instances, rings. Made beside those that run; what the plan before has as
// well is taken over with its state, operators by their names, instances by their numbers, rings by their ends.
// node_swap.h puts them in place.
#pragma once

#include "dataplane/node.h"

// Zeroed memory that shares no cache line; free().
void *aligned_zeros(size_t size);

struct node_parts {
	const struct plan *plan;
	struct operator **operators; // as in struct node
	struct instance **instances;
	struct snapshot *snapshots;
	struct channel_ring *channels;
	struct schedule *schedules;
};

// What the node has, for the plan that it follows. The arrays are the node's.
struct node_parts node_parts_of(const struct node *node);
// Have them take the place of what the node has: operators refer to their instances among them.
void node_parts_put(struct node *node, const struct node_parts *parts);

// Make what a plan needs and `old` has not, and open it. Nothing of `old` is touched.
//   return  0 or a negative errno, after a message on standard error; then nothing is left of it
int node_parts_make(struct node_parts *parts, struct node *node, const struct plan *plan, const struct node_parts *old);
// Take what was last known of the instances that both have; those that come go on from what ones of their number had
// counted when they went.
//   node  with plan_lock held
void node_parts_take_figures(struct node_parts *parts, struct node *node, const struct node_parts *old);
// Close and free what is not in `kept` too. No worker uses it any more.
void node_parts_free(struct node_parts *parts, const struct node_parts *kept);

//   return  NULL: there is none
struct operator *node_parts_find(const struct node_parts *parts, const char *pipeline, const char *name);
bool node_parts_have(const struct node_parts *parts, const struct operator *op);
bool node_parts_have_instance(const struct node_parts *parts, const struct instance *instance);
bool node_parts_have_ring(const struct node_parts *parts, const struct ring *ring);
