// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Whether a pipeline has to come to rest for another plan to take over.
#pragma once

#include "dataplane/plan.h"

// Whether pipeline `i` of plan `a` and `j` of plan `b` have the same instances on the same workers, joined by the same
// channels under the same groupings. What else is theirs (weights, options) can change while tuples are on their way.
bool plan_is_joined_alike(const struct plan *a, unsigned i, const struct plan *b, unsigned j);
