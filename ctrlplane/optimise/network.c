// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/network.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tolerance = 1e-9; // of rounding, where sums meet capacities

int network_new(struct network **out, double interval_s) {
	struct network *network = calloc(1, sizeof(*network));
	if (network == NULL)
		return -ENOMEM;
	network->interval_s = interval_s;
	*out = network;
	return 0;
}

void network_free(struct network *network) {
	if (network == NULL)
		return;
	free(network->nodes);
	free(network->links);
	free(network->channels);
	free(network->members);
	free(network);
}

__attribute__((format(printf, 2, 3))) static int refuse(struct network *network, const char *format, ...) {
	va_list args;
	va_start(args, format);
	vsnprintf(network->error, sizeof(network->error), format, args);
	va_end(args);
	return -EINVAL;
}

// Room for one more item.
//   return  the list, moved or not; NULL: no memory, and the old one stays
static void *grow(void *list, unsigned length, unsigned *size, size_t item_size) {
	if (length < *size)
		return list;
	unsigned larger = *size == 0 ? 16 : 2 * *size;
	void *moved = realloc(list, larger * item_size);
	if (moved != NULL)
		*size = larger;
	return moved;
}

int network_add_link(struct network *network, const char *name, double capacity_bps) {
	struct network_link *links = grow(network->links, network->links_length, &network->links_size, sizeof(*links));
	if (links == NULL)
		return -ENOMEM;
	network->links = links;
	struct network_link *link = &links[network->links_length];
	*link = (struct network_link){.capacity_bps = capacity_bps};
	snprintf(link->name, sizeof(link->name), "%s", name);
	return (int)network->links_length++;
}

int network_add_node(struct network *network, const char *name, double uplink_bps, double downlink_bps) {
	char text[NETWORK_NAME_SIZE + 16];
	for (unsigned i = 0; i < network->nodes_length; i++)
		if (strcmp(network->nodes[i].name, name) == 0)
			return refuse(network, "node \"%.80s\" is there already", name);
	struct network_node *nodes = grow(network->nodes, network->nodes_length, &network->nodes_size, sizeof(*nodes));
	if (nodes == NULL)
		return -ENOMEM;
	network->nodes = nodes;
	snprintf(text, sizeof(text), "%.80s uplink", name);
	int uplink = network_add_link(network, text, uplink_bps);
	if (uplink < 0)
		return uplink;
	snprintf(text, sizeof(text), "%.80s downlink", name);
	int downlink = network_add_link(network, text, downlink_bps);
	if (downlink < 0)
		return downlink;
	struct network_node *node = &nodes[network->nodes_length];
	*node = (struct network_node){.uplink = (unsigned)uplink, .downlink = (unsigned)downlink};
	snprintf(node->name, sizeof(node->name), "%.80s", name);
	return (int)network->nodes_length++;
}

static int route(struct network *network, struct network_channel *channel, const unsigned *inside, unsigned length) {
	if (channel->source >= network->nodes_length || channel->destination >= network->nodes_length)
		return refuse(network, "channel \"%.80s\": from node %u to node %u: there are %u nodes", channel->name,
			channel->source, channel->destination, network->nodes_length);
	channel->hops = 0;
	if (channel->source == channel->destination)
		return 0;
	if (length + 2 > NETWORK_ROUTE_MAX)
		return refuse(network, "channel \"%.80s\": a route of %u links: at most %d", channel->name, length + 2,
			NETWORK_ROUTE_MAX);
	channel->route[channel->hops++] = network->nodes[channel->source].uplink;
	for (unsigned i = 0; i < length; i++) {
		if (inside[i] >= network->links_length)
			return refuse(network, "channel \"%.80s\": link %u of its route: there are %u links",
				channel->name, inside[i], network->links_length);
		channel->route[channel->hops++] = inside[i];
	}
	channel->route[channel->hops++] = network->nodes[channel->destination].downlink;
	for (unsigned i = 1; i < channel->hops; i++)
		for (unsigned j = 0; j < i; j++)
			if (channel->route[i] == channel->route[j])
				return refuse(network, "channel \"%.80s\": its route crosses %.80s twice",
					channel->name, network->links[channel->route[i]].name);
	return 0;
}

int network_add_channel(
	struct network *network, const struct network_channel *channel, const unsigned *inside, unsigned length) {
	struct network_channel *channels =
		grow(network->channels, network->channels_length, &network->channels_size, sizeof(*channels));
	if (channels == NULL)
		return -ENOMEM;
	network->channels = channels;
	channels[network->channels_length] = *channel;
	int ret = route(network, &channels[network->channels_length], inside, length);
	return ret != 0 ? ret : (int)network->channels_length++;
}

