// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The counters that heartbeats carry, kept per node as the JSON that is stored and shown.
#pragma once

#include "ctrlplane/nodes.h"

// Keep what this heartbeat carries, up to NODE_INSTANCES_MAX and NODE_CHANNELS_MAX; one without counters changes
// nothing.
void report_keep(struct node *node, const Weir__Heartbeat *beat);
