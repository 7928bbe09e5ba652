// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/telemetry.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_telemetry.h>

#include "dataplane/latency.h"
#include "dataplane/node_move.h"
#include "dataplane/switch/link_report.h"

// Telemetry's handlers run on its own thread and carry no context.
static struct node *served;
static pthread_mutex_t served_lock = PTHREAD_MUTEX_INITIALIZER;

static int parse_index(const char *parameters, unsigned count) {
	char *end = NULL;
	if (parameters == NULL || *parameters == '\0')
		return -EINVAL;
	unsigned long index = strtoul(parameters, &end, 10);
	return *end == '\0' && index < count ? (int)index : -EINVAL;
}

static int answer_info(const char *command, const char *parameters, struct rte_tel_data *data) {
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "node", served->name);
	rte_tel_data_add_dict_string(data, "version", WEIR_VERSION);
	rte_tel_data_add_dict_u64(data, "incarnation", served->incarnation);
	rte_tel_data_add_dict_u64(data, "workers", served->worker_count);
	rte_tel_data_add_dict_u64(data, "plan_version", served->plan->version);
	rte_tel_data_add_dict_u64(data, "instances", served->plan->instance_count);
	rte_tel_data_add_dict_u64(data, "channels", served->plan->channel_count);
	rte_tel_data_add_dict_u64(data, "stopping", atomic_load(&served->stopping));
	rte_tel_data_add_dict_u64(data, "copies_failed", atomic_load(&served->copies_failed));
	rte_tel_data_add_dict_u64(data, "records_failed", atomic_load(&served->records_failed));
	return 0;
}

// An array holds RTE_TEL_MAX_ARRAY_ENTRIES at most; how many there are in all stands in /weir/info.
static int answer_numbers(struct rte_tel_data *data, unsigned count) {
	rte_tel_data_start_array(data, RTE_TEL_INT_VAL);
	for (unsigned i = 0; i < count; i++)
		rte_tel_data_add_array_int(data, (int)i);
	return 0;
}

static int answer_instances(const char *command, const char *parameters, struct rte_tel_data *data) {
	return answer_numbers(data, served->plan->instance_count);
}

static int answer_channels(const char *command, const char *parameters, struct rte_tel_data *data) {
	return answer_numbers(data, served->plan->channel_count);
}

static void add_named(struct rte_tel_data *data, const char *prefix, const char *const *names, const uint64_t *values) {
	for (unsigned i = 0; names != NULL && names[i] != NULL; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s%s", prefix, names[i]);
		rte_tel_data_add_dict_u64(data, name, values[i]);
	}
}

static int answer_instance(const char *command, const char *parameters, struct rte_tel_data *data) {
	int index = parse_index(parameters, served->plan->instance_count);
	if (index < 0)
		return index;
	node_snapshot_begin(served);
	const struct instance *instance = served->instances[index];
	const struct snapshot *snapshot = &served->snapshots[index];
	const struct counters counters = snapshot_counters(snapshot);
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "pipeline", instance->op->pipeline);
	rte_tel_data_add_dict_string(data, "operator", instance->op->name);
	rte_tel_data_add_dict_string(data, "type", instance->type->name);
	rte_tel_data_add_dict_u64(data, "index", instance->index);
	rte_tel_data_add_dict_u64(data, "worker", instance->worker);
	rte_tel_data_add_dict_u64(data, "in", counters.in);
	rte_tel_data_add_dict_u64(data, "forwarded", counters.forwarded);
	rte_tel_data_add_dict_u64(data, "absorbed", counters.absorbed);
	rte_tel_data_add_dict_u64(data, "created", counters.created);
	rte_tel_data_add_dict_u64(data, "out", counters.out);
	rte_tel_data_add_dict_u64(data, "held", counters.held);
	rte_tel_data_add_dict_u64(data, "blocked", counters.blocked);
	rte_tel_data_add_dict_u64(data, "lost_outside", counters.lost_outside);
	rte_tel_data_add_dict_u64(data, "in_bytes", counters.in_bytes);
	rte_tel_data_add_dict_u64(data, "watermark_ns", snapshot->watermark_ns);
	rte_tel_data_add_dict_u64(data, "finished", snapshot->finished);
	add_named(data, "drop_", instance->type->drops, counters.drops);
	add_named(data, "gauge_", instance->type->gauges, snapshot->gauges);
	node_snapshot_end(served);
	return 0;
}

static int answer_latency(const char *command, const char *parameters, struct rte_tel_data *data) {
	_Static_assert((int)HISTOGRAM_BUCKETS <= (int)RTE_TEL_MAX_ARRAY_ENTRIES, "an answer has all buckets");
	int index = parse_index(parameters, served->plan->instance_count);
	if (index < 0)
		return index;
	const struct latency *latency = served->instances[index]->latency;
	rte_tel_data_start_array(data, RTE_TEL_U64_VAL);
	for (unsigned i = 0; latency != NULL && i < HISTOGRAM_BUCKETS; i++)
		rte_tel_data_add_array_u64(data, __atomic_load_n(&latency->counts[i], __ATOMIC_RELAXED));
	return 0;
}

static void add_end(struct rte_tel_data *data, const char *name, const struct instance *instance) {
	char text[128];
	snprintf(text, sizeof(text), "%s[%u]", instance->op->name, instance->index);
	rte_tel_data_add_dict_string(data, name, text);
}

