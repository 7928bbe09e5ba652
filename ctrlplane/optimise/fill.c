// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/optimise/fill.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum state { WAITING, RISING, STOPPED };

struct fill_event {
	double level;
	unsigned channel;
	enum state to;
};

// At level t, fixed + slope·t of the link is used: no event has to touch links that it does not concern.
struct fill_link {
	double fixed, slope;
	double full; // level at which it will be
	unsigned rising;
};

int fill_init(struct fill *fill, const struct network *network) {
	unsigned channels = network->channels_length, links = network->links_length;
	if (channels <= fill->channels_size && links <= fill->links_size && fill->slopes != NULL)
		return 0;
	fill_fini(fill);
	double **const per_channel[] = {&fill->slopes, &fill->lows, &fill->highs, &fill->rates};
	double **const per_link[] = {&fill->capacities, &fill->prices};
	int ret = 0;
	for (unsigned i = 0; i < sizeof(per_channel) / sizeof(per_channel[0]); i++)
		ret |= (*per_channel[i] = calloc(channels + 1, sizeof(double))) == NULL;
	for (unsigned i = 0; i < sizeof(per_link) / sizeof(per_link[0]); i++)
		ret |= (*per_link[i] = calloc(links + 1, sizeof(double))) == NULL;
	ret |= (fill->bottlenecks = calloc(channels + 1, sizeof(*fill->bottlenecks))) == NULL;
	ret |= (fill->events = calloc(2 * (size_t)channels + 1, sizeof(*fill->events))) == NULL;
	ret |= (fill->links = calloc(links + 1, sizeof(*fill->links))) == NULL;
	ret |= (fill->states = calloc(channels + 1, 1)) == NULL;
	if (ret != 0) {
		fill_fini(fill);
		return -ENOMEM;
	}
	fill->channels_size = channels;
	fill->links_size = links;
	return 0;
}

void fill_fini(struct fill *fill) {
	free(fill->slopes);
	free(fill->lows);
	free(fill->highs);
	free(fill->rates);
	free(fill->capacities);
	free(fill->prices);
	free(fill->bottlenecks);
	free(fill->events);
	free(fill->links);
	free(fill->states);
	*fill = (struct fill){0};
}

static int compare_events(const void *a, const void *b) {
	const struct fill_event *one = a, *other = b;
	if (one->level != other->level)
		return one->level < other->level ? -1 : 1;
	if (one->channel != other->channel)
		return one->channel < other->channel ? -1 : 1;
	return (int)one->to - (int)other->to;
}

// All events of channels that can be told beforehand, in the order in which they come.
static unsigned list_events(struct fill *fill, const struct network *network) {
	unsigned length = 0;
	for (unsigned i = 0; i < network->channels_length; i++) {
		double slope = fill->slopes[i];
		fill->states[i] = slope > 0 && fill->highs[i] > fill->lows[i] ? WAITING : STOPPED;
		fill->rates[i] = fill->lows[i];
		fill->bottlenecks[i] = NETWORK_NONE;
		if (fill->states[i] == STOPPED)
			continue;
		fill->events[length++] = (struct fill_event){fill->lows[i] / slope, i, RISING};
		if (!isinf(fill->highs[i]))
			fill->events[length++] = (struct fill_event){fill->highs[i] / slope, i, STOPPED};
	}
	qsort(fill->events, length, sizeof(*fill->events), compare_events);
	return length;
}

static void foresee(const struct fill *fill, unsigned index, double level) {
	struct fill_link *link = &fill->links[index];
	if (link->rising == 0)
		link->slope = 0;
	double full = link->slope > 0 ? (fill->capacities[index] - link->fixed) / link->slope : INFINITY;
	link->full = full > level ? full : level;
}

static void begin(struct fill *fill, const struct network_channel *channel, unsigned index, double level) {
	fill->states[index] = RISING;
	for (unsigned i = 0; i < channel->hops; i++) {
		struct fill_link *link = &fill->links[channel->route[i]];
		link->fixed -= fill->lows[index];
		link->slope += fill->slopes[index];
		link->rising++;
		foresee(fill, channel->route[i], level);
	}
}

static void stop(struct fill *fill, const struct network_channel *channel, unsigned index, double level) {
	if (fill->states[index] == RISING) {
		double rate = fill->slopes[index] * level;
		fill->rates[index] = fmin(fmax(rate, fill->lows[index]), fill->highs[index]);
		for (unsigned i = 0; i < channel->hops; i++) {
			struct fill_link *link = &fill->links[channel->route[i]];
			link->fixed += fill->rates[index];
			link->slope -= fill->slopes[index];
			link->rising--;
			foresee(fill, channel->route[i], level);
		}
	}
	fill->states[index] = STOPPED;
}

// A link is full: all that cross it stay where they are.
static void hold(struct fill *fill, const struct network *network, unsigned index, double level) {
	const struct network_link *link = &network->links[index];
	fill->prices[index] = 1 / fill->links[index].slope;
	for (unsigned i = 0; i < link->length; i++) {
		unsigned channel = network->members[link->first + i];
		if (fill->states[channel] == STOPPED)
			continue;
		fill->bottlenecks[channel] = (int)index;
		stop(fill, &network->channels[channel], channel, level);
	}
	fill->links[index].full = INFINITY;
}

static void start(struct fill *fill, const struct network *network) {
	for (unsigned i = 0; i < network->links_length; i++) {
		fill->links[i] = (struct fill_link){.full = INFINITY};
		fill->prices[i] = 0;
	}
	for (unsigned i = 0; i < network->channels_length; i++)
		for (unsigned j = 0; j < network->channels[i].hops; j++)
			fill->links[network->channels[i].route[j]].fixed += fill->lows[i];
}

static unsigned first_full(const struct fill *fill, unsigned links) {
	unsigned first = 0;
	for (unsigned i = 1; i < links; i++)
		if (fill->links[i].full < fill->links[first].full)
			first = i;
	return first;
}

void fill_run(struct fill *fill, const struct network *network) {
	start(fill, network);
	unsigned length = list_events(fill, network), next = 0;
	for (;;) {
		unsigned link = first_full(fill, network->links_length);
		double full = network->links_length > 0 ? fill->links[link].full : INFINITY;
		if (next < length && fill->events[next].level <= full) {
			const struct fill_event *event = &fill->events[next++];
			const struct network_channel *channel = &network->channels[event->channel];
			if (fill->states[event->channel] != STOPPED && event->to == RISING)
				begin(fill, channel, event->channel, event->level);
			else
				stop(fill, channel, event->channel, event->level);
		} else if (!isinf(full)) {
			hold(fill, network, link, full);
		} else {
			break;
		}
	}
	for (unsigned i = 0; i < network->channels_length; i++)
		if (fill->states[i] != STOPPED)
			fill->rates[i] = INFINITY;
}
