// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What bandwidth is allocated on: nodes around one big switch, each with an uplink and a downlink; links inside it
// where a topology names them; and channels, each with its route over links. A link here is a one-way capacity that
// channels share. Numbers may change between two runs of an allocation, routes may not: build another network.
//
// Rates and capacities are bit/s on the wire, queues and volumes are bytes.
#pragma once

#include <stddef.h>

enum {
	NETWORK_ROUTE_MAX = 8, // links of one channel: its uplink, its downlink, and those inside
	NETWORK_NAME_SIZE = 224,
	NETWORK_ERROR_SIZE = 320,
	NETWORK_NONE = -1, // instead of the index of a link
};

struct network_link {
	char name[NETWORK_NAME_SIZE]; // "n3 downlink"
	double capacity_bps;          // what channels may use of it; 0: nothing passes; INFINITY: never a bottleneck
	unsigned first, length;       // network.members[first .. first + length - 1] cross it
};

struct network_node {
	char name[NETWORK_NAME_SIZE];
	unsigned uplink, downlink; // indices of links
};

// S1's five metrics of one channel and one interval.
struct network_queues {
	double sender_before, sender_after;     // L^s at its start and its end, bytes
	double receiver_before, receiver_after; // L^r
	double volume;                          // V, transferred
};

struct network_channel {
	char name[NETWORK_NAME_SIZE];
	unsigned source, destination; // indices of nodes; the same: it crosses no link
	unsigned application;
	double weight;     // > 0: how much its share counts against others'
	double min_bps;    // promised, whatever it offers; 0: nothing
	double cap_bps;    // >= min_bps; INFINITY: none
	double demand_bps; // offered rate: what its operator wanted to send, blocked or not
	struct network_queues queues;
	unsigned route[NETWORK_ROUTE_MAX]; // indices of links
	unsigned hops;
};

struct network {
	struct network_node *nodes;
	struct network_link *links;
	struct network_channel *channels;
	unsigned *members; // indices of channels, by link
	unsigned nodes_length, links_length, channels_length;
	unsigned nodes_size, links_size, channels_size;
	double interval_s; // that the queues are of
	char error[NETWORK_ERROR_SIZE];
};

int network_new(struct network **out, double interval_s);
void network_free(struct network *network);

// Add a node with its two links, or a link inside the switch.
//   return  its index, or -ENOMEM, or -EINVAL with network->error
int network_add_node(struct network *network, const char *name, double uplink_bps, double downlink_bps);
int network_add_link(struct network *network, const char *name, double capacity_bps);

// Add a copy of a channel. Its route becomes the uplink of its source, the links given, the downlink of its
// destination.
//   inside  [length] links that network_add_link gave; NULL where length is 0
//   return  its index, or -ENOMEM, or -EINVAL with network->error
int network_add_channel(
	struct network *network, const struct network_channel *channel, const unsigned *inside, unsigned length);

// Check every number, and that the promised minimum rates fit; know which channels cross which link. Wanted before an
// allocation, after anything changed.
//   return  0; -EINVAL (a number is out of range) or -ENOSPC (minimum rates do not fit) with network->error, which
//           says where and by how much; -ENOMEM
int network_check(struct network *network);

// The sum of rates on a link; rates without a limit (INFINITY) don't count.
//   rates_bps  [channels]
double network_load(const struct network *network, unsigned link, const double *rates_bps);
// Whether rates fit all links, and each channel's minimum and cap, but for one part in 10^9.
int network_fits(const struct network *network, const double *rates_bps);
// The largest minimum that could be promised to a channel beside those of the others; INFINITY: any.
double network_room(const struct network *network, unsigned channel);