static int check_queues(struct network *network, const struct network_channel *channel) {
	const struct network_queues *queues = &channel->queues;
	const double bytes[] = {queues->sender_before, queues->sender_after, queues->receiver_before,
		queues->receiver_after, queues->volume};
	static const char *const names[] = {"sender queue at the start", "sender queue at the end",
		"receiver queue at the start", "receiver queue at the end", "volume"};
	for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		if (!(bytes[i] >= 0) || isinf(bytes[i]))
			return refuse(network, "channel \"%.80s\": %s: %g bytes: 0 or more", channel->name, names[i],
				bytes[i]);
	return 0;
}

static int check_channel(struct network *network, const struct network_channel *channel) {
	if (!(channel->weight > 0) || isinf(channel->weight))
		return refuse(network, "channel \"%.80s\": weight %g: above 0", channel->name, channel->weight);
	if (!(channel->min_bps >= 0) || isinf(channel->min_bps))
		return refuse(
			network, "channel \"%.80s\": minimum of %g bit/s: 0 or more", channel->name, channel->min_bps);
	if (!(channel->cap_bps >= channel->min_bps))
		return refuse(network, "channel \"%.80s\": cap of %g bit/s: at least its minimum, %g", channel->name,
			channel->cap_bps, channel->min_bps);
	if (!(channel->demand_bps >= 0) || isinf(channel->demand_bps))
		return refuse(network, "channel \"%.80s\": demand of %g bit/s: 0 or more", channel->name,
			channel->demand_bps);
	return check_queues(network, channel);
}

// Which channels cross which link: counted, then laid one behind the other.
static int index_members(struct network *network) {
	unsigned total = 0;
	for (unsigned i = 0; i < network->links_length; i++)
		network->links[i].length = 0;
	for (unsigned i = 0; i < network->channels_length; i++)
		for (unsigned j = 0; j < network->channels[i].hops; j++)
			network->links[network->channels[i].route[j]].length++;
	for (unsigned i = 0; i < network->links_length; i++) {
		network->links[i].first = total;
		total += network->links[i].length;
		network->links[i].length = 0;
	}
	unsigned *members = realloc(network->members, (total + 1) * sizeof(*members));
	if (members == NULL)
		return -ENOMEM;
	network->members = members;
	for (unsigned i = 0; i < network->channels_length; i++)
		for (unsigned j = 0; j < network->channels[i].hops; j++) {
			struct network_link *link = &network->links[network->channels[i].route[j]];
			members[link->first + link->length++] = i;
		}
	return 0;
}

static double promised(const struct network *network, const struct network_link *link) {
	double sum = 0;
	for (unsigned i = 0; i < link->length; i++)
		sum += network->channels[network->members[link->first + i]].min_bps;
	return sum;
}

static int check_minimums(struct network *network) {
	for (unsigned i = 0; i < network->links_length; i++) {
		const struct network_link *link = &network->links[i];
		double sum = promised(network, link);
		if (sum <= link->capacity_bps * (1 + tolerance))
			continue;
		refuse(network,
			"%s: the minimum rates of its %u channels are %.6g bit/s together, %.6g more than its %.6g",
			link->name, link->length, sum, sum - link->capacity_bps, link->capacity_bps);
		return -ENOSPC;
	}
	return 0;
}

int network_check(struct network *network) {
	network->error[0] = '\0';
	if (!(network->interval_s > 0) || isinf(network->interval_s))
		return refuse(network, "interval of %g s: above 0", network->interval_s);
	for (unsigned i = 0; i < network->links_length; i++)
		if (!(network->links[i].capacity_bps >= 0))
			return refuse(network, "%s: capacity of %g bit/s: 0 or more", network->links[i].name,
				network->links[i].capacity_bps);
	for (unsigned i = 0; i < network->channels_length; i++) {
		int ret = check_channel(network, &network->channels[i]);
		if (ret != 0)
			return ret;
	}
	int ret = index_members(network);
	return ret != 0 ? ret : check_minimums(network);
}

double network_load(const struct network *network, unsigned link, const double *rates_bps) {
	const struct network_link *at = &network->links[link];
	double sum = 0;
	for (unsigned i = 0; i < at->length; i++) {
		double rate = rates_bps[network->members[at->first + i]];
		sum += isinf(rate) ? 0 : rate;
	}
	return sum;
}

int network_fits(const struct network *network, const double *rates_bps) {
	for (unsigned i = 0; i < network->channels_length; i++) {
		const struct network_channel *channel = &network->channels[i];
		if (!(rates_bps[i] >= channel->min_bps * (1 - tolerance)) ||
			rates_bps[i] > channel->cap_bps * (1 + tolerance))
			return 0;
	}
	for (unsigned i = 0; i < network->links_length; i++)
		if (network_load(network, i, rates_bps) > network->links[i].capacity_bps * (1 + tolerance))
			return 0;
	return 1;
}

double network_room(const struct network *network, unsigned channel) {
	const struct network_channel *of = &network->channels[channel];
	double room = of->cap_bps;
	for (unsigned i = 0; i < of->hops; i++) {
		const struct network_link *link = &network->links[of->route[i]];
		room = fmin(room, link->capacity_bps - (promised(network, link) - of->min_bps));
	}
	return fmax(room, 0);
}
