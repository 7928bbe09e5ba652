// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Putting a plan in the place of another one while tuples flow. What both have stays, with its state; what only the new
// one has is made and opened beside what runs; what only the old one has is emptied and closed. Nothing is lost or
// counted twice:
//
//   pause   The sources of a pipeline that is changed hold still, and so does by itself who comes before one that goes.
//           What is on its way is handled.
//   leave   What goes (operators, or some of their instances) is told the end of its input, and emits what it holds,
//           one operator after the other. A pipeline that goes as a whole is not paused: its sources end. From here
//           on there is no way back, so whether the parts can be joined as the new plan says was tried before. What
//           does not end within the node's change_limit is given up (node_abandon.h).
//   still   For a moment the workers follow a plan without instances: parts have no user, and are joined anew.
//   run     The workers follow the new plan.
//
// Pipelines that are not changed only miss that moment, twice where something goes. What does not come to rest in time
// is left as it was. A node that is told to stop meanwhile does so afterwards.
#pragma once

#include "dataplane/node.h"

struct node_swap_report {
	struct plan *old;   // of the node until then: the caller frees it
	uint64_t paused_ns; // how long sources of changed pipelines held still; 0: none is changed
	uint64_t still_ns;  // how long no worker did anything
	uint64_t lost;      // tuples that went with what was given up
	char given_up[128]; // names of operators, with spaces before them
};

// Put `plan` in the place of the node's. Its owners of key groups become those of what stays.
//   plan    made for this node, while no key group moved; the node's from then on if it returns 0, else the caller's
//   text    [size] filled where it fails: one line that says why
//   return  0; or a negative errno: the node goes on as before
//   thread  a control thread, with change_lock held
int node_swap(struct node *node, struct plan *plan, struct node_swap_report *report, char *text, size_t size);
