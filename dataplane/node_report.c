// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/latency.h"
#include "dataplane/node_gone.h"
#include "dataplane/node_move.h"
#include "dataplane/node_set.h"
#include "dataplane/switch/link_beat.h"

// A controller takes messages of up to 1 MiB; what else is in a heartbeat, and the last part added, need far less than
// the rest of that.
enum { REPORT_SIZE_MAX = 896 << 10 };

// The lists of a message are arrays of pointers; protobuf_c_message_free_unpacked frees both.
static void **new_list(size_t count) {
	return calloc(count > 0 ? count : 1, sizeof(void *));
}

static Weir__Operator *describe_operator(const struct operator *op) {
	Weir__Operator *message = malloc(sizeof(*message));
	if (message == NULL)
		return NULL;
	weir__operator__init(message);
	message->pipeline = strdup(op->pipeline);
	message->name = strdup(op->name);
	message->type = strdup(op->type->name);
	message->parallelism = op->instance_count;
	return message;
}

static Weir__Stream *describe_stream(const struct pipeline *pipeline, const struct pipeline_stream *stream) {
	Weir__Stream *message = malloc(sizeof(*message));
	if (message == NULL)
		return NULL;
	weir__stream__init(message);
	message->pipeline = strdup(pipeline->name);
	message->from = strdup(pipeline->operators[stream->from].name);
	message->to = strdup(pipeline->operators[stream->to].name);
	message->grouping = strdup(grouping_names[stream->grouping]);
	return message;
}

static void describe_pipelines(const struct node *node, Weir__Register *message) {
	message->operators = (Weir__Operator **)new_list(node->plan->operator_count);
	for (unsigned i = 0; message->operators != NULL && i < node->plan->operator_count; i++) {
		Weir__Operator *op = describe_operator(node->operators[i]);
		if (op != NULL)
			message->operators[message->n_operators++] = op;
	}
	unsigned streams = 0;
	const struct node_config *config = node->plan->config;
	for (unsigned i = 0; i < config->pipeline_count; i++)
		streams += config->pipelines[i].stream_count;
	message->streams = (Weir__Stream **)new_list(streams);
	for (unsigned i = 0; message->streams != NULL && i < config->pipeline_count; i++) {
		const struct pipeline *pipeline = &config->pipelines[i];
		for (unsigned j = 0; j < pipeline->stream_count; j++) {
			Weir__Stream *stream = describe_stream(pipeline, &pipeline->streams[j]);
			if (stream != NULL)
				message->streams[message->n_streams++] = stream;
		}
	}
}

// Name and incarnation are the uplink's own to fill in.
static void describe(void *context, Weir__Register *message) {
	struct node *node = context;
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	message->host = strdup(host);
	message->pid = (uint32_t)getpid();
	message->weir_version = strdup(WEIR_VERSION);
	message->workers = node->worker_count;
	pthread_mutex_lock(&node->plan_lock);
	describe_pipelines(node, message);
	pthread_mutex_unlock(&node->plan_lock);
}

// Values by name; names end with NULL.
static size_t list_named(const char *const *names, const uint64_t *values, Weir__Named ***out) {
	size_t count = 0, filled = 0;
	while (names != NULL && names[count] != NULL)
		count++;
	Weir__Named **list = (Weir__Named **)new_list(count);
	for (size_t i = 0; list != NULL && i < count; i++) {
		Weir__Named *named = malloc(sizeof(*named));
		if (named == NULL)
			break;
		weir__named__init(named);
		named->name = strdup(names[i]);
		named->value = values[i];
		list[filled++] = named;
	}
	*out = list;
	return filled;
}

static void tell_latency(const struct instance *instance, Weir__InstanceCounters *message) {
	uint8_t packed[HISTOGRAM_PACKED_MAX];
	struct histogram histogram;
	if (instance->latency == NULL)
		return;
	latency_take(instance->latency, &histogram);
	size_t size = histogram_pack(&histogram, HISTOGRAM_RESOLUTION_MAX, packed, sizeof(packed));
	if (size == 0)
		return;
	message->latency.data = malloc(size);
	if (message->latency.data == NULL)
		return;
	message->latency.len = size;
	memcpy(message->latency.data, packed, size);
}

