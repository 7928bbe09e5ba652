// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What applications make of rates, and the most that any rates could give them: the bound that stands beside results.
//
// An application needs all its channels in fixed proportions: a tuple at its sink takes bits_f on channel f, so its
// throughput is n = min of x_f / bits_f (pipelines, forks, joins that pair). With the channels' rates eliminated, what
// the links allow is linear in the throughputs: sum over f on l of bits_f·n_a(f) <= C_l.
#pragma once

#include "ctrlplane/optimise/lp.h"
#include "ctrlplane/optimise/network.h"

struct application {
	double demand;     // tuples/s that its sources offer; INFINITY: as many as they can
	double floor;      // tuples/s that it must have; at most its demand and what the caps of its channels allow
	double weight;     // > 0: of its throughput in the total
	double throughput; // out
};

struct throughput {
	const struct network *network; // network_check has accepted it; channels' application: index of applications
	const double *bits;            // [channels] per tuple at the sink, on the wire; 0: none
	struct application *applications;
	unsigned length;
	double *prices; // [links] out: by how much the objective rises per bit/s more of capacity; NULL: not wanted
};

// The throughputs that rates give.
//   rates_bps  [channels]
void throughput_of(struct throughput *throughput, const double *rates_bps);

// The most in total, each times its weight.
//   return  0, -ENOMEM, or what lp_maximise returns: -ERANGE where the floors do not fit, -EDOM where an application
//           without a limit crosses no link
int throughput_total(struct throughput *throughput, struct lp *lp);
// The largest level with n_a >= level·demand_a for all, up to 1; a demand without a limit counts as 1 tuple/s, and then
// the level has none either. Floors are kept.
int throughput_fairest(struct throughput *throughput, struct lp *lp, double *level);

// The sum over applications of weight times throughput.
double throughput_sum(const struct throughput *throughput);
