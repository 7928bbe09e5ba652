// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Networks for tests of allocations: small ones by hand, and random ones that are the same in every run.
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "ctrlplane/optimise/network.h"

static inline double random_between(uint64_t *seed, double low, double high) {
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return low + (high - low) * (double)(*seed >> 33) / (double)(1ull << 31);
}

// 0 .. below - 1
static inline unsigned random_below(uint64_t *seed, unsigned below) {
	return (unsigned)random_between(seed, 0, below - 1e-9);
}

static inline unsigned add_node(struct network *network, double uplink_bps, double downlink_bps) {
	char name[16];
	snprintf(name, sizeof(name), "n%u", network->nodes_length);
	int node = network_add_node(network, name, uplink_bps, downlink_bps);
	assert_true(node >= 0);
	return (unsigned)node;
}

// A channel of application 0 with weight 1, without minimum and cap.
static inline struct network_channel *add_channel(
	struct network *network, unsigned source, unsigned destination, double demand_bps) {
	struct network_channel channel = {.source = source,
		.destination = destination,
		.weight = 1,
		.cap_bps = INFINITY,
		.demand_bps = demand_bps};
	snprintf(channel.name, sizeof(channel.name), "c%u", network->channels_length);
	int index = network_add_channel(network, &channel, NULL, 0);
	assert_true(index >= 0);
	return &network->channels[index];
}

// Capacities of 1 to 20 Mbit/s; demands of up to 10, now and then none.
static inline struct network *random_network(uint64_t *seed, unsigned nodes, unsigned channels) {
	struct network *network;
	assert_int_equal(network_new(&network, 1), 0);
	for (unsigned i = 0; i < nodes; i++)
		add_node(network, random_between(seed, 1e6, 20e6), random_between(seed, 1e6, 20e6));
	for (unsigned i = 0; i < channels; i++) {
		unsigned from = random_below(seed, nodes), to = (from + 1 + random_below(seed, nodes - 1)) % nodes;
		double demand = random_below(seed, 8) == 0 ? 0 : random_between(seed, 0.1e6, 10e6);
		add_channel(network, from, to, demand);
	}
	return network;
}

// Weights, minimum rates that fit, caps.
static inline void add_needs(struct network *network, uint64_t *seed) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		struct network_channel *channel = &network->channels[i];
		channel->weight = random_between(seed, 0.5, 4);
		if (random_below(seed, 3) == 0)
			channel->min_bps = random_between(seed, 0, 0.9e6 / network->channels_length);
		if (random_below(seed, 3) == 0)
			channel->cap_bps = channel->min_bps + random_between(seed, 0.1e6, 5e6);
	}
}
