// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Progressive filling: a level rises from 0, and with it the rate of every channel, until links are full. What a full
// link holds stays where it is, the rest goes on. The result is the lexicographic max-min of the levels: none can be
// raised without lowering one that is no higher. It is exact: time goes from one event to the next (a channel begins to
// rise, reaches its highest rate, a link is full), not in steps.
//
// source: Bertsekas and Gallager, Data Networks, section 6.5.2; with weights, minimum rates and caps
#pragma once

#include "ctrlplane/optimise/network.h"

// Everything a run needs and gives; the caller fills in the first part. The rate of a channel at level t is
// slope·t, but at least low and at most high.
struct fill {
	double *slopes;     // [channels] >= 0; 0: it stays at low
	double *lows;       // [channels] >= 0
	double *highs;      // [channels] >= low; INFINITY: none
	double *capacities; // [links] INFINITY: never full; the lows fit into them

	double *rates;    // [channels] INFINITY: neither a link nor high held it
	int *bottlenecks; // [channels] the link that held it; NETWORK_NONE: its own high, or nothing
	double *prices;   // [links] by how much the level had risen per bit/s more of capacity; 0: never held anything

	struct fill_event *events; // the rest is the run's own
	struct fill_link *links;
	unsigned char *states;
	unsigned channels_size, links_size;
};

// Make room for a network; again when it has grown.
//   return  0 or -ENOMEM
int fill_init(struct fill *fill, const struct network *network);
void fill_fini(struct fill *fill);

void fill_run(struct fill *fill, const struct network *network);