static Weir__InstanceCounters *measure_instance(const struct node *node, unsigned index) {
	const struct instance *instance = node->instances[index];
	const struct snapshot *snapshot = &node->snapshots[index];
	const struct counters counters = snapshot_counters(snapshot);
	Weir__InstanceCounters *message = malloc(sizeof(*message));
	if (message == NULL)
		return NULL;
	weir__instance_counters__init(message);
	message->pipeline = strdup(instance->op->pipeline);
	message->operator_ = strdup(instance->op->name);
	message->index = instance->index;
	message->worker = instance->worker;
	message->in = counters.in;
	message->forwarded = counters.forwarded;
	message->absorbed = counters.absorbed;
	message->created = counters.created;
	message->out = counters.out;
	message->held = counters.held;
	message->blocked = counters.blocked;
	message->lost_outside = counters.lost_outside;
	message->in_bytes = counters.in_bytes;
	message->watermark_ns = snapshot->watermark_ns;
	tell_latency(instance, message);
	message->n_drops = list_named(instance->type->drops, counters.drops, &message->drops);
	message->n_gauges = list_named(instance->type->gauges, snapshot->gauges, &message->gauges);
	return message;
}

static Weir__ChannelCounters *measure_channel(const struct node *node, const struct channel_ring *channel) {
	const struct instance *from = node->instances[channel->channel->from];
	const struct instance *to = node->instances[channel->channel->to];
	Weir__ChannelCounters *message = malloc(sizeof(*message));
	if (message == NULL)
		return NULL;
	weir__channel_counters__init(message);
	message->pipeline = strdup(from->op->pipeline);
	message->from = strdup(from->op->name);
	message->from_index = from->index;
	message->to = strdup(to->op->name);
	message->to_index = to->index;
	message->ring = channel->ring != NULL;
	if (channel->ring != NULL) {
		message->received = atomic_load(&channel->ring->received);
		message->sent = atomic_load(&channel->ring->sent);
		message->ring_size = channel->ring->size;
		message->ring_used = ring_used(channel->ring);
	} else {
		message->sent = message->received = channel->target->called_snapshot;
	}
	return message;
}

// Whether a part of that size still goes into a report that has `*size` bytes; if so they are counted.
static bool fits(size_t *size, size_t part) {
	enum { TAG_AND_LENGTH = 1 + 3 };
	if (*size + part + TAG_AND_LENGTH > REPORT_SIZE_MAX)
		return false;
	*size += part + TAG_AND_LENGTH;
	return true;
}

static void measure_instances(const struct node *node, Weir__Heartbeat *message, size_t *size) {
	message->instances = (Weir__InstanceCounters **)new_list(node->plan->instance_count);
	for (unsigned i = 0; message->instances != NULL && i < node->plan->instance_count; i++) {
		Weir__InstanceCounters *instance = measure_instance(node, i);
		if (instance == NULL)
			return;
		message->instances[message->n_instances++] = instance;
		if (!fits(size, weir__instance_counters__get_packed_size(instance)))
			return;
	}
}

//   waiting  those in which tuples wait, or the others
static void measure_channels(const struct node *node, Weir__Heartbeat *message, bool waiting, size_t *size) {
	for (unsigned i = 0; message->channels != NULL && i < node->plan->channel_count; i++) {
		const struct ring *ring = node->channels[i].ring;
		if ((ring != NULL && ring_used(ring) > 0) != waiting)
			continue;
		Weir__ChannelCounters *channel = measure_channel(node, &node->channels[i]);
		if (channel == NULL)
			return;
		message->channels[message->n_channels++] = channel;
		if (!fits(size, weir__channel_counters__get_packed_size(channel)))
			return;
	}
}

static void measure_groups(const struct node *node, Weir__Heartbeat *message, size_t *size) {
	message->groups = (Weir__GroupLoads **)new_list(node->plan->operator_count);
	for (unsigned i = 0; message->groups != NULL && i < node->plan->operator_count; i++) {
		Weir__GroupLoads *loads = node_move_measure(node, i);
		if (loads == NULL)
			continue;
		message->groups[message->n_groups++] = loads;
		if (!fits(size, weir__group_loads__get_packed_size(loads)))
			return;
	}
}

static void measure_gone(const struct node *node, Weir__Heartbeat *message) {
	struct counters gone = {.in = 0};
	node_gone_sum(node, NULL, &gone);
	for (unsigned i = 0; i < OPERATOR_DROPS_MAX; i++)
		message->gone_dropped += gone.drops[i];
	message->gone_lost_outside = gone.lost_outside;
}

