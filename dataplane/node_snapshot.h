// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Snapshots of a running node: command `snapshot`, and a start with `restore`. The cut is a node at rest (node_rest.h).
// In that moment the tables are copied (memory_copy.h), and the process is by fork: that has all memory as it was, with
// the copies where the tables were, and writes what the operators keep while the node goes on. So the workers miss the
// moment of the copy, and go on as before; where tables are too large for that, they pay for each page that they are
// the first to write to, once. Nothing is added to what they do with tuples.
//
//   source  the way Redis saves (BGSAVE); for the cut Carbone et al. 2015, "Lightweight asynchronous snapshots for
//           distributed dataflows"
#pragma once

#include "dataplane/node.h"

// Write a snapshot. It returns once the disk has it.
//   path    of the directory to be made, absolute
//   text    [size], one line: what was written and how long that took, or why nothing was
//   return  0 or a negative errno: there is no such directory, the node goes on
//   thread  a control thread, with change_lock held
int node_snapshot(struct node *node, const char *path, char *text, size_t size);

struct node_restore;

// Before anything of the node is made: read a snapshot's manifest, and take over what all else depends on.
//   return  0 or a negative errno, after a message on standard error
int node_restore_new(struct node_restore **out, struct node *node, const char *path);
// All is made, no worker runs: have the operators take up what they kept.
//   return  0 or a negative errno, after a message on standard error
int node_restore_state(struct node_restore *restore);
void node_restore_free(struct node_restore *restore); // NULL is fine
