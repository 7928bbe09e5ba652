// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/latency.h"
#include "dataplane/node_abandon.h"
#include "dataplane/node_gone.h"
#include "dataplane/node_pools.h"

void *aligned_zeros(size_t size) {
	size = RTE_ALIGN_CEIL(size > 0 ? size : 1, RTE_CACHE_LINE_SIZE);
	void *memory = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (memory != NULL)
		memset(memory, 0, size);
	return memory;
}

struct node_parts node_parts_of(const struct node *node) {
	return (struct node_parts){
		.plan = node->plan,
		.operators = node->operators,
		.instances = node->instances,
		.snapshots = node->snapshots,
		.channels = node->channels,
		.schedules = node->schedules,
	};
}

// Of what stays: what its plan says of it.
static void describe(const struct node_parts *parts) {
	const struct plan *plan = parts->plan;
	for (unsigned i = 0; i < plan->operator_count; i++) {
		const struct plan_operator *planned = &plan->operators[i];
		struct operator *op = parts->operators[i];
		op->has_live_source = pipeline_has_live_source(&plan->config->pipelines[planned->pipeline]);
		op->instances = &parts->instances[planned->first_instance];
		op->instance_count = planned->instance_count;
	}
	for (unsigned i = 0; i < plan->instance_count; i++)
		parts->instances[i]->worker = plan->instances[i].worker;
}

void node_parts_put(struct node *node, const struct node_parts *parts) {
	pthread_mutex_lock(&node->move_lock);
	describe(parts);
	node->operators = parts->operators;
	node->instances = parts->instances;
	node->snapshots = parts->snapshots;
	node->channels = parts->channels;
	node->schedules = parts->schedules;
	node->operator_count = parts->plan->operator_count;
	node->instance_count = parts->plan->instance_count;
	pthread_mutex_unlock(&node->move_lock);
}

struct operator *node_parts_find(const struct node_parts *parts, const char *pipeline, const char *name) {
	for (unsigned i = 0; parts->operators != NULL && i < parts->plan->operator_count; i++) {
		struct operator *op = parts->operators[i];
		if (op != NULL && strcmp(op->pipeline, pipeline) == 0 && strcmp(op->name, name) == 0)
			return op;
	}
	return NULL;
}

bool node_parts_have(const struct node_parts *parts, const struct operator *op) {
	for (unsigned i = 0; parts->operators != NULL && i < parts->plan->operator_count; i++)
		if (parts->operators[i] == op)
			return true;
	return false;
}

bool node_parts_have_instance(const struct node_parts *parts, const struct instance *instance) {
	for (unsigned i = 0; parts->instances != NULL && i < parts->plan->instance_count; i++)
		if (parts->instances[i] == instance)
			return true;
	return false;
}

bool node_parts_have_ring(const struct node_parts *parts, const struct ring *ring) {
	for (unsigned i = 0; parts->channels != NULL && i < parts->plan->channel_count; i++)
		if (parts->channels[i].ring == ring)
			return true;
	return false;
}

static int allocate(struct node_parts *parts) {
	const struct plan *plan = parts->plan;
	parts->operators = calloc(plan->operator_count + 1, sizeof(struct operator *));
	parts->instances = calloc(plan->instance_count + 1, sizeof(struct instance *));
	parts->snapshots = calloc(plan->instance_count + 1, sizeof(*parts->snapshots));
	parts->channels = calloc(plan->channel_count + 1, sizeof(*parts->channels));
	parts->schedules = calloc(plan->worker_count, sizeof(*parts->schedules));
	bool is_complete = parts->operators != NULL && parts->instances != NULL && parts->snapshots != NULL &&
			   parts->channels != NULL && parts->schedules != NULL;
	return is_complete ? 0 : -ENOMEM;
}

// Of which inputs the hashes are those of the operator's key (schedule.c).
static void describe_keys(
	struct operator *op, const struct pipeline *pipeline, const struct pipeline_operator *config) {
	const char *names[GROUPING_KEY_MAX];
	for (unsigned i = 0; i < operator_type_input_count(config->type); i++)
		op->keyed_inputs |= (uint32_t)(pipeline_operator_key(config, i, names) > 0) << i;
	for (unsigned i = 0; i < pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &pipeline->streams[i];
		if (&pipeline->operators[stream->to] == config && stream->symmetric)
			op->symmetric_inputs |= UINT32_C(1) << stream->input;
	}
}

