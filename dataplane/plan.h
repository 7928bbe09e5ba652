// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The plan: who runs what, and where each channel leads. Immutable; a change is a new plan. It is a description only
// (no pointers to anything that runs), so it can be built, printed and compared without the EAL.
#pragma once

#include <stdio.h>

#include "dataplane/pipeline.h"

enum {
	PLAN_KEY_GROUPS = 1024, // as KEY_GROUPS of dataplane/operator.h
	PLAN_WORKERS_MAX = 128,
};

struct plan_operator {
	unsigned pipeline;       // index into the configuration
	unsigned op;             // index into that pipeline's operators
	unsigned first_instance; // its instances are consecutive
	unsigned instance_count;
	// [PLAN_KEY_GROUPS] index (0..instance_count-1) of the instance that owns the group; instance_count: nobody,
	// its tuples are held
	uint16_t *owners;
};

struct plan_instance {
	unsigned op;    // index into plan.operators
	unsigned index; // among the operator's instances
	unsigned worker;
};

struct plan_channel {
	unsigned pipeline, stream; // whose part it is
	unsigned from, to;         // indices into plan.instances
	bool ring;                 // else a direct call
};

struct plan {
	unsigned version; // 1, 2, …
	unsigned worker_count;
	unsigned operator_count, instance_count, channel_count;
	struct plan_operator *operators; // upstream before downstream within a pipeline
	struct plan_instance *instances;
	struct plan_channel *channels;
	const struct node_config *config; // outlives the plan
	struct move *move;                // that begins with it, or NULL
};

// Place every instance and decide every channel.
//   worker_count  1..PLAN_WORKERS_MAX
//   return        0; -EINVAL with *error filled (parallelism that does not fit, state that a grouping would tear
//                 apart, a worker that is not there); -ENOMEM
int plan_new(struct plan **out, const struct node_config *config, unsigned worker_count, struct config_error *error);
void plan_free(struct plan *plan);

// The same plan, one version later, with other owners of one operator's key groups. The two share all else.
//   owners  [PLAN_KEY_GROUPS]; malloc, the plan's from then on
//   return  0; -ENOMEM: the owners are the caller's still
int plan_with_owners(struct plan **out, const struct plan *plan, unsigned op, uint16_t *owners);
// Free what the plan does not share with another one.
void plan_free_but(struct plan *plan, const struct plan *kept);

static inline const struct pipeline_operator *plan_operator_config(
	const struct plan *plan, const struct plan_operator *op) {
	return &plan->config->pipelines[op->pipeline].operators[op->op];
}

static inline const struct pipeline_stream *plan_channel_stream(
	const struct plan *plan, const struct plan_channel *channel) {
	return &plan->config->pipelines[channel->pipeline].streams[channel->stream];
}

// Entries of a ring.
static inline unsigned plan_ring_size(const struct plan *plan, const struct plan_channel *channel) {
	return (unsigned)plan->config->pipelines[channel->pipeline].config->ring_size;
}

// For people: an indented text, and Graphviz dot.
void plan_print(const struct plan *plan, FILE *out);
void plan_print_dot(const struct plan *plan, FILE *out);
