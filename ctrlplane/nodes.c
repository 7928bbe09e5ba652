// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/clock.h"
#include "ctrlplane/departed.h"
#include "ctrlplane/group_loads.h"
#include "ctrlplane/paths.h"
#include "ctrlplane/remote_ends.h"
#include "ctrlplane/text.h"
#include "ctrlplane/window.h"

const char *const node_state_names[] = {"up", "lost", "ended", NULL};

bool node_name_is_valid(const char *text) {
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t size = strlen(text);
	return size > 0 && size < NODE_NAME_SIZE && strspn(text, allowed) == size;
}

struct node *nodes_find(const struct nodes *nodes, const char *name) {
	for (size_t i = 0; i < nodes->length; i++)
		if (strcmp(nodes->list[i]->name, name) == 0)
			return nodes->list[i];
	return NULL;
}

struct node *nodes_find_peer(const struct nodes *nodes, const struct identity *peer) {
	for (size_t i = 0; i < nodes->length; i++)
		if (nodes->list[i]->commands.size > 0 && identity_equal(&nodes->list[i]->commands, peer))
			return nodes->list[i];
	return NULL;
}

void node_free(struct node *node) {
	if (node == NULL)
		return;
	window_free(node->window);
	history_free(node->history);
	free(node->losses);
	group_loads_free(node->groups);
	remote_ends_free(node->remotes);
	json_decref(node->operators);
	json_decref(node->channels);
	json_decref(node->pipelines);
	json_decref(node->gone);
	json_decref(node->uplink);
	json_decref(node->topology);
	free(node->series);
	free(node);
}

static int nodes_make_room(struct nodes *nodes) {
	size_t oldest = nodes->length;
	for (size_t i = 0; i < nodes->length; i++)
		if (nodes->list[i]->state != NODE_UP &&
			(oldest == nodes->length || nodes->list[i]->beat_ns < nodes->list[oldest]->beat_ns))
			oldest = i;
	if (oldest == nodes->length)
		return -ENOSPC;
	struct node *node = nodes->list[oldest];
	nodes->length--;
	memmove(nodes->list + oldest, nodes->list + oldest + 1, (nodes->length - oldest) * sizeof(*nodes->list));
	departed_take(nodes, node);
	return 0;
}

int node_new(struct node **out, struct nodes *nodes, const char *name) {
	struct node *node = calloc(1, sizeof(*node));
	if (node == NULL)
		return -ENOMEM;
	int err = window_new(&node->window, nodes->window_slots, nodes->interval_ns, nodes->window_entries);
	if (err == 0)
		err = history_new(&node->history);
	if (err != 0) {
		node_free(node);
		return err;
	}
	snprintf(node->name, sizeof(node->name), "%s", name);
	node->number = ++nodes->numbers;
	*out = node;
	return 0;
}

int nodes_obtain(struct nodes *nodes, const char *name, struct node **out) {
	*out = nodes_find(nodes, name);
	if (*out != NULL)
		return 0;
	if (nodes->list == NULL)
		nodes->list = calloc(nodes->max, sizeof(*nodes->list));
	if (nodes->list == NULL)
		return -ENOMEM;
	int err = 0;
	if (nodes->window == NULL)
		err = window_new(&nodes->window, nodes->window_slots, nodes->interval_ns,
			nodes->window_entries * NODES_WINDOW_FACTOR);
	if (err == 0 && nodes->length == nodes->max)
		err = nodes_make_room(nodes);
	if (err != 0)
		return err;
	err = node_new(out, nodes, name);
	if (err == 0)
		nodes->list[nodes->length++] = *out;
	return err;
}

void nodes_fini(struct nodes *nodes) {
	departed_fini(nodes);
	for (size_t i = 0; i < nodes->length; i++)
		node_free(nodes->list[i]);
	free(nodes->list);
	window_free(nodes->window);
	paths_free(nodes->paths);
	nodes->window = NULL;
	nodes->paths = NULL;
	nodes->list = NULL;
	nodes->length = 0;
}

void node_intervals_add(struct node_intervals *intervals, uint64_t from_ns, uint64_t to_ns, uint64_t count) {
	if (to_ns < from_ns)
		to_ns = from_ns;
	intervals->last[intervals->count++ % NODE_INTERVALS_MAX] =
		(struct node_interval){.from_ns = from_ns, .to_ns = to_ns, .count = count};
	intervals->duration_ns += to_ns - from_ns;
}

