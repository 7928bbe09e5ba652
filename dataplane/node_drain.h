// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Waiting until what is on its way through pipelines has been handled, while their sources begin nothing.
#pragma once

#include "dataplane/node.h"

struct node_drain {
	struct node *node;
	const bool *pipelines; // [of the node's plan] which; NULL: all
	bool with_held;        // sinks must be rid of what they were given, too
};

// What was ever sent by rings.
//   return  false: some is on its way
bool node_drain_count_sent(const struct node_drain *drain, uint64_t *sent);

// Whether every worker has answered: of the figures that were asked for last none is an old copy.
bool node_drain_have_all_answered(const struct node *node);

// Wait until nothing is on its way, no instance has some left to emit, and all that were told to leave have ended, also
// of other pipelines.
//   limit_ns  how long
//   return    0; -ETIMEDOUT; -ECANCELED: the node ended
int node_drain_wait(const struct node_drain *drain, uint64_t limit_ns);

// Pause for a moment, before workers are looked at again.
void node_drain_look_later(void);
