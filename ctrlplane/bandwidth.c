// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/bandwidth.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/optimise/hysteresis.h"
#include "ctrlplane/optimise/s1.h"

const char *const bandwidth_method_names[] = {"tcp", "s1", "global", NULL};

static const double bottleneck_part = 0.95; // of its capacity, from which on a link has a program of S1

// What a round makes; it takes the place of the last one's.
struct round {
	const struct bandwidth *last;
	const struct bandwidth_options *options;
	const struct nodes *nodes;
	struct network *network;
	struct bandwidth_end *ends;
	double *rates_bps, *before_bps;
	unsigned size;
	double seconds; // sum of the intervals
};

static int make_room(struct round *round) {
	unsigned size = 0;
	for (size_t i = 0; i < round->nodes->length; i++)
		if (round->nodes->list[i]->remotes != NULL)
			size += (unsigned)round->nodes->list[i]->remotes->length;
	round->size = size;
	round->ends = calloc(size + 1, sizeof(*round->ends));
	round->rates_bps = calloc(size + 1, sizeof(double));
	round->before_bps = calloc(size + 1, sizeof(double));
	return round->ends == NULL || round->rates_bps == NULL || round->before_bps == NULL ? -ENOMEM : 0;
}

static int add_nodes(struct round *round) {
	for (size_t i = 0; i < round->nodes->length; i++) {
		const struct node *node = round->nodes->list[i];
		double uplink = round->options->capacity_bps > 0 ? round->options->capacity_bps : INFINITY;
		double downlink = uplink;
		if (node->state != NODE_UP)
			continue;
		for (size_t j = 0; j < round->options->capacities_length; j++) {
			const struct bandwidth_capacity *own = &round->options->capacities[j];
			if (strcmp(own->node, node->name) != 0)
				continue;
			uplink = own->uplink_bps;
			downlink = own->downlink_bps;
		}
		int ret = network_add_node(round->network, node->name, uplink, downlink);
		if (ret < 0)
			return ret;
	}
	return 0;
}

//   return  the node's index in the network, or -1
static int find_node(const struct network *network, const char *name) {
	for (unsigned i = 0; i < network->nodes_length; i++)
		if (strcmp(network->nodes[i].name, name) == 0)
			return (int)i;
	return -1;
}

static void apply_needs(
	const struct bandwidth_options *options, const struct remote_end *end, struct network_channel *channel) {
	for (size_t i = 0; i < options->needs_length; i++) {
		const struct bandwidth_need *need = &options->needs[i];
		if (strcmp(need->pipeline, end->pipeline) != 0 ||
			(need->stream[0] != '\0' && strcmp(need->stream, end->stream) != 0))
			continue;
		channel->weight = need->weight;
		channel->min_bps = need->min_bps;
		channel->cap_bps = need->cap_bps;
	}
}

