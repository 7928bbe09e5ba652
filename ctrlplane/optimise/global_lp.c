// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The allocation `global` by linear programs: raise the smallest level as far as it goes, hold the channels that can't
// go on, and again with the rest. A link with a dual value above 0 holds all its channels.
#include "ctrlplane/optimise/global.h"

#include <errno.h>
#include <math.h>

static const double rounding = 1e-9;

struct levels {
	const struct network *network;
	struct fill *fill; // slopes, lows, highs, as the filling has them
	struct lp *lp;
	struct allocation *out; // rates: of channels that are held
	double unit_bps;        // programs are in parts of it: simplex methods like numbers near 1
	unsigned left;          // channels not held
};

// The largest number in the program.
static double unit_of(const struct network *network) {
	double unit = 1;
	for (unsigned i = 0; i < network->links_length; i++)
		if (!isinf(network->links[i].capacity_bps))
			unit = fmax(unit, network->links[i].capacity_bps);
	return unit;
}

static void hold(struct levels *levels, unsigned channel, double rate_bps, int link) {
	levels->out->rates_bps[channel] =
		fmin(fmax(rate_bps, levels->fill->lows[channel]), levels->fill->highs[channel]);
	levels->out->bottlenecks[channel] = link;
	levels->fill->states[channel] = 1;
	levels->left--;
}

// Columns: the channels' rates, then the level. Rows: the links, then for each channel x - slope·level >= 0.
static int pose(struct levels *levels, double highest) {
	const struct network *network = levels->network;
	const struct fill *fill = levels->fill;
	unsigned channels = network->channels_length, links = network->links_length, hops = 0;
	for (unsigned i = 0; i < channels; i++)
		hops += network->channels[i].hops;
	if (lp_init(levels->lp, channels + 1, links + channels, hops + 2 * channels) != 0)
		return -ENOMEM;
	for (unsigned i = 0; i < channels; i++) {
		double rate = levels->out->rates_bps[i] / levels->unit_bps;
		if (fill->states[i])
			lp_column(levels->lp, i, rate, rate, 0);
		else
			lp_column(
				levels->lp, i, fill->lows[i] / levels->unit_bps, fill->highs[i] / levels->unit_bps, 0);
		for (unsigned j = 0; j < network->channels[i].hops; j++)
			lp_set(levels->lp, network->channels[i].route[j], i, 1);
		if (fill->states[i])
			continue;
		lp_row(levels->lp, links + i, 0, INFINITY);
		lp_set(levels->lp, links + i, i, 1);
		lp_set(levels->lp, links + i, channels, -fill->slopes[i] / levels->unit_bps);
	}
	lp_column(levels->lp, channels, 0, highest, 1);
	for (unsigned i = 0; i < links; i++)
		lp_row(levels->lp, i, -INFINITY, network->links[i].capacity_bps / levels->unit_bps);
	return 0;
}

// The level at which the first channel has all it wants.
static double highest_level(const struct levels *levels) {
	double highest = INFINITY;
	for (unsigned i = 0; i < levels->network->channels_length; i++)
		if (!levels->fill->states[i])
			highest = fmin(highest, levels->fill->highs[i] / levels->fill->slopes[i]);
	return highest;
}

static void hold_served(struct levels *levels, double level) {
	for (unsigned i = 0; i < levels->network->channels_length; i++)
		if (!levels->fill->states[i] &&
			levels->fill->highs[i] <= levels->fill->slopes[i] * level * (1 + rounding))
			hold(levels, i, levels->fill->highs[i], NETWORK_NONE);
}

static void hold_at_links(struct levels *levels, double level) {
	const struct network *network = levels->network;
	for (unsigned i = 0; i < network->links_length; i++) {
		double price = levels->lp->prices[i];
		if (price < rounding)
			continue;
		levels->out->prices[i] = price / levels->unit_bps;
		for (unsigned j = 0; j < network->links[i].length; j++) {
			unsigned channel = network->members[network->links[i].first + j];
			if (!levels->fill->states[channel])
				hold(levels, channel, levels->fill->slopes[channel] * level, (int)i);
		}
	}
}

static int raise_level(struct levels *levels) {
	double highest = highest_level(levels);
	unsigned before = levels->left;
	int ret = pose(levels, highest);
	if (ret == 0)
		ret = lp_maximise(levels->lp);
	if (ret != 0)
		return ret;
	double level = levels->lp->values[levels->network->channels_length];
	if (level >= highest * (1 - rounding))
		hold_served(levels, level);
	else
		hold_at_links(levels, level);
	return levels->left < before ? 0 : -EPROTO;
}

int global_by_lp(struct allocation *out, struct workspace *workspace, const struct network *network) {
	struct fill *fill = &workspace->fill;
	int ret = allocation_init(out, network);
	if (ret == 0)
		ret = fill_init(fill, network);
	if (ret != 0)
		return ret;
	struct levels levels = {network, fill, &workspace->lp, out, unit_of(network), network->channels_length};
	for (unsigned i = 0; i < network->links_length; i++)
		out->prices[i] = 0;
	global_fill_demands(fill, network);
	for (unsigned i = 0; i < network->channels_length; i++) {
		fill->states[i] = 0;
		if (!(fill->slopes[i] > 0))
			hold(&levels, i, fill->lows[i], NETWORK_NONE);
	}
	while (ret == 0 && levels.left > 0)
		ret = raise_level(&levels);
	if (ret == 0)
		global_conclude(out, network);
	return ret;
}
