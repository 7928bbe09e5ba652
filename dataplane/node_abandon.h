// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Instances that leave a plan and do not come to their end in time, since nobody takes what they have: they are given
// up. From then on they take whatever comes to them, and end; what they held is lost, and told.
#pragma once

#include "dataplane/node_parts.h"

// Have an instance drop what it holds and gets. It emits nothing any more; `fini` comes as ever.
//   return  0 or -ENOMEM
//   thread  a control thread, while no worker follows its plan
int node_abandon(struct instance *instance);

static inline bool node_is_abandoned(const struct instance *instance) {
	return instance->type != instance->op->type;
}

// Tuples that were lost with it so far. What it kept besides tuples is not among them.
uint64_t node_abandon_count(const struct instance *instance);
void node_abandon_free(const struct instance *instance); // one that was not abandoned is fine

// Free the tuples in rings of parts that are not in `kept` too.
//   return  how many
//   thread  as above
uint64_t node_abandon_rings(const struct node_parts *parts, const struct node_parts *kept);
