// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The counters that heartbeats carry, kept per node as the JSON that is stored and shown.
#pragma once

#include "ctrlplane/nodes.h"

enum { REPORT_NAMES_MAX = 64 }; // drop reasons of an instance, and as many gauges

// Keep what this heartbeat carries, up to NODE_INSTANCES_MAX, NODE_CHANNELS_MAX and REPORT_NAMES_MAX; one without
// counters changes nothing.
void report_keep(struct node *node, const Weir__Heartbeat *beat);