static void measure_remotes(const struct node *node, Weir__Heartbeat *message, size_t *size) {
	size_t length;
	message->remotes = link_beat_measure(node->links, &length);
	while (message->n_remotes < length &&
		fits(size, weir__remote_end__get_packed_size(message->remotes[message->n_remotes])))
		message->n_remotes++;
	for (size_t i = message->n_remotes; i < length; i++)
		weir__remote_end__free_unpacked(message->remotes[i], NULL);
}

// Every channel of a hundred workers with each other is more than a message may hold: those that wait come first.
static void measure(void *context, Weir__Heartbeat *message) {
	struct node *node = context;
	size_t size = 0;
	pthread_mutex_lock(&node->plan_lock);
	node_snapshot_begin(node);
	measure_instances(node, message, &size);
	measure_gone(node, message);
	// Twice the length: a ring may come to be used, or emptied, between the two passes.
	message->channels = (Weir__ChannelCounters **)new_list(2 * (size_t)node->plan->channel_count);
	measure_channels(node, message, true, &size);
	measure_channels(node, message, false, &size);
	node_snapshot_end(node);
	measure_groups(node, message, &size);
	measure_remotes(node, message, &size);
	pthread_mutex_unlock(&node->plan_lock);
}

static uint64_t count_changes(void *context) {
	const struct node *node = context;
	return atomic_load(&node->plan_changes);
}

struct uplink_source node_report_source(struct node *node) {
	return (struct uplink_source){.context = node,
		.describe = describe,
		.measure = measure,
		.count_changes = count_changes,
		.execute = node_execute};
}

// Sum one operator's counters over its instances.
static struct counters sum_operator(const struct node *node, const struct plan_operator *planned) {
	struct counters sum = {.in = 0};
	node_gone_sum(node, node->operators[planned - node->plan->operators], &sum);
	for (unsigned i = 0; i < planned->instance_count; i++) {
		const struct counters counters = snapshot_counters(&node->snapshots[planned->first_instance + i]);
		counters_add(&sum, &counters);
	}
	return sum;
}

static void print_losses(const struct operator *op, const struct counters *counters, FILE *out) {
	const char *lead = "";
	if (counters->lost_outside > 0)
		fprintf(out, "; %s: %" PRIu64 " lost before capture", op->name, counters->lost_outside);
	for (unsigned d = 0; op->type->drops != NULL && op->type->drops[d] != NULL; d++) {
		if (counters->drops[d] == 0)
			continue;
		if (*lead == '\0')
			fprintf(out, "; %s dropped ", op->name);
		fprintf(out, "%s%s %" PRIu64, lead, op->type->drops[d], counters->drops[d]);
		lead = ", ";
	}
}

void node_report_summary(struct node *node, FILE *out) {
	uint64_t packets = 0, bytes = 0;
	char *text = NULL;
	size_t size = 0;
	FILE *rest = open_memstream(&text, &size);
	if (rest == NULL)
		return;
	node_snapshot_begin(node);
	for (unsigned i = 0; i < node->plan->operator_count; i++) {
		const struct operator *op = node->operators[i];
		struct counters sum = sum_operator(node, &node->plan->operators[i]);
		if (op->type->poll != NULL) {
			packets += sum.in;
			bytes += sum.in_bytes;
		} else if (op->type->outputs == NULL) {
			fprintf(rest, "; %" PRIu64 " records to %s", sum.absorbed, op->name);
		}
		print_losses(op, &sum, rest);
	}
	node_snapshot_end(node);
	uint64_t copies = atomic_load(&node->copies_failed), records = atomic_load(&node->records_failed);
	if (copies + records > 0)
		fprintf(rest, "; for want of memory %" PRIu64 " copies of packets and %" PRIu64 " records were lost",
			copies, records);
	fclose(rest);
	double seconds = (double)(clock_monotonic_ns() - node->started_ns) * 1e-9;
	bool is_small = bytes < 1000000;
	fprintf(out, "weir-dataplane: %" PRIu64 " packets, %.1f %s in %.2f s%s\n", packets,
		(double)bytes * (is_small ? 1e-3 : 1e-6), is_small ? "kB" : "MB", seconds, text != NULL ? text : "");
	free(text);
}