static int answer_channel(const char *command, const char *parameters, struct rte_tel_data *data) {
	int index = parse_index(parameters, served->plan->channel_count);
	if (index < 0)
		return index;
	node_snapshot_begin(served);
	const struct channel_ring *channel = &served->channels[index];
	const struct ring *ring = channel->ring;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "kind", ring != NULL ? "ring" : "call");
	add_end(data, "from", served->instances[channel->channel->from]);
	add_end(data, "to", served->instances[channel->channel->to]);
	uint64_t called = channel->target->called_snapshot;
	rte_tel_data_add_dict_u64(data, "received", ring != NULL ? atomic_load(&channel->ring->received) : called);
	rte_tel_data_add_dict_u64(data, "sent", ring != NULL ? atomic_load(&channel->ring->sent) : called);
	if (ring != NULL) {
		rte_tel_data_add_dict_u64(data, "ring_size", ring->size);
		rte_tel_data_add_dict_u64(data, "ring_used", ring_used(ring));
	}
	node_snapshot_end(served);
	return 0;
}

// What a function prints, line by line.
static int answer_lines(struct rte_tel_data *data, void (*print)(const struct node *node, FILE *out)) {
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		return -ENOMEM;
	print(served, out);
	fclose(out);
	rte_tel_data_start_array(data, RTE_TEL_STRING_VAL);
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0')
			rte_tel_data_add_array_string(data, line);
	free(text);
	return 0;
}

static void print_plan(const struct node *node, FILE *out) {
	plan_print(node->plan, out);
}

static int answer_plan(const char *command, const char *parameters, struct rte_tel_data *data) {
	return answer_lines(data, print_plan);
}

static int answer_groups(const char *command, const char *parameters, struct rte_tel_data *data) {
	return answer_lines(data, node_move_print_owners);
}

static int answer_moves(const char *command, const char *parameters, struct rte_tel_data *data) {
	const struct move_figures *figures = &served->moves;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "moves", figures->moves);
	rte_tel_data_add_dict_u64(data, "groups", figures->groups);
	rte_tel_data_add_dict_u64(data, "called_off", figures->called_off);
	rte_tel_data_add_dict_u64(data, "held", figures->held);
	rte_tel_data_add_dict_u64(data, "pause_p50_ns", histogram_quantile(&figures->pauses, 0.5));
	rte_tel_data_add_dict_u64(data, "pause_p99_ns", histogram_quantile(&figures->pauses, 0.99));
	rte_tel_data_add_dict_u64(data, "pause_max_ns", figures->pause_max_ns);
	return 0;
}

static int answer_links(const char *command, const char *parameters, struct rte_tel_data *data) {
	return link_report(served->links, data);
}

static int answer_remote_channels(const char *command, const char *parameters, struct rte_tel_data *data) {
	return answer_numbers(data, link_report_count(served->links));
}

static int answer_remote_channel(const char *command, const char *parameters, struct rte_tel_data *data) {
	int index = parse_index(parameters, link_report_count(served->links));
	if (index >= 0)
		link_report_channel(served->links, (unsigned)index, data);
	return index < 0 ? index : 0;
}

static const struct command {
	const char *path, *help;
	telemetry_cb answer;
} commands[] = {
	{"/weir/info", "The node: name, version, workers, plan", answer_info},
	{"/weir/instances", "Numbers of all instances", answer_instances},
	{"/weir/instance", "Counters of one instance. Parameter: its number", answer_instance},
	{"/weir/latency",
		"Tuples that ended at one instance, by how long they took: bucket by bucket (api/histogram.h). "
		"Parameter: its number",
		answer_latency},
	{"/weir/channels", "Numbers of all channels", answer_channels},
	{"/weir/channel", "What one channel carried. Parameter: its number", answer_channel},
	{"/weir/links", "Whether links to other nodes are encrypted, and who was refused, by reason", answer_links},
	{"/weir/remote_channels", "Numbers of the channels to and from other nodes", answer_remote_channels},
	{"/weir/remote_channel", "What one of those carried, and its queue here. Parameter: its number",
		answer_remote_channel},
	{"/weir/plan", "The plan the workers follow, line by line", answer_plan},
	{"/weir/groups", "Who owns which key groups, line by line", answer_groups},
	{"/weir/moves", "What moves of key groups came to: how many, and how long they paused a group", answer_moves},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

// Every command passes here: no handler runs once the node has left.
static int answer(const char *path, const char *parameters, struct rte_tel_data *data) {
	int rc = -ENOENT;
	pthread_mutex_lock(&served_lock);
	if (served != NULL)
		pthread_mutex_lock(&served->plan_lock);
	for (unsigned i = 0; served != NULL && i < COMMANDS; i++)
		if (strcmp(commands[i].path, path) == 0)
			rc = commands[i].answer(path, parameters, data);
	if (served != NULL)
		pthread_mutex_unlock(&served->plan_lock);
	pthread_mutex_unlock(&served_lock);
	return rc;
}

int telemetry_init(struct node *node) {
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < COMMANDS; i++)
		rc = rte_telemetry_register_cmd(commands[i].path, answer, commands[i].help);
	pthread_mutex_lock(&served_lock);
	served = rc == 0 ? node : NULL;
	pthread_mutex_unlock(&served_lock);
	return rc;
}

void telemetry_fini(void) {
	pthread_mutex_lock(&served_lock);
	served = NULL;
	pthread_mutex_unlock(&served_lock);
}
