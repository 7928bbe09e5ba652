// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a node tells of itself: its description and counters as protobuf for the controller, and the closing line of a
// run for the person at the terminal. Any control thread may call.
#pragma once

#include <stdio.h>

#include "dataplane/node.h"

// The callbacks of an uplink; context is the struct node.
struct uplink_source node_report_source(struct node *node);

// One line: what came in, what became of it, how long it took.
void node_report_summary(struct node *node, FILE *out);
