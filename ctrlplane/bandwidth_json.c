// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The channels between nodes as JSON: for weirctl, and for the store.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/bandwidth.h"
#include "ctrlplane/text.h"

static json_t *number(uint64_t value) {
	return json_integer((json_int_t)value);
}

// null: not known, or no limit
static json_t *rate(double rate_bps) {
	return isfinite(rate_bps) ? json_real(rate_bps) : json_null();
}

// What was acknowledged in the channel's interval; NAN: none has passed.
static double sent_bps(const struct bandwidth_end *end) {
	const struct remote_end *sender = &end->sender;
	return sender->interval_ns > 0 ? 8e9 * (double)sender->volume_bytes / (double)sender->interval_ns : NAN;
}

static json_t *link_json(const struct bandwidth *bandwidth, unsigned index) {
	const struct network_link *link = &bandwidth->network->links[index];
	double load_bps = network_load(bandwidth->network, index, bandwidth->rates_bps), wanted_bps = 0,
	       all_sent_bps = 0;
	for (unsigned i = 0; i < link->length; i++) {
		const struct bandwidth_end *end = &bandwidth->ends[bandwidth->network->members[link->first + i]];
		wanted_bps += end->demand_bps;
		all_sent_bps += sent_bps(end); // one that is not known makes the sum so
	}
	return json_pack("{so so so so so si so}", "link", text_json(link->name), "capacity_bps",
		rate(link->capacity_bps), "demand_bps", rate(wanted_bps), "allocated_bps", rate(load_bps), "sent_bps",
		rate(all_sent_bps), "channels", (int)link->length, "price_per_mbit",
		bandwidth->has_found ? json_real(1e6 * bandwidth->found.prices[index]) : json_null());
}

static json_t *bottleneck_json(const struct bandwidth *bandwidth, unsigned index) {
	int link = bandwidth->has_found ? bandwidth->found.bottlenecks[index] : NETWORK_NONE;
	return link == NETWORK_NONE ? json_null() : text_json(bandwidth->network->links[link].name);
}

static json_t *channel_json(const struct bandwidth *bandwidth, unsigned index) {
	const struct network *network = bandwidth->network;
	const struct network_channel *channel = &network->channels[index];
	const struct bandwidth_end *end = &bandwidth->ends[index];
	bool is_found = bandwidth->has_found;
	json_t *object = json_pack("{so so so sI so so}", "channel", text_json(channel->name), "pipeline",
		text_json(end->sender.pipeline), "stream", text_json(end->sender.stream), "index",
		(json_int_t)end->sender.index, "from_node", text_json(network->nodes[channel->source].name), "to_node",
		text_json(network->nodes[channel->destination].name));
	json_t *rates = json_pack("{so so so so so so so so so so}", "offered_bps", number(end->sender.offered_bps),
		"sent_bps", rate(sent_bps(end)), "demand_bps", rate(end->demand_bps), "rate_bps",
		rate(bandwidth->rates_bps[index]), "before_bps", rate(bandwidth->before_bps[index]), "in_force_bps",
		end->sender.rate_bps > 0 ? number(end->sender.rate_bps) : json_null(), "fair_bps",
		is_found ? rate(bandwidth->fair.rates_bps[index]) : json_null(), "share",
		is_found ? json_real(bandwidth->found.shares[index]) : json_null(), "fair_share",
		is_found ? json_real(bandwidth->fair.shares[index]) : json_null(), "bottleneck",
		bottleneck_json(bandwidth, index));
	json_t *queues = json_pack("{so so so so so so}", "interval_ns", number(end->sender.interval_ns),
		"volume_bytes", number(end->sender.volume_bytes), "sender_begin_bytes", number(end->sender.begin_bytes),
		"sender_end_bytes", number(end->sender.end_bytes), "receiver_begin_bytes",
		end->has_receiver ? number(end->receiver_begin_bytes) : json_null(), "receiver_end_bytes",
		end->has_receiver ? number(end->receiver_end_bytes) : json_null());
	json_object_update_new(object, rates);
	json_object_update_new(object, queues);
	return object;
}

struct place {
	unsigned index;
	double share;
};

static int compare_places(const void *a, const void *b) {
	const struct place *one = a, *other = b;
	if (one->share != other->share)
		return one->share < other->share ? -1 : 1;
	return one->index < other->index ? -1 : one->index > other->index;
}

