// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/global.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const double silent_share = 1e-3; // of a link, that all its silent channels together count for
static const double rounding = 1e-9;

int allocation_init(struct allocation *allocation, const struct network *network) {
	unsigned channels = network->channels_length, links = network->links_length;
	if (channels <= allocation->channels_size && links <= allocation->links_size && allocation->prices != NULL)
		return 0;
	allocation_fini(allocation);
	allocation->rates_bps = calloc(channels + 1, sizeof(double));
	allocation->shares = calloc(channels + 1, sizeof(double));
	allocation->bottlenecks = calloc(channels + 1, sizeof(int));
	allocation->prices = calloc(links + 1, sizeof(double));
	allocation->loads_bps = calloc(links + 1, sizeof(double));
	if (allocation->rates_bps == NULL || allocation->shares == NULL || allocation->bottlenecks == NULL ||
		allocation->prices == NULL || allocation->loads_bps == NULL) {
		allocation_fini(allocation);
		return -ENOMEM;
	}
	allocation->channels_size = channels;
	allocation->links_size = links;
	return 0;
}

void allocation_fini(struct allocation *allocation) {
	free(allocation->rates_bps);
	free(allocation->shares);
	free(allocation->bottlenecks);
	free(allocation->prices);
	free(allocation->loads_bps);
	*allocation = (struct allocation){0};
}

void workspace_fini(struct workspace *workspace) {
	fill_fini(&workspace->fill);
	lp_fini(&workspace->lp);
}

double global_demand(const struct network *network, unsigned channel) {
	const struct network_channel *of = &network->channels[channel];
	double least = INFINITY;
	for (unsigned i = 0; i < of->hops; i++) {
		const struct network_link *link = &network->links[of->route[i]];
		least = fmin(least, silent_share * link->capacity_bps / link->length);
	}
	return isinf(least) ? of->demand_bps : fmax(of->demand_bps, least);
}

void global_fill_demands(struct fill *fill, const struct network *network) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		const struct network_channel *channel = &network->channels[i];
		double demand = global_demand(network, i);
		fill->slopes[i] = channel->weight * demand;
		fill->lows[i] = channel->min_bps;
		fill->highs[i] = fmin(channel->cap_bps, fmax(demand, channel->min_bps));
	}
	for (unsigned i = 0; i < network->links_length; i++)
		fill->capacities[i] = network->links[i].capacity_bps;
}

// What the first filling left, on top of its rates.
static void fill_headroom(struct fill *fill, const struct network *network, const double *rates) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		fill->slopes[i] = network->channels[i].weight;
		fill->lows[i] = 0;
		fill->highs[i] = fmax(network->channels[i].cap_bps - rates[i], 0);
	}
	for (unsigned i = 0; i < network->links_length; i++) {
		double capacity = network->links[i].capacity_bps;
		double left = capacity - network_load(network, i, rates);
		fill->capacities[i] = isinf(capacity) || left > capacity * rounding ? left : 0;
	}
}

void global_conclude(struct allocation *out, const struct network *network) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		double demand = network->channels[i].demand_bps;
		out->shares[i] = demand > 0 ? fmin(out->rates_bps[i] / demand, 1) : 1;
		if (out->shares[i] >= 1 - rounding)
			out->bottlenecks[i] = NETWORK_NONE;
	}
	for (unsigned i = 0; i < network->links_length; i++)
		out->loads_bps[i] = network_load(network, i, out->rates_bps);
}

static int prepare(struct allocation *out, struct workspace *workspace, const struct network *network) {
	int ret = allocation_init(out, network);
	return ret != 0 ? ret : fill_init(&workspace->fill, network);
}

static void take(struct allocation *out, const struct fill *fill, const struct network *network) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		out->rates_bps[i] = fill->rates[i];
		out->bottlenecks[i] = fill->bottlenecks[i];
	}
	for (unsigned i = 0; i < network->links_length; i++)
		out->prices[i] = fill->prices[i];
}

int global_allocate(struct allocation *out, struct workspace *workspace, const struct network *network) {
	struct fill *fill = &workspace->fill;
	int ret = prepare(out, workspace, network);
	if (ret != 0)
		return ret;
	global_fill_demands(fill, network);
	fill_run(fill, network);
	take(out, fill, network);
	fill_headroom(fill, network, out->rates_bps);
	fill_run(fill, network);
	for (unsigned i = 0; i < network->channels_length; i++)
		out->rates_bps[i] += fill->rates[i];
	global_conclude(out, network);
	return 0;
}

int fair_allocate(struct allocation *out, struct workspace *workspace, const struct network *network) {
	struct fill *fill = &workspace->fill;
	int ret = prepare(out, workspace, network);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < network->channels_length; i++) {
		fill->slopes[i] = 1;
		fill->lows[i] = 0;
		fill->highs[i] = fmin(network->channels[i].cap_bps, network->channels[i].demand_bps);
	}
	for (unsigned i = 0; i < network->links_length; i++)
		fill->capacities[i] = network->links[i].capacity_bps;
	fill_run(fill, network);
	take(out, fill, network);
	for (unsigned i = 0; i < network->links_length; i++)
		out->prices[i] = 0;
	global_conclude(out, network);
	return 0;
}
