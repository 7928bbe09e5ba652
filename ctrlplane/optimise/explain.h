// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Why a channel has the rate that `global` gave it, and what would change it. What would be is not estimated: the
// allocation is computed again with that one number changed.
#pragma once

#include "ctrlplane/optimise/global.h"

enum { EXPLAIN_SIZE = 640 };

struct explanation {
	double demand_bps, rate_bps, before_bps;
	double share;             // of its demand, 0..1
	int bottleneck;           // link that holds it; NETWORK_NONE: none
	double price;             // by how much its share rises per bit/s more there
	double wanted_bps;        // there, by all channels
	double with_capacity_bps; // its rate if the bottleneck had a tenth more
	double with_weight_bps;   // its rate with twice its weight
	double without_cap_bps;   // its rate without its cap
	double room_bps;          // the largest minimum that could be promised to it
	char text[EXPLAIN_SIZE];  // the same in words
};

struct explain_context {
	struct network *network;             // as it was allocated; unchanged afterwards
	const struct allocation *allocation; // by global_allocate
	struct workspace *workspace;
	struct allocation *trial; // initialised with zeros, or used before
};

//   before_bps  its rate before this allocation; NAN: it is new
//   return      0 or -ENOMEM
int explain_channel(
	struct explanation *out, const struct explain_context *context, unsigned channel, double before_bps);
