// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Planning: operators in topological order get their parallelism, their instances a worker each, streams become
// channels. Instance i is put on worker i modulo the workers allowed, so that instances joined by `forward` share a
// worker and chain. Which workers are allowed is the operator's word, or that of the placement: chained (all of them)
// or pipeline (some for the sources and what `forward` joins to them, the others for the rest).
#include "dataplane/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct planning {
	struct plan *plan;
	const struct pipeline *pipeline;
	unsigned pipeline_index;
	unsigned *operator_of;   // [pipeline->operator_count] index into plan->operators
	bool *at_source;         // [pipeline->operator_count]
	unsigned source_workers; // the first ones, for sources and what is at them; 0: chained
	struct config_error *error;
};

__attribute__((format(printf, 3, 4))) static int refuse(
	struct planning *p, const struct location *where, const char *format, ...) {
	int length = 0;
	if (where->file != NULL && where->line > 0)
		length = snprintf(p->error->text, sizeof(p->error->text), "%s:%u: ", where->file, where->line);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(p->error->text + length, sizeof(p->error->text) - (size_t)length, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

// What its instances come to by itself; 0: one for each worker.
static unsigned parallelism_of(const struct pipeline_operator *op) {
	if (op->parallelism != 0)
		return op->parallelism;
	return op->type->parallelism_for != NULL ? op->type->parallelism_for(op->options) : op->type->parallelism;
}

// Whether it is a source, or joined to sources by `forward` alone. Its inputs are placed already.
static bool is_at_source(const struct planning *p, unsigned index) {
	for (unsigned i = 0; i < p->pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &p->pipeline->streams[i];
		if (stream->to == index && (stream->grouping != GROUPING_FORWARD || !p->at_source[stream->from]))
			return false;
	}
	return true;
}

struct workers_allowed {
	const unsigned *list; // NULL: first, first + 1, …
	unsigned first, count;
};

static struct workers_allowed workers_allowed(const struct planning *p, unsigned index) {
	const struct pipeline_operator *op = &p->pipeline->operators[index];
	unsigned all = p->plan->worker_count;
	if (op->worker_count > 0)
		return (struct workers_allowed){.list = op->workers, .count = op->worker_count};
	if (p->source_workers == 0)
		return (struct workers_allowed){.count = all};
	if (p->at_source[index])
		return (struct workers_allowed){.count = p->source_workers};
	return (struct workers_allowed){.first = p->source_workers, .count = all - p->source_workers};
}

// Whether some source leaves workers without one; not where operators are placed one by one.
static bool wants_pipeline(const struct pipeline *pipeline, unsigned worker_count) {
	bool has_few_sources = false;
	for (unsigned i = 0; i < pipeline->operator_count; i++) {
		const struct pipeline_operator *op = &pipeline->operators[i];
		unsigned count = parallelism_of(op);
		if (op->worker_count > 0)
			return false;
		has_few_sources |= op->type->poll != NULL && count != 0 && count < worker_count;
	}
	return has_few_sources;
}

static int choose_placement(struct planning *p) {
	const struct node_config *config = p->pipeline->config;
	unsigned all = p->plan->worker_count;
	bool is_pipeline = config->placement == PLACEMENT_PIPELINE ||
			   (config->placement == PLACEMENT_AUTO && wants_pipeline(p->pipeline, all));
	if (!is_pipeline || all == 1)
		return 0;
	if (config->source_workers >= all)
		return refuse(p, &p->pipeline->where,
			"source_workers: %u: this node has %u workers: expected 1..%u, or placement chained",
			(unsigned)config->source_workers, all, all - 1);
	p->source_workers = (unsigned)config->source_workers;
	return 0;
}

// What a stream asks of its receiver's parallelism; 0: nothing.
static unsigned parallelism_asked(const struct planning *p, const struct pipeline_stream *stream) {
	switch (stream->grouping) {
	case GROUPING_GLOBAL:
		return 1;
	case GROUPING_FORWARD:
		return p->plan->operators[p->operator_of[stream->from]].instance_count;
	default:
		return 0;
	}
}

static int resolve_parallelism(struct planning *p, unsigned index, unsigned *out) {
	const struct pipeline_operator *op = &p->pipeline->operators[index];
	unsigned count = parallelism_of(op);
	bool given = op->parallelism != 0;

	for (unsigned i = 0; i < p->pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &p->pipeline->streams[i];
		unsigned asked = stream->to == index ? parallelism_asked(p, stream) : 0;
		if (asked == 0)
			continue;
		if (given && asked != count && stream->grouping == GROUPING_FORWARD)
			return refuse(p, &stream->where,
				"%s -> %s: grouping forward needs equal parallelism: %u and %u",
				p->pipeline->operators[stream->from].name, op->name, asked, count);
		if (!given)
			count = count == 0 || asked < count ? asked : count;
	}
	if (count == 0)
		count = workers_allowed(p, index).count;
	if (op->type->parallelism_max != 0 && count > op->type->parallelism_max) {
		if (given)
			return refuse(p, &op->where, "%s.parallelism: %u: type %s runs in at most %u instance%s",
				op->name, count, op->type->name, op->type->parallelism_max,
				op->type->parallelism_max == 1 ? "" : "s");
		count = op->type->parallelism_max;
	}
	*out = count;
	return 0;
}

// Whether a key stream steers by the key that the state is kept by. Where that is configured, in its order as well: a
// hash of the same fields in another order is another hash.
static bool is_state_key(const struct pipeline_operator *to, const struct pipeline_stream *stream,
	const char *const *names, unsigned count) {
	unsigned matched = 0;
	if (stream->key_count != count)
		return false;
	if (to->type->key_option == NULL && stream->symmetric != to->type->key_symmetric)
		return false;
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < count; j++)
			if (to->type->key_option == NULL || i == j)
				matched += strcmp(stream->key[i]->name, names[j]) == 0;
	return matched == count;
}

// Keyed state must not be torn apart: every tuple of a key has to reach the same instance.
static int check_keyed_input(struct planning *p, const struct pipeline_stream *stream) {
	const struct pipeline_operator *to = &p->pipeline->operators[stream->to];
	const struct plan_operator *planned = &p->plan->operators[p->operator_of[stream->to]];
	const char *names[GROUPING_KEY_MAX], *from_name = p->pipeline->operators[stream->from].name;
	unsigned count = pipeline_operator_key(to, stream->input, names);
	bool is_configured =
		to->type->key_option != NULL && operator_type_input(to->type, stream->input).grouping == GROUPING_KEY;
	if (count == 0 && !is_configured)
		return 0;
	if (stream->grouping != GROUPING_KEY) {
		if (planned->instance_count == 1)
			return 0;
		return refuse(p, &stream->where,
			"%s -> %s: grouping %s: %s keeps state per key in %u instances; use grouping %s, or "
			"parallelism 1",
			from_name, to->name, grouping_names[stream->grouping], to->type->name, planned->instance_count,
			count > 0 ? "key" : "global");
	}
	if (is_state_key(to, stream, names, count))
		return 0;
	char keys[160] = "", symmetric[32] = "";
	for (unsigned i = 0; i < count; i++) {
		size_t used = strlen(keys);
		snprintf(keys + used, sizeof(keys) - used, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	if (to->type->key_option == NULL)
		snprintf(symmetric, sizeof(symmetric), ", symmetric: %s", to->type->key_symmetric ? "true" : "false");
	return refuse(p, &stream->where, "%s -> %s: %s keeps its state by key [%s]%s; no other key", from_name,
		to->name, to->type->name, keys, symmetric);
}

static int place_operator(struct planning *p, unsigned index) {
	struct plan *plan = p->plan;
	const struct pipeline_operator *op = &p->pipeline->operators[index];
	unsigned count = 0;
	p->at_source[index] = is_at_source(p, index);
	const struct workers_allowed allowed = workers_allowed(p, index);
	int rc = resolve_parallelism(p, index, &count);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < op->worker_count; i++)
		if (op->workers[i] >= plan->worker_count)
			return refuse(p, &op->where, "%s.workers: %u: this node has %u worker%s, 0..%u", op->name,
				op->workers[i], plan->worker_count, plan->worker_count == 1 ? "" : "s",
				plan->worker_count - 1);

	struct plan_operator *planned = &plan->operators[plan->operator_count];
	planned->pipeline = p->pipeline_index;
	planned->op = index;
	planned->first_instance = plan->instance_count;
	planned->instance_count = count;
	planned->owners = calloc(PLAN_KEY_GROUPS, sizeof(*planned->owners));
	struct plan_instance *grown =
		realloc(plan->instances, (plan->instance_count + count) * sizeof(*plan->instances));
	if (grown != NULL)
		plan->instances = grown;
	if (planned->owners == NULL || grown == NULL) {
		free(planned->owners);
		return -ENOMEM;
	}
	for (unsigned group = 0; group < PLAN_KEY_GROUPS; group++)
		planned->owners[group] = (uint16_t)((uint64_t)group * count / PLAN_KEY_GROUPS);
	for (unsigned i = 0; i < count; i++) {
		unsigned slot = i % allowed.count;
		plan->instances[plan->instance_count++] = (struct plan_instance){
			.op = plan->operator_count,
			.index = i,
			.worker = allowed.list != NULL ? allowed.list[slot] : allowed.first + slot,
		};
	}
	p->operator_of[index] = plan->operator_count++;
	return 0;
}

static int add_channel(struct planning *p, unsigned stream_index, unsigned from, unsigned to) {
	struct plan *plan = p->plan;
	const struct pipeline_stream *stream = &p->pipeline->streams[stream_index];
	struct plan_channel *grown = realloc(plan->channels, (plan->channel_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	plan->channels = grown;
	plan->channels[plan->channel_count++] = (struct plan_channel){
		.pipeline = p->pipeline_index,
		.stream = stream_index,
		.from = from,
		.to = to,
		.ring = stream->channels == CHANNEL_RING || plan->instances[from].worker != plan->instances[to].worker,
	};
	return 0;
}

static int join_stream(struct planning *p, unsigned stream_index) {
	const struct pipeline_stream *stream = &p->pipeline->streams[stream_index];
	const struct plan_operator *from = &p->plan->operators[p->operator_of[stream->from]];
	const struct plan_operator *to = &p->plan->operators[p->operator_of[stream->to]];
	int rc = check_keyed_input(p, stream);

	if (rc == 0 && stream->weight_count > 0 && stream->weight_count != to->instance_count)
		return refuse(p, &stream->where, "%s -> %s: %u weights for %u instances: expected one for each",
			p->pipeline->operators[stream->from].name, p->pipeline->operators[stream->to].name,
			stream->weight_count, to->instance_count);
	if (rc == 0 && stream->grouping == GROUPING_FORWARD && from->instance_count != to->instance_count)
		return refuse(p, &stream->where, "%s -> %s: grouping forward needs equal parallelism: %u and %u",
			p->pipeline->operators[stream->from].name, p->pipeline->operators[stream->to].name,
			from->instance_count, to->instance_count);
	for (unsigned i = 0; rc == 0 && i < from->instance_count; i++) {
		unsigned first = stream->grouping == GROUPING_FORWARD ? i : 0;
		unsigned end = stream->grouping == GROUPING_FORWARD  ? i + 1
			       : stream->grouping == GROUPING_GLOBAL ? 1
								     : to->instance_count;
		for (unsigned j = first; rc == 0 && j < end; j++)
			rc = add_channel(p, stream_index, from->first_instance + i, to->first_instance + j);
	}
	return rc;
}

static bool inputs_placed(const struct pipeline *pipeline, unsigned op, const bool *placed) {
	for (unsigned i = 0; i < pipeline->stream_count; i++)
		if (pipeline->streams[i].to == op && !placed[pipeline->streams[i].from])
			return false;
	return true;
}

// The configuration has no cycles, so each round places at least one operator.
static int plan_pipeline(struct planning *p) {
	unsigned count = p->pipeline->operator_count;
	bool *placed = calloc(count, sizeof(*placed));
	p->operator_of = calloc(count, sizeof(*p->operator_of));
	p->at_source = calloc(count, sizeof(*p->at_source));
	int rc = placed != NULL && p->operator_of != NULL && p->at_source != NULL ? choose_placement(p) : -ENOMEM;

	for (unsigned round = 0; rc == 0 && round < count; round++)
		for (unsigned i = 0; rc == 0 && i < count; i++)
			if (!placed[i] && inputs_placed(p->pipeline, i, placed)) {
				rc = place_operator(p, i);
				placed[i] = true;
			}
	for (unsigned i = 0; rc == 0 && i < p->pipeline->stream_count; i++)
		rc = join_stream(p, i);
	free(placed);
	free(p->operator_of);
	free(p->at_source);
	return rc;
}

int plan_new(struct plan **out, const struct node_config *config, unsigned worker_count, struct config_error *error) {
	unsigned operators = 0;
	for (unsigned i = 0; i < config->pipeline_count; i++)
		operators += config->pipelines[i].operator_count;
	struct plan *plan = calloc(1, sizeof(*plan));
	if (plan == NULL)
		return -ENOMEM;
	plan->version = 1;
	plan->worker_count = worker_count;
	plan->config = config;
	plan->operators = calloc(operators + 1, sizeof(*plan->operators));
	int rc = plan->operators != NULL ? 0 : -ENOMEM;

	for (unsigned i = 0; rc == 0 && i < config->pipeline_count; i++) {
		struct planning planning = {
			.plan = plan, .pipeline = &config->pipelines[i], .pipeline_index = i, .error = error};
		rc = plan_pipeline(&planning);
	}
	if (rc < 0) {
		plan_free(plan);
		return rc;
	}
	*out = plan;
	return 0;
}

void plan_free(struct plan *plan) {
	if (plan == NULL)
		return;
	for (unsigned i = 0; plan->operators != NULL && i < plan->operator_count; i++)
		free(plan->operators[i].owners);
	free(plan->operators);
	free(plan->instances);
	free(plan->channels);
	free(plan);
}

int plan_with_owners(struct plan **out, const struct plan *plan, unsigned op, uint16_t *owners) {
	struct plan *next = malloc(sizeof(*next));
	struct plan_operator *operators = calloc(plan->operator_count + 1, sizeof(*operators));
	if (next == NULL || operators == NULL) {
		free(next);
		free(operators);
		return -ENOMEM;
	}
	memcpy(operators, plan->operators, plan->operator_count * sizeof(*operators));
	operators[op].owners = owners;
	*next = *plan;
	next->version++;
	next->operators = operators;
	*out = next;
	return 0;
}

void plan_free_but(struct plan *plan, const struct plan *kept) {
	if (plan == NULL)
		return;
	for (unsigned i = 0; i < plan->operator_count; i++)
		if (plan->operators[i].owners != kept->operators[i].owners)
			free(plan->operators[i].owners);
	free(plan->operators);
	free(plan);
}
