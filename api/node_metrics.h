// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The metrics of nodes, the same on the controller and on the dashboard: one table of names, read from the JSON that
// `weirctl --json` shows.
#pragma once

#include <jansson.h>

#include "api/metrics.h"

// Add the families of nodes, of their operators and of their channels.
//   nodes   a list of objects as in `weirctl status --json`
//   graphs  a list of {"name","operators":[…],"channels":[…]} as in `weirctl operators --json`
void node_metrics_add(struct metrics *metrics, const json_t *nodes, const json_t *graphs);