// An operator may ask in its init who listens: routes there are when its worker comes to it.
static void count_listeners(
	struct instance *instance, const struct pipeline *pipeline, const struct pipeline_operator *config) {
	for (unsigned i = 0; i < pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &pipeline->streams[i];
		instance->outputs[stream->output].route_count += &pipeline->operators[stream->from] == config;
	}
}

static int make_instance(
	struct node_parts *parts, struct operator *op, const struct plan_operator *planned, unsigned index) {
	const struct plan *plan = parts->plan;
	unsigned number = planned->first_instance + index;
	struct instance *instance = aligned_zeros(sizeof(*instance));
	parts->instances[number] = instance;
	if (instance == NULL)
		return -ENOMEM;
	*instance = (struct instance){
		.type = op->type,
		.op = op,
		.index = index,
		.worker = plan->instances[number].worker,
		.options = op->options,
	};
	bool ends_tuples = op->type->poll == NULL && !op->type->leads_on;
	if (ends_tuples && (instance->latency = calloc(1, sizeof(*instance->latency))) == NULL)
		return -ENOMEM;
	count_listeners(instance, &plan->config->pipelines[planned->pipeline], plan_operator_config(plan, planned));
	return 0;
}

// Those that there are not yet.
static int make_instances(struct node_parts *parts, struct operator *op, const struct plan_operator *planned) {
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < planned->instance_count; i++)
		if (parts->instances[planned->first_instance + i] == NULL)
			rc = make_instance(parts, op, planned, i);
	return rc;
}

static int make_operator(struct node_parts *parts, struct node *node, unsigned number) {
	const struct plan *plan = parts->plan;
	const struct plan_operator *planned = &plan->operators[number];
	const struct pipeline *pipeline = &plan->config->pipelines[planned->pipeline];
	const struct pipeline_operator *config = plan_operator_config(plan, planned);
	struct operator *op = calloc(1, sizeof(*op));
	parts->operators[number] = op;
	if (op == NULL)
		return -ENOMEM;
	*op = (struct operator){
		.type = config->type,
		.name = config->name,
		.pipeline = pipeline->name,
		.options = config->options,
		.input = config->inputs[0],
		.inputs = config->inputs,
		.outputs = config->outputs,
		.instance_count = planned->instance_count,
		.began_with = planned->instance_count,
		.instances = &parts->instances[planned->first_instance],
		.is_restored = node->is_restored,
		.node = node,
	};
	describe_keys(op, pipeline, config);
	op->has_live_source = pipeline_has_live_source(pipeline);
	return make_instances(parts, op, planned);
}

// An operator that there is, with as many of its instances as are to go on.
static int take_operator(struct node_parts *parts, const struct node_parts *old, struct operator *op,
	const struct plan_operator *planned) {
	for (unsigned i = 0; i < old->plan->instance_count; i++)
		if (old->instances[i]->op == op && old->instances[i]->index < planned->instance_count)
			parts->instances[planned->first_instance + old->instances[i]->index] = old->instances[i];
	return make_instances(parts, op, planned);
}

static int make_operators(struct node_parts *parts, struct node *node, const struct node_parts *old) {
	const struct plan *plan = parts->plan;
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < plan->operator_count; i++) {
		const struct plan_operator *planned = &plan->operators[i];
		parts->operators[i] = node_parts_find(old, plan->config->pipelines[planned->pipeline].name,
			plan_operator_config(plan, planned)->name);
		rc = parts->operators[i] != NULL ? take_operator(parts, old, parts->operators[i], planned)
						 : make_operator(parts, node, i);
	}
	return rc;
}

static bool is_same_channel(const struct node_parts *a, unsigned i, const struct node_parts *b, unsigned j) {
	const struct plan_channel *one = &a->plan->channels[i], *other = &b->plan->channels[j];
	const struct pipeline_stream *from = plan_channel_stream(a->plan, one);
	const struct pipeline_stream *to = plan_channel_stream(b->plan, other);
	return a->instances[one->from] == b->instances[other->from] &&
	       a->instances[one->to] == b->instances[other->to] && from->output == to->output &&
	       from->input == to->input;
}

static int make_rings(struct node_parts *parts, const struct node_parts *old) {
	const struct plan *plan = parts->plan;
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < plan->channel_count; i++) {
		struct channel_ring *channel = &parts->channels[i];
		channel->channel = &plan->channels[i];
		if (!channel->channel->ring)
			continue;
		for (unsigned j = 0; channel->ring == NULL && j < old->plan->channel_count; j++)
			if (old->channels[j].ring != NULL && is_same_channel(parts, i, old, j) &&
				!node_parts_have_ring(parts, old->channels[j].ring))
				channel->ring = old->channels[j].ring;
		if (channel->ring == NULL)
			rc = ring_new(&channel->ring, plan_ring_size(plan, channel->channel));
		if (rc < 0)
			fprintf(stderr, "weir-dataplane: no memory for %u rings of %u entries\n", plan->channel_count,
				plan_ring_size(plan, channel->channel));
	}
	return rc;
}

