// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The metrics of channels between nodes and of their links, the same on the controller and on the dashboard.
#pragma once

#include <jansson.h>

#include "api/metrics.h"

// Add the families of links and remote channels. What is not known, and a rate without a limit, has no sample.
//   channels  an object as in `weirctl channels --json`; NULL: nothing is added
void channel_metrics_add(struct metrics *metrics, const json_t *channels);
