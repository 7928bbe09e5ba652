// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A node as node_init makes it, but without the EAL, pools and operators' state: for tests of what runs on it.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "dataplane/latency.h"
#include "dataplane/node.h"

static inline void *small_zeros(size_t count, size_t size) {
	size_t total = RTE_ALIGN_CEIL((count + 1) * size, (size_t)RTE_CACHE_LINE_SIZE);
	void *memory = aligned_alloc(RTE_CACHE_LINE_SIZE, total);
	assert_non_null(memory);
	return memset(memory, 0, total);
}

static inline void small_node_add_operator(struct node *node, unsigned number) {
	const struct plan_operator *place = &node->plan->operators[number];
	const struct pipeline_operator *planned = plan_operator_config(node->plan, place);
	struct operator *op = node->operators[number] = small_zeros(1, sizeof(struct operator));
	*op = (struct operator){.type = planned->type,
		.name = planned->name,
		.pipeline = "p",
		.node = node,
		.instances = &node->instances[place->first_instance],
		.instance_count = place->instance_count,
		.options = planned->options,
		.input = planned->inputs[0],
		.inputs = planned->inputs,
		.outputs = planned->outputs,
		.has_live_source = pipeline_has_live_source(&node->config->pipelines[place->pipeline])};
	for (unsigned i = 0; i < place->instance_count; i++) {
		struct instance *instance = op->instances[i] = small_zeros(1, sizeof(struct instance));
		node->instances[place->first_instance + i] = instance;
		instance->latency = small_zeros(1, sizeof(struct latency));
		instance->type = planned->type;
		instance->op = op;
		instance->index = i;
		instance->worker = node->plan->instances[place->first_instance + i].worker;
	}
}

// Everything but the schedule.
static inline void small_node_init(struct node *node, struct node_config *config, const char *text, unsigned workers) {
	static const struct node_config none;
	struct config_error error = {""};
	*node = (struct node){.config = config, .worker_count = workers, .done_fd = -1};
	if (node_config_parse("test.yaml", text, strlen(text), NULL, 0, config, &error) != 0 ||
		plan_new(&node->plan, config, workers, &error) != 0 ||
		plan_new(&node->nothing, &none, workers, &error) != 0)
		fail_msg("%s", error.text);
	node->name = config->node;
	const struct plan *plan = node->published = node->plan;
	node->operator_count = plan->operator_count;
	node->instance_count = plan->instance_count;
	pthread_mutex_init(&node->snapshot_lock, NULL);
	node->operators = small_zeros(plan->operator_count, sizeof(struct operator *));
	node->instances = small_zeros(plan->instance_count, sizeof(struct instance *));
	node->snapshots = small_zeros(plan->instance_count, sizeof(*node->snapshots));
	node->channels = small_zeros(plan->channel_count, sizeof(*node->channels));
	node->schedules = small_zeros(workers, sizeof(*node->schedules));
	node->workers = small_zeros(workers, sizeof(*node->workers));
	for (unsigned i = 0; i < workers; i++)
		assert_int_equal(worker_init(&node->workers[i], node, i, i), 0);
	for (unsigned i = 0; i < plan->operator_count; i++)
		small_node_add_operator(node, i);
	for (unsigned i = 0; i < plan->channel_count; i++) {
		node->channels[i].channel = &plan->channels[i];
		if (plan->channels[i].ring)
			assert_int_equal(
				ring_new(&node->channels[i].ring, plan_ring_size(plan, &plan->channels[i])), 0);
	}
}

static inline void small_node_fini(struct node *node, struct node_config *config) {
	for (unsigned i = 0; i < node->worker_count; i++) {
		schedule_free(&node->schedules[i]);
		worker_fini(&node->workers[i]);
	}
	for (unsigned i = 0; i < node->plan->channel_count; i++)
		ring_free(node->channels[i].ring);
	for (unsigned i = 0; i < node->plan->operator_count; i++) {
		free(node->operators[i]);
	}
	for (unsigned i = 0; i < node->plan->instance_count; i++) {
		free(node->instances[i]->latency);
		free(node->instances[i]);
	}
	free(node->operators);
	free(node->instances);
	free(node->snapshots);
	free(node->channels);
	free(node->schedules);
	free(node->workers);
	pthread_mutex_destroy(&node->snapshot_lock);
	plan_free(node->plan);
	plan_free(node->nothing);
	node_config_free(config);
}
