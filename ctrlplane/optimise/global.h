// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The allocation `global`: over all links at once, the smallest share of its demand that any channel gets is as large
// as possible, then the second smallest, and so on. With d_f the demand, w_f the weight of channel f:
//
//   maximise, lexicographically, the smallest x_f / (w_f·d_f)
//   subject to  sum of x_f over link l <= C_l for every l,  m_f <= x_f <= min(cap_f, max(d_f, m_f))
//
// and what is then left of the links is shared out as headroom, in equal parts by weight up to the caps, so that a
// channel whose demand grows need not wait for the next run. It is computed by progressive filling; global_by_lp is the
// same by linear programs, which are slower and serve as its check.
//
// A channel that offers nothing counts as if it offered a little: all those of a link together a thousandth of it.
#pragma once

#include "ctrlplane/optimise/fill.h"
#include "ctrlplane/optimise/lp.h"
#include "ctrlplane/optimise/network.h"

// The result of any allocation; what has no meaning in it is 0 or NETWORK_NONE.
struct allocation {
	double *rates_bps; // [channels] INFINITY: crosses no link with a capacity, has no cap: need not be held back
	double *shares;    // [channels] of its demand that it can send at this rate, 0..1; 1 without a demand
	int *bottlenecks;  // [channels] the link that keeps it from more of its demand; NETWORK_NONE: no link does
	double *prices;    // [links] by how much the share of its channels had risen per bit/s more, at weight 1
	double *loads_bps; // [links] sum of rates
	unsigned channels_size, links_size;
};

// What allocations are computed in; kept from run to run, so that none of them takes memory but the first.
struct workspace {
	struct fill fill;
	struct lp lp;
};

int allocation_init(struct allocation *allocation, const struct network *network);
void allocation_fini(struct allocation *allocation);
void workspace_fini(struct workspace *workspace);

//   network  network_check has accepted it
//   out      initialised with zeros, or by an earlier run
//   return   0 or -ENOMEM
int global_allocate(struct allocation *out, struct workspace *workspace, const struct network *network);

// The same without headroom, by one linear program per level; prices are GLPK's dual values. Where several links fill
// at the same level the dual values are not unique.
//   return  0, -ENOMEM, or what lp_maximise returns, with workspace->lp.error
int global_by_lp(struct allocation *out, struct workspace *workspace, const struct network *network);

// What plain TCP comes near to: max-min fair rates by channel, none above its demand or its cap. Weights and minimum
// rates mean nothing to it.
int fair_allocate(struct allocation *out, struct workspace *workspace, const struct network *network);

// Demand with the little that a silent channel counts for.
double global_demand(const struct network *network, unsigned channel);

// Parts of the above.
// Slopes, lows, highs and capacities of the first filling.
void global_fill_demands(struct fill *fill, const struct network *network);
// Shares and loads of the rates; channels that have their demand have no bottleneck.
void global_conclude(struct allocation *out, const struct network *network);
