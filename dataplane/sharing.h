// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// For sources that have what they read in whole parts, such as files: which part goes to whom when the number of
// instances changes (struct operator_sharing).
#pragma once

#include "dataplane/operator.h"

struct sharing {
	unsigned (*count)(const struct instance *instance); // its parts
	void (*give)(struct instance *to, struct instance *from);
};

// Parts of instances that go go to those that have least, and new ones get some of those that have most.
//   before  [count] the instances until now; op->instances: from now on
void sharing_deal(
	const struct sharing *sharing, const struct operator *op, struct instance *const *before, unsigned count);
