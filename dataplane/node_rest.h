// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A node at rest: its sources hold still, what was on its way has been handled, sinks are rid of what they were given,
// and for a moment no worker does anything. That is a consistent cut through all streams: what came before it is in the
// state of the operators and in the sinks, what comes after it is in neither.
#pragma once

#include "dataplane/node.h"

struct node_rest_report {
	uint64_t paused_ns; // how long the sources held still
	uint64_t still_ns;  // how long no worker did anything
};

// Bring the node to rest, do something, and go on.
//   act     called while no worker does anything; not for long
//   text    [size] filled where it fails: one line that says why
//   return  what act returned; -ETIMEDOUT: it did not come to rest in time; -EBUSY, -ECANCELED: it is ending
//   thread  a control thread, with change_lock held, while no key group moves
int node_rest(struct node *node, int (*act)(void *context), void *context, struct node_rest_report *report, char *text,
	size_t size);