// The worst served first.
static json_t *channels_json(const struct bandwidth *bandwidth, uint32_t limit) {
	json_t *list = json_array();
	unsigned length = bandwidth->network->channels_length;
	struct place *places = calloc(length + 1, sizeof(*places));
	for (unsigned i = 0; places != NULL && i < length; i++)
		places[i] = (struct place){i, bandwidth->has_found ? bandwidth->found.shares[i] : 0};
	if (places != NULL)
		qsort(places, length, sizeof(*places), compare_places);
	for (unsigned i = 0; places != NULL && i < length && i < limit; i++)
		json_array_append_new(list, channel_json(bandwidth, places[i].index));
	free(places);
	return list;
}

// Over all channels, however many are listed. Without an allocation nothing is served, as far as is known.
static json_t *totals_json(const struct bandwidth *bandwidth) {
	static const double whole = 0.995, idle_bps = 100;
	double wanted_bps = 0, all_sent_bps = 0, served_bps = 0, fair_bps = 0, least = NAN, least_fair = NAN;
	unsigned length = bandwidth->network != NULL ? bandwidth->network->channels_length : 0, held = 0;
	for (unsigned i = 0; i < length; i++) {
		const struct bandwidth_end *end = &bandwidth->ends[i];
		double share = bandwidth->has_found ? bandwidth->found.shares[i] : 0;
		double fair = bandwidth->has_found ? bandwidth->fair.shares[i] : 0;
		wanted_bps += end->demand_bps;
		all_sent_bps += end->sender.interval_ns > 0 ? sent_bps(end) : 0;
		served_bps += end->demand_bps * fmin(share, 1);
		fair_bps += end->demand_bps * fmin(fair, 1);
		held += end->demand_bps >= idle_bps && share < whole;
		least = fmin(least, share);
		least_fair = fmin(least_fair, fair);
	}
	return json_pack("{so so so so si so so}", "demand_bps", rate(wanted_bps), "sent_bps", rate(all_sent_bps),
		"served_bps", rate(served_bps), "fair_bps", rate(fair_bps), "held", (int)held, "least_share",
		bandwidth->has_found ? rate(least) : json_null(), "least_fair_share",
		bandwidth->has_found ? rate(least_fair) : json_null());
}

json_t *bandwidth_json(const struct bandwidth *bandwidth, const struct bandwidth_options *options, uint32_t limit) {
	json_t *links = json_array();
	unsigned length = bandwidth->network != NULL ? bandwidth->network->links_length : 0;
	for (unsigned i = 0; i < length; i++)
		if (bandwidth->network->links[i].length > 0)
			json_array_append_new(links, link_json(bandwidth, i));
	return json_pack("{ss so sf so so so so sI so}", "allocation", bandwidth_method_names[options->method], "error",
		bandwidth->error[0] != '\0' ? text_json(bandwidth->error) : json_null(), "took_ms", bandwidth->took_ms,
		"rounds", number(bandwidth->rounds), "changes", number(bandwidth->changes), "links", links, "totals",
		totals_json(bandwidth), "total",
		(json_int_t)(bandwidth->network != NULL ? bandwidth->network->channels_length : 0), "channels",
		bandwidth->network != NULL ? channels_json(bandwidth, limit) : json_array());
}

json_t *bandwidth_explain(struct bandwidth *bandwidth, const struct bandwidth_options *options, const char *channel) {
	unsigned index = 0, length = bandwidth->network != NULL ? bandwidth->network->channels_length : 0;
	while (index < length && strcmp(bandwidth->network->channels[index].name, channel) != 0)
		index++;
	if (index == length)
		return NULL;
	json_t *object = channel_json(bandwidth, index);
	struct explanation found;
	const struct explain_context context = {
		bandwidth->network, &bandwidth->found, &bandwidth->workspace, &bandwidth->trial};
	if (bandwidth->has_found && options->method == BANDWIDTH_GLOBAL &&
		explain_channel(&found, &context, index, bandwidth->before_bps[index]) == 0)
		json_object_update_new(
			object, json_pack("{so sf so so so so}", "text", json_string(found.text), "price_per_mbit",
					1e6 * found.price, "with_tenth_more_capacity_bps",
					found.bottleneck != NETWORK_NONE ? rate(found.with_capacity_bps) : json_null(),
					"with_twice_its_weight_bps", rate(found.with_weight_bps), "without_its_cap_bps",
					rate(found.without_cap_bps), "minimum_possible_bps", rate(found.room_bps)));
	return json_pack("{so}", "channel", object);
}
