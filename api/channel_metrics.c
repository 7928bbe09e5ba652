// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/channel_metrics.h"

struct channel_metric {
	const char *name, *member, *help;
};

static const struct channel_metric link_metrics[] = {
	{"weir_link_capacity_bits_per_second", "capacity_bps", "What the link carries."},
	{"weir_link_demand_bits_per_second", "demand_bps", "What its channels want to send."},
	{"weir_link_allocated_bits_per_second", "allocated_bps", "The sum of its channels' rates."},
	{"weir_link_sent_bits_per_second", "sent_bps", "What its channels sent."},
	{"weir_link_channels", "channels", "Channels that cross the link."},
	{"weir_link_price", "price_per_mbit",
		"By how much the shares of the channels that it holds would rise for each Mbit/s more."},
};

static const struct channel_metric remote_metrics[] = {
	{"weir_remote_channel_offered_bits_per_second", "offered_bps", "What its operator wanted to send."},
	{"weir_remote_channel_demand_bits_per_second", "demand_bps", "The same smoothed, as rates go by it."},
	{"weir_remote_channel_sent_bits_per_second", "sent_bps", "What was acknowledged."},
	{"weir_remote_channel_rate_bits_per_second", "rate_bps", "The rate that it should have."},
	{"weir_remote_channel_rate_in_force_bits_per_second", "in_force_bps", "The rate that its node holds it to."},
	{"weir_remote_channel_fair_bits_per_second", "fair_bps", "What plain TCP would come near to."},
	{"weir_remote_channel_share_ratio", "share", "The part of its demand that its rate serves."},
	{"weir_remote_channel_sender_queue_bytes", "sender_end_bytes", "What waits at the sender."},
	{"weir_remote_channel_receiver_queue_bytes", "receiver_end_bytes", "What waits at the receiver."},
};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static const char *text_of(const json_t *object, const char *name) {
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static void add_links(struct metrics *metrics, const struct channel_metric *metric, const json_t *links) {
	size_t i;
	json_t *link;
	metrics_family(metrics, metric->name, "gauge", metric->help);
	json_array_foreach(links, i, link) {
		const json_t *value = json_object_get(link, metric->member);
		if (json_is_number(value))
			metrics_real(metrics, json_number_value(value), "link", text_of(link, "link"), NULL);
	}
}

static void add_channels(struct metrics *metrics, const struct channel_metric *metric, const json_t *channels) {
	size_t i;
	json_t *channel;
	metrics_family(metrics, metric->name, "gauge", metric->help);
	json_array_foreach(channels, i, channel) {
		const json_t *value = json_object_get(channel, metric->member);
		if (json_is_number(value))
			metrics_real(metrics, json_number_value(value), "channel", text_of(channel, "channel"), "from",
				text_of(channel, "from_node"), "to", text_of(channel, "to_node"), NULL);
	}
}

void channel_metrics_add(struct metrics *metrics, const json_t *channels) {
	if (channels == NULL)
		return;
	for (size_t i = 0; i < LENGTH(link_metrics); i++)
		add_links(metrics, &link_metrics[i], json_object_get(channels, "links"));
	for (size_t i = 0; i < LENGTH(remote_metrics); i++)
		add_channels(metrics, &remote_metrics[i], json_object_get(channels, "channels"));
}