void node_series_give_up(struct node *node, struct series *series) {
	uint64_t lost = sequence_give_up(&series->sequence);
	if (lost > 0) {
		node->missing += lost;
		node_intervals_add(&node->gaps, series->hole_from_ns, series->hole_to_ns, lost);
	}
	series->hole_mono_ns = 0;
}

static void node_start_incarnation(struct node *node, uint64_t incarnation, uint64_t now_ns) {
	for (size_t i = 0; i < node->series_length; i++) {
		node_series_give_up(node, &node->series[i]);
		totals_add(&node->finished, &node->series[i].cumulative);
		if (node->incarnation == node->first_incarnation)
			totals_add(&node->first_finished, &node->series[i].cumulative);
	}
	node->series_length = 0;
	if (node->state == NODE_UP && node->incarnation != 0)
		node_lose(node);
	if (node->unknown_from_ns != 0)
		node_intervals_add(&node->unknown, node->unknown_from_ns, now_ns, 0);
	if (node->incarnation != 0)
		node->past[node->past_length++ % NODE_INTERVALS_MAX] = node->incarnation;
	node->incarnation = incarnation;
	node->incarnations++;
	node->summary_ns = node->told_ns = 0;
	node->is_elsewhen = node->was_punctual = false;
	node->behind_mono_ns = 0;
	if (node->first_incarnation == 0)
		node->first_incarnation = incarnation;
	window_restart(node->window);
	node->evaluated = 0;
	json_decref(node->operators);
	json_decref(node->channels);
	json_decref(node->pipelines);
	json_decref(node->gone);
	json_decref(node->uplink);
	node->operators = node->channels = node->pipelines = node->uplink = node->gone = NULL;
	group_loads_free(node->groups);
	node->groups = NULL;
	remote_ends_free(node->remotes);
	node->remotes = NULL;
}

bool node_is_past(const struct node *node, uint64_t incarnation) {
	for (uint64_t i = 0; i < node->past_length && i < NODE_INTERVALS_MAX; i++)
		if (node->past[i] == incarnation)
			return true;
	return false;
}

static json_t *node_topology(const Weir__Register *message) {
	json_t *operators = json_array(), *streams = json_array();
	for (size_t i = 0; i < message->n_operators && i < NODE_INSTANCES_MAX; i++) {
		const Weir__Operator *op = message->operators[i];
		json_array_append_new(operators,
			json_pack("{so so so sI}", "pipeline", text_json(op->pipeline), "name", text_json(op->name),
				"type", text_json(op->type), "parallelism", (json_int_t)op->parallelism));
	}
	for (size_t i = 0; i < message->n_streams && i < NODE_CHANNELS_MAX; i++) {
		const Weir__Stream *stream = message->streams[i];
		json_array_append_new(streams, json_pack("{so so so so}", "pipeline", text_json(stream->pipeline),
						       "from", text_json(stream->from), "to", text_json(stream->to),
						       "grouping", text_json(stream->grouping)));
	}
	return json_pack("{so so}", "operators", operators, "streams", streams);
}

void node_register(struct node *node, const Weir__Register *message, const struct identity *peer, uint64_t now_ns) {
	if (node->incarnation != message->incarnation || node->commands.size == 0)
		node->had_controller = message->epoch > 0;
	if (node->incarnation != message->incarnation)
		node_start_incarnation(node, message->incarnation, now_ns);
	if (node->first_incarnation == 0)
		node->first_incarnation = message->incarnation;
	text_copy(node->host, sizeof(node->host), message->host);
	text_copy(node->version, sizeof(node->version), message->weir_version);
	node->pid = message->pid;
	node->workers = message->workers;
	node->commands = *peer;
	// The node may have forgotten nothing but its connection: acknowledge again.
	for (size_t i = 0; i < node->series_length; i++)
		node->series[i].acknowledged = 0;
	node->registered_ns = now_ns;
	json_decref(node->topology);
	node->topology = node_topology(message);
	node_beat(node, now_ns, clock_mono_ns());
}

