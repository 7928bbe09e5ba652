// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The allocation `s1`: on each uplink that is a bottleneck its program (3), on each such downlink its program (4), for
// a channel the smaller of the two rates, and what is left of the links in proportion to that (backfilling). With Δ the
// interval, L' a queue at its start and L at its end:
//
//   (3)  A_f = V + 2·L^s - L^s'                minimise the largest A_f / x_f            sum of x_f = C, x_f >= 0
//   (4)  r_f = (V - L^r + L^r') / Δ            minimise the largest (L^r + Δ·x_f) / r_f  sum of x_f = C, x_f >= 0
//
// As linear programs: maximise z with x_f >= A_f·z; minimise τ with L^r + Δ·x_f <= τ·r_f. In closed form:
// x_f = C·A_f / ΣA; x_f = max(0, τ·r_f - L^r) / Δ with τ = (C·Δ + ΣL^r) / Σr over the channels whose L^r / r is less.
// Program (4) leaves open what the others get where the queue of one channel alone is above τ: that one then has 0,
// and the program is posed again without it, which is what the closed form says.
//
// What the programs can't take:
//   A_f <= 0     counts as 0; where all of a link are, its channels have equal parts
//   r_f <= 0     (nothing consumed) would make (4) infeasible: r_f counts as at least a hundredth of an equal part
//   no bottleneck on its route: the channel is not held back
//
// source: Aljoby, Wang, Fu, Ma: On SDN-enabled online and dynamic bandwidth allocation for stream analytics,
// Algorithm 1 and section VI.C
#pragma once

#include "ctrlplane/optimise/global.h"

enum s1_method {
	S1_LP,     // by GLPK, as printed
	S1_CLOSED, // by the closed forms
};

struct s1_options {
	enum s1_method method;
	// 0..1: a link is one where the volume of the interval, or what there was to send in it, is at least this part
	// of its capacity
	double bottleneck;
};

// Channels keep their caps; weights, minimum rates and links inside the switch are not part of S1 and refused.
//   network  network_check has accepted it
//   out      prices: of program (3) 1 / ΣA (in 1/bit), of (4) Δ / Σr (s per bit/s); 0 where there was no program.
//            shares and bottlenecks are what `global` says of the same rates
//   return   0; -ENOTSUP with network->error; -ENOMEM; or what lp_maximise returns, with workspace->lp.error
int s1_allocate(
	struct allocation *out, struct workspace *workspace, struct network *network, const struct s1_options *options);

// One link: its program over the channels that cross it.
struct s1_link {
	unsigned length;
	const double *numbers; // [length] A_f in bits for (3); r_f in bit/s for (4)
	const double *queues;  // [length] L^r in bits, for (4)
	double capacity_bps;   // > 0
	double interval_s;
	double *rates_bps; // [length] out
	double price;      // out
};

// The guards above are in here. lp [any state]
int s1_uplink_lp(struct s1_link *link, struct lp *lp);
int s1_downlink_lp(struct s1_link *link, struct lp *lp);
void s1_uplink_closed(struct s1_link *link);
void s1_downlink_closed(struct s1_link *link);

// What is left of the links, in proportion to what channels have, until all of them cross a full link or have their
// cap.
//   rates_bps  [channels] in and out; INFINITY: takes no part, and keeps what it used in the interval
//   scratch    initialised for the network
void s1_backfill(const struct network *network, double *rates_bps, struct fill *scratch);