// The channel's place in the last round; most often the same as now.
static int find_last(const struct bandwidth *last, const char *name, unsigned hint) {
	unsigned length = last->network != NULL ? last->network->channels_length : 0;
	if (hint < length && strcmp(last->network->channels[hint].name, name) == 0)
		return (int)hint;
	for (unsigned i = 0; i < length; i++)
		if (strcmp(last->network->channels[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int add_channel(struct round *round, const struct node *node, const struct remote_end *end) {
	struct network *network = round->network;
	int source = find_node(network, node->name), destination = find_node(network, end->peer);
	if (source < 0 || destination < 0)
		return 0;
	const struct node *peer = nodes_find(round->nodes, end->peer);
	const struct remote_end *other =
		peer->remotes != NULL ? remote_ends_other(peer->remotes, end, node->name) : NULL;
	unsigned index = network->channels_length;
	struct network_channel channel = {.source = (unsigned)source,
		.destination = (unsigned)destination,
		.weight = 1,
		.cap_bps = INFINITY,
		.queues = {.sender_before = (double)end->begin_bytes,
			.sender_after = (double)end->end_bytes,
			.volume = (double)end->volume_bytes}};
	struct bandwidth_end *made = &round->ends[index];
	*made = (struct bandwidth_end){.sender = *end, .has_receiver = other != NULL};
	if (other != NULL) {
		made->receiver_begin_bytes = other->begin_bytes;
		made->receiver_end_bytes = other->end_bytes;
		channel.queues.receiver_before = (double)other->begin_bytes;
		channel.queues.receiver_after = (double)other->end_bytes;
	}
	snprintf(channel.name, sizeof(channel.name), "%s/%s.%u", end->pipeline, end->stream, end->index);
	apply_needs(round->options, end, &channel);
	int last = find_last(round->last, channel.name, index);
	double before_bps = last >= 0 ? round->last->ends[last].demand_bps : 0;
	made->demand_bps = hysteresis_demand(before_bps, (double)end->offered_bps, round->options->fall);
	channel.demand_bps = made->demand_bps;
	round->rates_bps[index] = last >= 0 ? round->last->rates_bps[last] : NAN;
	round->before_bps[index] = last >= 0 ? round->last->before_bps[last] : NAN;
	if (last >= 0) {
		made->told_bps = round->last->ends[last].told_bps;
		made->told_round = round->last->ends[last].told_round;
	}
	round->seconds += (double)end->interval_ns / NS_PER_S;
	int ret = network_add_channel(network, &channel, NULL, 0);
	return ret < 0 ? ret : 0;
}

static int collect(struct round *round) {
	int ret = network_new(&round->network, 1);
	if (ret == 0)
		ret = make_room(round);
	if (ret == 0)
		ret = add_nodes(round);
	for (size_t i = 0; ret == 0 && i < round->nodes->length; i++) {
		const struct node *node = round->nodes->list[i];
		for (size_t j = 0; ret == 0 && node->remotes != NULL && j < node->remotes->length; j++)
			if (node->state == NODE_UP && node->remotes->list[j].is_sender)
				ret = add_channel(round, node, &node->remotes->list[j]);
	}
	if (ret == 0 && round->network->channels_length > 0)
		round->network->interval_s = round->seconds / round->network->channels_length;
	return ret;
}

static void give_up(struct round *round) {
	network_free(round->network);
	free(round->ends);
	free(round->rates_bps);
	free(round->before_bps);
}

static void replace(struct bandwidth *bandwidth, const struct round *round) {
	network_free(bandwidth->network);
	free(bandwidth->ends);
	free(bandwidth->rates_bps);
	free(bandwidth->before_bps);
	bandwidth->network = round->network;
	bandwidth->ends = round->ends;
	bandwidth->rates_bps = round->rates_bps;
	bandwidth->before_bps = round->before_bps;
}

// Nothing is held back: TCP shares the links, and what it comes near to is all that can be said.
static int let_go(struct bandwidth *bandwidth) {
	int ret = fair_allocate(&bandwidth->found, &bandwidth->workspace, bandwidth->network);
	for (unsigned i = 0; ret == 0 && i < bandwidth->network->channels_length; i++)
		bandwidth->found.rates_bps[i] = INFINITY;
	return ret;
}

static int allocate(struct bandwidth *bandwidth, const struct bandwidth_options *options) {
	struct network *network = bandwidth->network;
	const struct s1_options s1 = {.method = S1_LP, .bottleneck = bottleneck_part};
	int ret = network_check(network);
	if (ret == 0)
		ret = fair_allocate(&bandwidth->fair, &bandwidth->workspace, network);
	if (ret != 0)
		return ret;
	bandwidth->workspace.lp.limit_ms = options->limit_ms;
	bandwidth->workspace.lp.used_ns = 0;
	bandwidth->workspace.lp.error[0] = '\0';
	if (options->method == BANDWIDTH_TCP)
		return let_go(bandwidth);
	if (options->method == BANDWIDTH_GLOBAL)
		return global_allocate(&bandwidth->found, &bandwidth->workspace, network);
	return s1_allocate(&bandwidth->found, &bandwidth->workspace, network, &s1);
}

static void take_rates(struct bandwidth *bandwidth, double tolerance) {
	const struct network *network = bandwidth->network;
	if (!hysteresis_gives_way(network, bandwidth->rates_bps, bandwidth->found.rates_bps, tolerance))
		return;
	for (unsigned i = 0; i < network->channels_length; i++) {
		bandwidth->before_bps[i] = bandwidth->rates_bps[i];
		bandwidth->rates_bps[i] = bandwidth->found.rates_bps[i];
	}
	bandwidth->changes++;
}

int bandwidth_round(struct bandwidth *bandwidth, const struct nodes *nodes, const struct bandwidth_options *options) {
	struct round round = {.last = bandwidth, .options = options, .nodes = nodes};
	uint64_t start_ns = clock_mono_ns();
	int ret = collect(&round);
	bandwidth->rounds++;
	bandwidth->error[0] = '\0';
	bandwidth->has_found = false;
	if (ret != 0) {
		snprintf(bandwidth->error, sizeof(bandwidth->error), "%s",
			ret == -EINVAL ? round.network->error : "no memory for the network");
		bandwidth->failures++;
		give_up(&round);
		return ret;
	}
	replace(bandwidth, &round);
	ret = allocate(bandwidth, options);
	bandwidth->has_found = ret == 0;
	if (ret == 0) {
		take_rates(bandwidth, options->tolerance);
	} else {
		const char *reason = bandwidth->network->error[0] != '\0' ? bandwidth->network->error
									  : bandwidth->workspace.lp.error;
		snprintf(bandwidth->error, sizeof(bandwidth->error), "%s", reason[0] != '\0' ? reason : strerror(-ret));
		bandwidth->failures++;
	}
	bandwidth->took_ms = (double)(clock_mono_ns() - start_ns) / 1e6;
	return ret;
}

// Rates are told in whole bytes a second, at least one: 0 is no limit.
static uint64_t rate_to_tell(double rate_bps) {
	return isinf(rate_bps) ? 0 : 8 * (uint64_t)fmax(rate_bps / 8 * (1 + 1e-9), 1);
}

unsigned bandwidth_tell(struct bandwidth *bandwidth, const char *node, bool is_enforced, char *lines, size_t size) {
	enum { ROUNDS_TO_REPORT = 3, RATE_SIZE = 32 };
	size_t used = 0;
	unsigned told = 0, length = bandwidth->network != NULL ? bandwidth->network->channels_length : 0;
	for (unsigned i = 0; i < length; i++) {
		const struct network_channel *channel = &bandwidth->network->channels[i];
		struct bandwidth_end *end = &bandwidth->ends[i];
		bool is_known = is_enforced ? !isnan(bandwidth->rates_bps[i]) : end->told_round != 0;
		if (!is_known || strcmp(bandwidth->network->nodes[channel->source].name, node) != 0)
			continue;
		uint64_t rate_bps = is_enforced ? rate_to_tell(bandwidth->rates_bps[i]) : 0;
		bool is_fresh = end->told_round != 0 && end->told_bps == rate_bps &&
				bandwidth->rounds < end->told_round + ROUNDS_TO_REPORT;
		if (rate_bps == end->sender.rate_bps || is_fresh || used + strlen(channel->name) + RATE_SIZE > size)
			continue;
		used += (size_t)snprintf(lines + used, size - used, "%s %" PRIu64 "\n", channel->name, rate_bps);
		end->told_bps = rate_bps;
		end->told_round = bandwidth->rounds;
		told++;
	}
	return told;
}

void bandwidth_fini(struct bandwidth *bandwidth) {
	const struct round none = {.network = NULL};
	replace(bandwidth, &none);
	allocation_fini(&bandwidth->found);
	allocation_fini(&bandwidth->fair);
	allocation_fini(&bandwidth->trial);
	workspace_fini(&bandwidth->workspace);
}