// What is new in it: itself, and instances.
static int open_operator(struct node_parts *parts, struct operator *op, const struct plan_operator *planned,
	const struct node_parts *old) {
	int rc = op->type->open != NULL && !node_parts_have(old, op) ? op->type->open(op) : 0;
	for (unsigned i = 0; rc == 0 && i < planned->instance_count; i++) {
		struct instance *instance = parts->instances[planned->first_instance + i];
		if (node_parts_have_instance(old, instance))
			continue;
		instance->state = aligned_zeros(op->type->state_size);
		if (instance->state == NULL)
			return -ENOMEM;
		rc = op->type->init != NULL ? op->type->init(instance) : 0;
	}
	return rc;
}

int node_parts_make(
	struct node_parts *parts, struct node *node, const struct plan *plan, const struct node_parts *old) {
	*parts = (struct node_parts){.plan = plan};
	int rc = allocate(parts);
	if (rc == 0)
		rc = make_operators(parts, node, old);
	if (rc == 0)
		rc = make_rings(parts, old);
	if (rc == 0)
		rc = node_pools_fit(node, plan);
	for (unsigned i = 0; rc == 0 && i < plan->operator_count; i++)
		rc = open_operator(parts, parts->operators[i], &plan->operators[i], old);
	if (rc < 0)
		node_parts_free(parts, old);
	return rc;
}

void node_parts_take_figures(struct node_parts *parts, struct node *node, const struct node_parts *old) {
	for (unsigned i = 0; i < old->plan->instance_count; i++)
		if (!node_parts_have_instance(parts, old->instances[i]))
			node_gone_leave(node, old->instances[i], &old->snapshots[i].earlier);
	for (unsigned i = 0; i < parts->plan->instance_count; i++) {
		if (!node_parts_have_instance(old, parts->instances[i]))
			node_gone_take(node, parts->instances[i], &parts->snapshots[i].earlier);
		for (unsigned j = 0; j < old->plan->instance_count; j++)
			if (parts->instances[i] == old->instances[j])
				parts->snapshots[i] = old->snapshots[j];
	}
}

static void close_instance(const struct instance *instance) {
	if (instance->state != NULL && instance->op->type->fini != NULL)
		instance->op->type->fini((struct instance *)instance);
}

// Operators are closed after the last of their instances, whose memory goes after that.
static void free_operators(struct node_parts *parts, const struct node_parts *kept) {
	const struct plan *plan = parts->plan;
	for (unsigned i = 0; parts->instances != NULL && i < plan->instance_count; i++)
		if (parts->instances[i] != NULL && !node_parts_have_instance(kept, parts->instances[i])) {
			close_instance(parts->instances[i]);
			node_abandon_free(parts->instances[i]);
		}
	for (unsigned i = 0; parts->operators != NULL && i < plan->operator_count; i++) {
		struct operator *op = parts->operators[i];
		if (op == NULL || node_parts_have(kept, op))
			continue;
		if (op->type->close != NULL)
			op->type->close(op);
		free(op);
	}
	for (unsigned i = 0; parts->instances != NULL && i < plan->instance_count; i++)
		if (parts->instances[i] != NULL && !node_parts_have_instance(kept, parts->instances[i])) {
			free(parts->instances[i]->state);
			free(parts->instances[i]->latency);
			free(parts->instances[i]);
		}
}

void node_parts_free(struct node_parts *parts, const struct node_parts *kept) {
	const struct plan *plan = parts->plan;
	for (unsigned i = 0; parts->schedules != NULL && i < plan->worker_count; i++)
		schedule_free(&parts->schedules[i]);
	if (parts->operators != NULL)
		free_operators(parts, kept);
	for (unsigned i = 0; parts->channels != NULL && i < plan->channel_count; i++)
		if (parts->channels[i].ring != NULL && !node_parts_have_ring(kept, parts->channels[i].ring))
			ring_free(parts->channels[i].ring);
	free(parts->operators);
	free(parts->instances);
	free(parts->snapshots);
	free(parts->channels);
	free(parts->schedules);
	*parts = (struct node_parts){.plan = plan};
}
