// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Which key groups of an operator to move so that its instances have as much to do as each other: pure functions.
#pragma once

#include <stdint.h>

enum {
	BALANCE_GROUPS = 1024,
	BALANCE_INSTANCES_MAX = 128,
};

struct balance {
	uint16_t owners[BALANCE_GROUPS]; // wanted
	unsigned moves;                  // groups whose owner changes
	// Load of the largest instance over the mean: as it is, as it would be, and the least any owners could give,
	// since a group is never split. 0: no load.
	double before, after, bound;
};

// Move groups, each time from the largest instance to the smallest the one that levels the two best, until the largest
// is within `tolerance` of the mean, or no group helps any more. Large differences go first, so few groups move.
//   rates      [BALANCE_GROUPS] load of each group, any unit
//   owners     [BALANCE_GROUPS] 0..instances-1
//   instances  1..BALANCE_INSTANCES_MAX
//   tolerance  0.05: the largest may be 5 % above the mean
//   source     the greedy rule of longest processing time first (Graham 1969), applied to what has to move
void balance_find(
	struct balance *out, const double *rates, const uint16_t *owners, unsigned instances, double tolerance);
