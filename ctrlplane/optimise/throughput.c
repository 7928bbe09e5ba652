// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/throughput.h"

#include <errno.h>
#include <math.h>

void throughput_of(struct throughput *throughput, const double *rates_bps) {
	const struct network *network = throughput->network;
	for (unsigned i = 0; i < throughput->length; i++)
		throughput->applications[i].throughput = throughput->applications[i].demand;
	for (unsigned i = 0; i < network->channels_length; i++) {
		struct application *application = &throughput->applications[network->channels[i].application];
		if (throughput->bits[i] > 0)
			application->throughput = fmin(application->throughput, rates_bps[i] / throughput->bits[i]);
	}
}

double throughput_sum(const struct throughput *throughput) {
	double sum = 0;
	for (unsigned i = 0; i < throughput->length; i++)
		sum += throughput->applications[i].weight * throughput->applications[i].throughput;
	return sum;
}

// Bits that a tuple of the application puts on the link.
static double bits_on(const struct throughput *throughput, const struct network_link *link, unsigned application) {
	double bits = 0;
	for (unsigned i = 0; i < link->length; i++) {
		unsigned channel = throughput->network->members[link->first + i];
		if (throughput->network->channels[channel].application == application)
			bits += throughput->bits[channel];
	}
	return bits;
}

// The bits that set the scale of the columns: the most that a tuple puts on any link.
static double scale_of(const struct throughput *throughput) {
	double most = 1;
	for (unsigned i = 0; i < throughput->network->links_length; i++)
		for (unsigned j = 0; j < throughput->length; j++)
			most = fmax(most, bits_on(throughput, &throughput->network->links[i], j));
	return most;
}

static double unit_of(const struct network *network) {
	double unit = 1;
	for (unsigned i = 0; i < network->links_length; i++)
		if (!isinf(network->links[i].capacity_bps))
			unit = fmax(unit, network->links[i].capacity_bps);
	return unit;
}

// Throughput that its demand and the caps of its channels leave an application.
static double most_of(const struct throughput *throughput, unsigned application) {
	double most = throughput->applications[application].demand;
	for (unsigned i = 0; i < throughput->network->channels_length; i++) {
		const struct network_channel *channel = &throughput->network->channels[i];
		if (channel->application == application && throughput->bits[i] > 0)
			most = fmin(most, channel->cap_bps / throughput->bits[i]);
	}
	return most;
}

// Columns: the throughputs, in parts of unit / scale tuples/s, and one more. Rows: links, then one per application.
static int pose(const struct throughput *throughput, struct lp *lp, double unit, double scale) {
	unsigned links = throughput->network->links_length, length = throughput->length;
	int ret = lp_init(lp, length + 1, links + length, links * length + 2 * length);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < links; i++) {
		const struct network_link *link = &throughput->network->links[i];
		lp_row(lp, i, -INFINITY, link->capacity_bps / unit);
		for (unsigned j = 0; j < length; j++) {
			double bits = bits_on(throughput, link, j);
			if (bits > 0)
				lp_set(lp, i, j, bits / scale);
		}
	}
	for (unsigned i = 0; i < length; i++) {
		const struct application *application = &throughput->applications[i];
		lp_column(lp, i, application->floor * scale / unit, most_of(throughput, i) * scale / unit,
			application->weight);
	}
	lp_column(lp, length, 0, 0, 0);
	return 0;
}

static void take(struct throughput *throughput, const struct lp *lp, double unit, double scale) {
	for (unsigned i = 0; i < throughput->length; i++)
		throughput->applications[i].throughput = lp->values[i] * unit / scale;
}

int throughput_total(struct throughput *throughput, struct lp *lp) {
	double unit = unit_of(throughput->network), scale = scale_of(throughput);
	int ret = pose(throughput, lp, unit, scale);
	if (ret == 0)
		ret = lp_maximise(lp);
	if (ret != 0)
		return ret;
	take(throughput, lp, unit, scale);
	for (unsigned i = 0; throughput->prices != NULL && i < throughput->network->links_length; i++)
		throughput->prices[i] = lp->prices[i] / scale;
	return 0;
}

int throughput_fairest(struct throughput *throughput, struct lp *lp, double *level) {
	double unit = unit_of(throughput->network), scale = scale_of(throughput);
	unsigned links = throughput->network->links_length, length = throughput->length;
	int ret = pose(throughput, lp, unit, scale), are_greedy = 0;
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < length; i++) {
		double demand = throughput->applications[i].demand;
		are_greedy |= isinf(demand);
		lp->costs[i] = 0;
		lp_row(lp, links + i, 0, INFINITY);
		lp_set(lp, links + i, i, 1);
		lp_set(lp, links + i, length, -(isinf(demand) ? 1 : demand) * scale / unit);
	}
	lp_column(lp, length, 0, are_greedy ? INFINITY : 1, 1);
	ret = lp_maximise(lp);
	if (ret != 0)
		return ret;
	*level = lp->values[length];
	take(throughput, lp, unit, scale);
	for (unsigned i = 0; throughput->prices != NULL && i < links; i++)
		throughput->prices[i] = lp->prices[i] / unit;
	return 0;
}
