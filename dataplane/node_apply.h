// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Pipelines that come to a running node, change there and leave it again: commands `apply` and `remove`; key groups
// that change their owner: `move`; and what the node has to be still for: `snapshot` (node_snapshot.h). A document's
// pipelines are read, checked and planned as at a start, together with those that run; one whose name runs already
// changes it (node_diff.h), the others are not touched. What fails leaves the node as it was. What is removed is
// drained: sources end, instances emit what they hold.
//
// Opening devices and draining take their time, so a thread of its own does it. The controller asks again until there
// is an answer.
#pragma once

#include "api/weir.pb-c.h"
#include "dataplane/node.h"

// Whether a command of that name changes the plan: apply, remove, move, snapshot.
bool node_change_is_verb(const char *name);

// Begin what a command asks for, or tell what became of it.
//   text    [size], one line, unless it is still being made
//   return  COMMAND_UNSPECIFIED: it is; ask again with the same command
//   thread  the uplink's
Weir__CommandStatus node_change(struct node *node, const Weir__Command *command, char *text, size_t size);

// Wait for a change that is being made; the workers have ended.
void node_change_end(struct node *node);
// After node_fini.
void node_free_applied(struct node *node);
// Documents that are kept since something of them runs.
//   thread  with change_lock held, or after the workers' end
unsigned node_count_applied(const struct node *node);
