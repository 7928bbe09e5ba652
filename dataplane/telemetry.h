// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The node's commands under /weir/ in DPDK's telemetry: dpdk-telemetry.py (or any client of its socket) reads them.
//   /weir/info                   name, version, incarnation, workers
//   /weir/instances              list of instance numbers
//   /weir/instance,N             counters, drops by name and gauges of one
//   /weir/channels               list of channel numbers
//   /weir/channel,N              what one has carried, ring fill
//   /weir/plan                   the plan, as text
#pragma once

struct node;

// Register the commands for the process's node. The EAL has no way to take them back, so the node is told to leave by
// telemetry_fini before it goes away.
//   return  0 or a negative errno
int telemetry_init(struct node *node);
void telemetry_fini(void);
