// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/s1.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

enum { BITS = 8 }; // per byte

static const double rounding = 1e-9;
static const double least_part = 1e-6; // of a link, that a channel without a rate counts for in backfilling

static double needed_bits(const struct network_queues *queues) {
	return BITS * (queues->volume + 2 * queues->sender_after - queues->sender_before);
}

static double consumed_bits(const struct network_queues *queues) {
	return BITS * (queues->volume - queues->receiver_after + queues->receiver_before);
}

static int refuse(struct network *network, const struct network_channel *channel, const char *what) {
	snprintf(network->error, sizeof(network->error),
		"allocation s1: channel \"%.80s\" has %s: s1 knows none; global does", channel->name, what);
	return -ENOTSUP;
}

static int check(struct network *network) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		const struct network_channel *channel = &network->channels[i];
		if (channel->hops > 2)
			return refuse(network, channel, "links inside the switch on its route");
		if (channel->min_bps > 0)
			return refuse(network, channel, "a minimum rate");
		if (channel->weight != 1)
			return refuse(network, channel, "a weight");
	}
	return 0;
}

static int is_bottleneck(const struct network *network, const struct network_link *link, double part) {
	double needed = 0, volume = 0;
	for (unsigned i = 0; i < link->length; i++) {
		const struct network_queues *queues = &network->channels[network->members[link->first + i]].queues;
		needed += fmax(needed_bits(queues), 0);
		volume += BITS * queues->volume;
	}
	return link->length > 0 && fmax(needed, volume) >= part * link->capacity_bps * network->interval_s;
}

// Solve one link's program.
//   numbers and queues  of its channels, in the order of its members
static int solve(struct s1_link *program, int is_uplink, enum s1_method method, struct lp *lp) {
	if (!(program->capacity_bps > 0)) {
		for (unsigned i = 0; i < program->length; i++)
			program->rates_bps[i] = 0;
		return 0;
	}
	if (method == S1_LP)
		return is_uplink ? s1_uplink_lp(program, lp) : s1_downlink_lp(program, lp);
	if (is_uplink)
		s1_uplink_closed(program);
	else
		s1_downlink_closed(program);
	return 0;
}

static int allocate_link(struct allocation *out, struct workspace *workspace, const struct network *network,
	unsigned index, int is_uplink, enum s1_method method) {
	const struct network_link *link = &network->links[index];
	const unsigned *members = &network->members[link->first];
	struct fill *fill = &workspace->fill;
	for (unsigned i = 0; i < link->length; i++) {
		const struct network_queues *queues = &network->channels[members[i]].queues;
		fill->slopes[i] = is_uplink ? needed_bits(queues) : consumed_bits(queues) / network->interval_s;
		fill->lows[i] = BITS * queues->receiver_after;
	}
	struct s1_link program = {.length = link->length,
		.numbers = fill->slopes,
		.queues = fill->lows,
		.capacity_bps = link->capacity_bps,
		.interval_s = network->interval_s,
		.rates_bps = fill->rates};
	int ret = solve(&program, is_uplink, method, &workspace->lp);
	if (ret != 0)
		return ret;
	out->prices[index] = program.price;
	for (unsigned i = 0; i < link->length; i++) {
		if (!(fill->rates[i] < out->rates_bps[members[i]]))
			continue;
		out->rates_bps[members[i]] = fill->rates[i];
		out->bottlenecks[members[i]] = (int)index;
	}
	return 0;
}

// What a link has left beside the rates given and what channels without one used.
static double left_of(const struct network *network, unsigned index, const double *rates_bps) {
	const struct network_link *link = &network->links[index];
	double used = network_load(network, index, rates_bps);
	for (unsigned i = 0; i < link->length; i++) {
		unsigned channel = network->members[link->first + i];
		if (isinf(rates_bps[channel]))
			used += BITS * network->channels[channel].queues.volume / network->interval_s;
	}
	double left = link->capacity_bps - used;
	return left > rounding * link->capacity_bps ? left : 0;
}

static double part_of(const struct network *network, unsigned channel, double rate_bps) {
	const struct network_channel *of = &network->channels[channel];
	double capacity = INFINITY;
	for (unsigned i = 0; i < of->hops; i++)
		capacity = fmin(capacity, network->links[of->route[i]].capacity_bps);
	return fmax(rate_bps, least_part * capacity);
}

// Freeze channels that have their cap or cross a full link; add up the parts of the others.
//   return  how many others
static unsigned weigh(const struct network *network, const double *rates_bps, struct fill *scratch) {
	unsigned length = 0;
	double *left = scratch->capacities, *parts = scratch->prices;
	for (unsigned i = 0; i < network->links_length; i++) {
		left[i] = left_of(network, i, rates_bps);
		parts[i] = 0;
	}
	for (unsigned i = 0; i < network->channels_length; i++) {
		const struct network_channel *channel = &network->channels[i];
		int is_frozen = rates_bps[i] >= channel->cap_bps * (1 - rounding) || isinf(rates_bps[i]);
		for (unsigned j = 0; j < channel->hops; j++)
			is_frozen |= left[channel->route[j]] == 0;
		scratch->states[i] = is_frozen != 0;
		if (is_frozen)
			continue;
		length++;
		for (unsigned j = 0; j < channel->hops; j++)
			parts[channel->route[j]] += part_of(network, i, rates_bps[i]);
	}
	return length;
}

void s1_backfill(const struct network *network, double *rates_bps, struct fill *scratch) {
	while (weigh(network, rates_bps, scratch) > 0) {
		for (unsigned i = 0; i < network->channels_length; i++) {
			const struct network_channel *channel = &network->channels[i];
			if (scratch->states[i])
				continue;
			double more = INFINITY;
			for (unsigned j = 0; j < channel->hops; j++)
				more = fmin(more,
					scratch->capacities[channel->route[j]] / scratch->prices[channel->route[j]]);
			double rate = rates_bps[i] + more * part_of(network, i, rates_bps[i]);
			rates_bps[i] = fmin(rate, channel->cap_bps);
		}
	}
}

static int solve_links(struct allocation *out, struct workspace *workspace, const struct network *network,
	const struct s1_options *options) {
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < network->nodes_length; i++) {
		const struct network_node *node = &network->nodes[i];
		if (is_bottleneck(network, &network->links[node->uplink], options->bottleneck))
			ret = allocate_link(out, workspace, network, node->uplink, 1, options->method);
		if (ret == 0 && is_bottleneck(network, &network->links[node->downlink], options->bottleneck))
			ret = allocate_link(out, workspace, network, node->downlink, 0, options->method);
	}
	return ret;
}

int s1_allocate(struct allocation *out, struct workspace *workspace, struct network *network,
	const struct s1_options *options) {
	int ret = check(network);
	if (ret == 0)
		ret = allocation_init(out, network);
	if (ret == 0)
		ret = fill_init(&workspace->fill, network);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < network->channels_length; i++) {
		out->rates_bps[i] = INFINITY;
		out->bottlenecks[i] = NETWORK_NONE;
	}
	for (unsigned i = 0; i < network->links_length; i++)
		out->prices[i] = 0;
	ret = solve_links(out, workspace, network, options);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i < network->channels_length; i++)
		if (!isinf(out->rates_bps[i]))
			out->rates_bps[i] = fmin(out->rates_bps[i], network->channels[i].cap_bps);
	s1_backfill(network, out->rates_bps, &workspace->fill);
	for (unsigned i = 0; i < network->channels_length; i++)
		out->rates_bps[i] = fmin(out->rates_bps[i], network->channels[i].cap_bps);
	global_conclude(out, network);
	return 0;
}