bool node_beat(struct node *node, uint64_t now_ns, uint64_t mono_ns) {
	bool was_away = node->state != NODE_UP;
	node->state = NODE_UP;
	node->unknown_from_ns = 0;
	node->beat_ns = now_ns;
	node->beat_mono_ns = mono_ns;
	node->missed = 0;
	return was_away;
}

uint64_t node_counted(const struct node *node, const char *counter) {
	uint64_t sum = (uint64_t)json_integer_value(json_object_get(node->gone, counter));
	size_t i;
	json_t *instance;
	json_array_foreach(node->operators, i, instance) sum +=
		(uint64_t)json_integer_value(json_object_get(instance, counter));
	return sum;
}

void node_take_submitted(struct node *node, uint64_t submitted) {
	uint64_t taken = 0;
	for (size_t i = 0; i < node->series_length; i++)
		taken += node->series[i].sequence.contiguous;
	if (taken == submitted)
		node->told_ns = node->beat_ns;
}

void node_lose(struct node *node) {
	node->state = NODE_LOST;
	// Of a live source the counters are known up to the end of the last summary; a capture's time says nothing.
	uint64_t end_ns = 0, longest_ns = NS_PER_S;
	for (size_t i = 0; i < node->series_length; i++) {
		if (node->series[i].end_ns > end_ns)
			end_ns = node->series[i].end_ns;
		if (node->series[i].longest_ns > longest_ns)
			longest_ns = node->series[i].longest_ns;
	}
	bool is_live = end_ns >= node->registered_ns && end_ns <= node->beat_ns;
	// A silent source has no summaries: what had happened two intervals before a beat, they told by then.
	uint64_t late_ns = 2 * longest_ns + NODE_TELL_MS * NS_PER_MS;
	if (is_live && node->told_ns > end_ns + late_ns)
		end_ns = node->told_ns - late_ns;
	node->unknown_from_ns = is_live ? end_ns : node->beat_ns;
}

bool node_check(struct node *node, uint64_t mono_ns) {
	if (node->state != NODE_UP)
		return false;
	uint64_t silent_ns = mono_ns > node->beat_mono_ns ? mono_ns - node->beat_mono_ns : 0;
	node->missed = silent_ns / (NODE_BEAT_MS * NS_PER_MS);
	if (node->missed < NODE_BEATS_MISSED)
		return false;
	node_lose(node);
	return true;
}

void node_end(struct node *node) {
	node->state = NODE_ENDED;
	node->unknown_from_ns = 0;
	node->missed = 0;
}

struct series *node_series(struct node *node, const char *pipeline, const char *operator, uint32_t instance) {
	for (size_t i = 0; i < node->series_length; i++) {
		struct series *series = &node->series[i];
		if (series->instance == instance && strcmp(series->pipeline, pipeline) == 0 &&
			strcmp(series->operator, operator) == 0)
			return series;
	}
	if (node->series_length == NODE_SERIES_MAX || !node_name_is_valid(pipeline) || !node_name_is_valid(operator))
		return NULL;
	struct series *grown = realloc(node->series, (node->series_length + 1) * sizeof(*grown));
	if (grown == NULL)
		return NULL;
	node->series = grown;
	struct series *series = &grown[node->series_length++];
	memset(series, 0, sizeof(*series));
	snprintf(series->pipeline, sizeof(series->pipeline), "%s", pipeline);
	snprintf(series->operator, sizeof(series->operator), "%s", operator);
	series->instance = instance;
	return series;
}

void node_totals(const struct node *node, struct totals *out) {
	*out = node->finished;
	for (size_t i = 0; i < node->series_length; i++)
		totals_add(out, &node->series[i].cumulative);
}

uint64_t node_flows_live(const struct node *node) {
	if (node->state != NODE_UP)
		return 0;
	struct totals now = {0};
	for (size_t i = 0; i < node->series_length; i++)
		totals_add(&now, &node->series[i].cumulative);
	uint64_t started = now.v[TOTALS_FLOWS_STARTED], ended = now.v[TOTALS_FLOWS_ENDED];
	return started > ended ? started - ended : 0;
}

uint64_t node_unknown_ns(const struct node *node, uint64_t now_ns) {
	uint64_t open_ns =
		node->unknown_from_ns != 0 && now_ns > node->unknown_from_ns ? now_ns - node->unknown_from_ns : 0;
	return node->unknown.duration_ns + open_ns;
}
