// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/report.h"

#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "api/histogram.h"
#include "ctrlplane/group_loads.h"
#include "ctrlplane/remote_ends.h"
#include "ctrlplane/text.h"

static json_t *number(uint64_t value) {
	return json_integer((json_int_t)value);
}

static json_t *report_named(Weir__Named *const *list, size_t length) {
	json_t *object = json_object();
	for (size_t i = 0; i < length && i < REPORT_NAMES_MAX; i++) {
		char name[NODE_NAME_SIZE];
		text_copy(name, sizeof(name), list[i]->name);
		json_object_set_new(object, name, number(list[i]->value));
	}
	return object;
}

static uint64_t left_out(size_t length) {
	return length > REPORT_NAMES_MAX ? length - REPORT_NAMES_MAX : 0;
}

// How long the tuples took that ended since the report before; null: none ended.
static json_t *report_times(const struct histogram *times) {
	uint64_t count = histogram_count(times);
	if (count == 0)
		return json_null();
	return json_pack("{so so so so}", "tuples", number(count), "p50_ns", number(histogram_quantile(times, 0.5)),
		"p99_ns", number(histogram_quantile(times, 0.99)), "max_ns", number(histogram_quantile(times, 1)));
}

// At one instance; what makes no sense is left out.
static json_t *report_latency(const ProtobufCBinaryData *packed) {
	struct histogram times = {.lost_bits = 0};
	if (packed->len > 0)
		histogram_merge_packed(&times, packed->data, packed->len);
	return report_times(&times);
}

// In each pipeline, wherever they ended. Its instances stand one after the other.
static json_t *report_pipelines(const Weir__Heartbeat *beat) {
	struct histogram times = {.lost_bits = 0};
	json_t *list = json_array();
	for (size_t i = 0; i < beat->n_instances && i < NODE_INSTANCES_MAX; i++) {
		const Weir__InstanceCounters *c = beat->instances[i];
		if (c->latency.len > 0)
			histogram_merge_packed(&times, c->latency.data, c->latency.len);
		if (i + 1 < beat->n_instances && strcmp(c->pipeline, beat->instances[i + 1]->pipeline) == 0)
			continue;
		json_array_append_new(list,
			json_pack("{so so}", "pipeline", text_json(c->pipeline), "latency", report_times(&times)));
		times = (struct histogram){.lost_bits = 0};
	}
	return list;
}

// The identity of design section 4: in = forwarded + absorbed + drops + held, out = forwarded + created.
static json_t *report_instance(const Weir__InstanceCounters *c) {
	uint64_t dropped = 0;
	for (size_t i = 0; i < c->n_drops; i++)
		dropped += c->drops[i]->value;
	bool holds = c->in == c->forwarded + c->absorbed + dropped + c->held && c->out == c->forwarded + c->created;
	return json_pack("{so so sI sI so so so so so so so so so so so so so so so sb}", "pipeline",
		text_json(c->pipeline), "operator", text_json(c->operator_), "index", (json_int_t)c->index, "worker",
		(json_int_t)c->worker, "in", number(c->in), "forwarded", number(c->forwarded), "absorbed",
		number(c->absorbed), "created", number(c->created), "out", number(c->out), "held", number(c->held),
		"blocked", number(c->blocked), "lost_outside", number(c->lost_outside), "in_bytes", number(c->in_bytes),
		"dropped", number(dropped), "drops", report_named(c->drops, c->n_drops), "gauges",
		report_named(c->gauges, c->n_gauges), "names_left_out",
		number(left_out(c->n_drops) + left_out(c->n_gauges)), "watermark_ns", number(c->watermark_ns),
		"latency", report_latency(&c->latency), "holds", (int)holds);
}

static json_t *report_channel(const Weir__ChannelCounters *c) {
	return json_pack("{so so sI so sI sb so so so so}", "pipeline", text_json(c->pipeline), "from",
		text_json(c->from), "from_index", (json_int_t)c->from_index, "to", text_json(c->to), "to_index",
		(json_int_t)c->to_index, "ring", (int)c->ring, "sent", number(c->sent), "received", number(c->received),
		"ring_size", number(c->ring_size), "ring_used", number(c->ring_used));
}

static void replace(json_t **kept, json_t *now) {
	json_decref(*kept);
	*kept = now;
}

static void take_remotes(struct node *node, const Weir__Heartbeat *beat) {
	if (node->remotes == NULL && beat->n_remotes > 0)
		node->remotes = calloc(1, sizeof(*node->remotes));
	if (node->remotes != NULL)
		remote_ends_take(node->remotes, beat);
}

void report_keep(struct node *node, const Weir__Heartbeat *beat) {
	// The beats with counters are those with the uplink's: a node may have no instances any more.
	if (beat->n_instances > 0 || beat->uplink != NULL) {
		json_t *operators = json_array(), *channels = json_array();
		for (size_t i = 0; i < beat->n_instances && i < NODE_INSTANCES_MAX; i++)
			json_array_append_new(operators, report_instance(beat->instances[i]));
		for (size_t i = 0; i < beat->n_channels && i < NODE_CHANNELS_MAX; i++)
			json_array_append_new(channels, report_channel(beat->channels[i]));
		group_loads_take(&node->groups, beat, clock_mono_ns());
		take_remotes(node, beat);
		replace(&node->operators, operators);
		replace(&node->channels, channels);
		replace(&node->pipelines, report_pipelines(beat));
		replace(&node->gone, json_pack("{so so}", "dropped", number(beat->gone_dropped), "lost_outside",
					     number(beat->gone_lost_outside)));
	}
	if (beat->uplink != NULL) {
		const Weir__UplinkCounters *u = beat->uplink;
		node_take_submitted(node, u->submitted);
		replace(&node->uplink,
			json_pack("{so so so so so so}", "submitted", number(u->submitted), "acknowledged",
				number(u->acknowledged), "resent", number(u->resent), "discarded", number(u->discarded),
				"queued", number(u->queued), "bytes", number(u->bytes)));
	}
}
