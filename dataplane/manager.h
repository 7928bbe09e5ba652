// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The manager: the control thread of a node. It sets the node up, starts the workers, waits for signals and for the
// end, talks to the controller through the uplink, and takes all down. It never touches a tuple.
#pragma once

#include "dataplane/pipeline.h"

// Run a node from here to its end. The calling thread becomes the worker of the main lcore; the EAL runs.
//   return  the process's exit status: 0, or 1 where something was lost or could not be started (a message was printed)
int manager_run(const struct node_config *config);

// Block the signals that a node ends by, before any thread is started, so that the manager alone takes them.
void manager_block_signals(void);
