// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Building happens in three passes over the plan: entries, then routes and inputs, then (downstream first) what each
// entry can reach.
#include "dataplane/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/key_words.h"
#include "dataplane/node.h"
#include "dataplane/share.h"

static struct schedule_entry *entry_of(const struct node *node, unsigned instance) {
	return node->instances[instance]->schedule;
}

static int add_entries(struct node *node, const struct plan *plan) {
	for (unsigned w = 0; w < plan->worker_count; w++) {
		struct schedule *schedule = &node->schedules[w];
		schedule->entries = calloc(plan->instance_count + 1, sizeof(*schedule->entries));
		schedule->ring_outputs = calloc(plan->channel_count + 1, sizeof(*schedule->ring_outputs));
		if (schedule->entries == NULL || schedule->ring_outputs == NULL)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < plan->instance_count; i++) {
		struct schedule *schedule = &node->schedules[plan->instances[i].worker];
		struct schedule_entry *entry = &schedule->entries[schedule->entry_count++];
		entry->instance = node->instances[i];
		entry->number = i;
		entry->is_live = operator_has_live_source(entry->instance->op);
		node->instances[i]->schedule = entry;
		schedule->unfinished += !entry->instance->finished;
		entry->ring_inputs = calloc(plan->channel_count + 1, sizeof(*entry->ring_inputs));
		entry->call_inputs = calloc(plan->channel_count + 1, sizeof(struct instance *));
		if (entry->ring_inputs == NULL || entry->call_inputs == NULL)
			return -ENOMEM;
	}
	return 0;
}

static bool is_hashed(const struct operator_output *output, const char *const *key, unsigned count, bool symmetric) {
	if (output->hashed_by == NULL || output->hashed_symmetric != symmetric)
		return false;
	unsigned i = 0;
	for (; output->hashed_by[i] != NULL; i++) {
		bool found = false;
		for (unsigned j = 0; j < count; j++)
			found |= strcmp(output->hashed_by[i], key[j]) == 0;
		if (!found)
			return false;
	}
	return i == count;
}

// The key of what a stream brings: that of a key stream, or the one by which its receiver keeps its state.
//   names   [GROUPING_KEY_MAX] filled
//   return  number of fields
static unsigned stream_key(
	const struct pipeline *pipeline, const struct pipeline_stream *stream, const char **names, bool *symmetric) {
	const struct pipeline_operator *to = &pipeline->operators[stream->to];
	*symmetric = grouping_has_key(stream->grouping) ? stream->symmetric : to->type->key_symmetric;
	if (!grouping_has_key(stream->grouping))
		return pipeline_operator_key(to, stream->input, names);
	for (unsigned i = 0; i < stream->key_count; i++)
		names[i] = stream->key[i]->name;
	return stream->key_count;
}

static bool brings_hashes(const struct pipeline *pipeline, const struct pipeline_stream *stream) {
	const struct operator_type *from = pipeline->operators[stream->from].type;
	const char *names[GROUPING_KEY_MAX];
	bool symmetric;
	unsigned count = stream_key(pipeline, stream, names, &symmetric);
	return is_hashed(&from->outputs[stream->output], names, count, symmetric);
}

// An operator's hash is another one than the engine's: it serves only where every tuple of the receiver has it.
bool schedule_takes_hashes(const struct pipeline *pipeline, unsigned to) {
	if (operator_type_input_count(pipeline->operators[to].type) > 1)
		return false;
	for (unsigned i = 0; i < pipeline->stream_count; i++)
		if (pipeline->streams[i].to == to && !brings_hashes(pipeline, &pipeline->streams[i]))
			return false;
	return true;
}

// What the route has to hash: the key, unless the senders did already.
//   return  0; -ENOMEM; -EINVAL after a message
static int set_key(struct route *route, const struct pipeline *pipeline, const struct operator *from) {
	const struct pipeline_stream *stream = route->stream;
	const char *names[GROUPING_KEY_MAX];
	const struct field *fields[GROUPING_KEY_MAX];
	bool symmetric;
	unsigned count = stream_key(pipeline, stream, names, &symmetric);
	if (count == 0 || schedule_takes_hashes(pipeline, stream->to))
		return 0;
	for (unsigned i = 0; i < count; i++) {
		fields[i] = schema_field(stream->schema, names[i]);
		if (fields[i] == NULL)
			return 0;
	}
	route->key = malloc(sizeof(*route->key));
	if (route->key == NULL)
		return -ENOMEM;
	if (key_words_compile(route->key, route->schema, fields, count, symmetric) != 0) {
		operator_error(from, "schema %s: %u bytes are too few to be steered by a key; expected 8",
			route->schema->name, route->schema->size);
		return -EINVAL;
	}
	route->keys = calloc(BATCH_MAX * route->key->length, sizeof(*route->keys));
	return route->keys != NULL ? 0 : -ENOMEM;
}

static struct route *route_of(struct schedule_entry *entry, const struct pipeline_stream *stream) {
	for (unsigned i = 0; i < entry->route_counts[stream->output]; i++)
		if (entry->routes[stream->output][i].stream == stream)
			return &entry->routes[stream->output][i];
	return NULL;
}

// The route of a stream out of an instance, made at its first channel.
//   return  0; -ENOMEM; -EINVAL after a message
static int route_make(
	const struct plan *plan, struct schedule_entry *entry, const struct plan_channel *channel, struct route **out) {
	const struct pipeline_stream *stream = plan_channel_stream(plan, channel);
	struct route *route = route_of(entry, stream);
	*out = route;
	if (route != NULL)
		return 0;
	unsigned *count = &entry->route_counts[stream->output];
	struct route *grown = realloc(entry->routes[stream->output], (*count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	entry->routes[stream->output] = grown;
	const struct plan_operator *to = &plan->operators[plan->instances[channel->to].op];
	route = &grown[*count];
	*route = (struct route){
		.grouping = stream->grouping,
		.owners = to->owners,
		.schema = stream->schema,
		.stream = stream,
		.input = stream->input,
		.weights = stream->weights,
		.targets = calloc(to->instance_count + 1, sizeof(*route->targets)),
	};
	bool has_hold = stream->grouping == GROUPING_KEY && to->instance_count > 1;
	route->loads = has_hold ? calloc(KEY_GROUPS, sizeof(*route->loads)) : NULL;
	if (route->targets == NULL || (has_hold && (route->loads == NULL || hold_init(&route->hold) < 0))) {
		free(route->targets);
		free(route->loads);
		return -ENOMEM;
	}
	*count += 1;
	*out = route;
	return set_key(route, &plan->config->pipelines[channel->pipeline], entry->instance->op);
}

static void add_ring(
	struct node *node, const struct plan *plan, const struct plan_channel *channel, struct ring *ring) {
	unsigned from_worker = plan->instances[channel->from].worker, to_worker = plan->instances[channel->to].worker;
	struct schedule *schedule = &node->schedules[from_worker];
	schedule->ring_outputs[schedule->ring_output_count++] = (struct ring_output){
		.ring = ring,
		.producer = node->instances[channel->from],
		.consumer = &node->workers[to_worker],
	};
	struct schedule_entry *to = entry_of(node, channel->to);
	to->ring_inputs[to->ring_input_count++] = (struct ring_input){
		.ring = ring,
		.producer = node->instances[channel->from],
		.input = plan_channel_stream(plan, channel)->input,
	};
}

static int add_channels(struct node *node, const struct plan *plan) {
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct plan_channel *channel = &plan->channels[i];
		struct route *route;
		int rc = route_make(plan, entry_of(node, channel->from), channel, &route);
		if (rc != 0)
			return rc;
		struct target *target = &route->targets[route->target_count++];
		target->ring = node->channels[i].ring;
		target->callee = node->instances[channel->to];
		if (target->ring != NULL) {
			add_ring(node, plan, channel, target->ring);
			continue;
		}
		struct schedule_entry *to = entry_of(node, channel->to);
		to->call_inputs[to->call_input_count++] = node->instances[channel->from];
	}
	return 0;
}

// Routes do not move any more: note where each channel's count of calls lives.
static void settle_targets(struct node *node, const struct plan *plan) {
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct plan_channel *channel = &plan->channels[i];
		struct route *route = route_of(entry_of(node, channel->from), plan_channel_stream(plan, channel));
		unsigned position = route->grouping == GROUPING_FORWARD ? 0 : plan->instances[channel->to].index;
		node->channels[i].target = &route->targets[position];
	}
}

static bool is_input_schema(const struct operator *op, const struct schema *schema) {
	for (unsigned i = 0; i < operator_type_input_count(op->type); i++)
		if (op->inputs[i] != NULL && schema_is_same(op->inputs[i], schema))
			return true;
	return false;
}

static bool is_called_alone(const struct route *route) {
	return route->target_count == 1 && route->targets[0].ring == NULL;
}

// Whether the key that the route hashes is that of its receiver's state as well, word by word.
static bool keeps_by_key(const struct route *route) {
	const struct operator *to = route->targets[0].callee->op;
	return route->key != NULL && is_called_alone(route) && to->type->key_option != NULL &&
	       route->key->is_symmetric == (to->symmetric_inputs >> route->input & 1);
}

// Routes share the tuples of an output, the last one passes on the originals. Where nobody writes to them, references
// serve; a writer gets copies, and where the last one is a writer all others do. Who borrows gets them on loan; where
// some of these go on to who keeps them, that one gets copies, so there references are better if they serve.
static void settle_copies(struct node *node, const struct plan *plan) {
	for (unsigned i = plan->instance_count; i-- > 0;) {
		struct schedule_entry *entry = entry_of(node, i);
		const struct instance *instance = entry->instance;
		entry->writes = instance->type->modifies_tuples;
		for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++) {
			struct route *routes = entry->routes[o];
			unsigned count = entry->route_counts[o];
			for (unsigned r = 0; r < count; r++) {
				const struct schedule_entry *to = routes[r].targets[0].callee->schedule;
				routes[r].writes = routes[r].key != NULL || to->writes;
				routes[r].gives_keys = keeps_by_key(&routes[r]);
				// What goes out with another schema is not what came in.
				bool passes_on = is_input_schema(instance->op, routes[r].schema);
				entry->writes |= routes[r].writes && passes_on;
				routes[r].borrowed = is_called_alone(&routes[r]) && to->instance->type->borrows;
				entry->keeps |= (!routes[r].borrowed || to->keeps) && passes_on;
			}
			for (unsigned r = 0; r + 1 < count; r++) {
				const struct schedule_entry *to = routes[r].targets[0].callee->schedule;
				routes[r].copy = routes[r].writes || routes[count - 1].writes;
				routes[r].lends = routes[r].borrowed && (routes[r].copy || !to->keeps);
			}
		}
	}
}

static int reach_add(struct reach *reach, const struct reach_end *end, bool either) {
	for (unsigned i = 0; i < reach->end_count; i++) {
		struct reach_end *known = &reach->ends[i];
		if (known->ring != end->ring || known->sink != end->sink || known->hold != end->hold)
			continue;
		known->multiplicity = either ? RTE_MAX(known->multiplicity, end->multiplicity)
					     : known->multiplicity + end->multiplicity;
		return 0;
	}
	struct reach_end *grown = realloc(reach->ends, (reach->end_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	reach->ends = grown;
	grown[reach->end_count++] = *end;
	return 0;
}

//   either  a tuple goes this way or one of those that `reach` has already, not both
static int reach_join(struct reach *reach, const struct reach *beyond, bool either) {
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < beyond->end_count; i++)
		rc = reach_add(reach, &beyond->ends[i], either);
	return rc;
}

static int reach_route(struct reach *reach, const struct route *route) {
	struct reach own = {.end_count = 0};
	bool either = route->grouping != GROUPING_ALL;
	int rc = 0;
	for (unsigned t = 0; rc == 0 && t < route->target_count; t++) {
		const struct target *target = &route->targets[t];
		const struct reach_end end = {.ring = target->ring, .multiplicity = 1};
		rc = target->ring != NULL ? reach_add(&own, &end, either)
					  : reach_join(&own, &target->callee->schedule->reach, either);
	}
	const struct reach_end held = {.hold = &route->hold, .multiplicity = 1};
	if (rc == 0 && route->hold.tuples != NULL)
		rc = reach_add(&own, &held, either);
	if (rc == 0)
		rc = reach_join(reach, &own, false);
	free(own.ends);
	return rc;
}

// One tuple must fit, or it would be waited for without end.
static int check_reach(const struct schedule_entry *entry) {
	for (unsigned i = 0; i < entry->reach.end_count; i++) {
		const struct reach_end *reached = &entry->reach.ends[i];
		unsigned size = reached->ring != NULL ? reached->ring->size : HOLD_SIZE;
		if (reached->sink != NULL || reached->multiplicity <= size)
			continue;
		operator_error(entry->instance->op,
			"ring_size: %u: one tuple becomes up to %u tuples in a ring: expected a power of two that is "
			"no less, or fewer instances with grouping all",
			size, reached->multiplicity);
		return -EINVAL;
	}
	return 0;
}

static int find_reach(struct node *node, const struct plan *plan) {
	int rc = 0;
	for (unsigned i = plan->instance_count; rc == 0 && i-- > 0;) {
		struct schedule_entry *entry = entry_of(node, i);
		const struct reach_end own = {.sink = entry->instance, .multiplicity = 1};
		if (entry->instance->type->room != NULL)
			rc = reach_add(&entry->reach, &own, false);
		for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++)
			for (unsigned r = 0; rc == 0 && r < entry->route_counts[o]; r++)
				rc = reach_route(&entry->reach, &entry->routes[o][r]);
		if (rc == 0)
			rc = check_reach(entry);
	}
	return rc;
}

static unsigned pipeline_of(const struct plan *plan, const struct schedule_entry *entry) {
	return plan->operators[plan->instances[entry->number].op].pipeline;
}

// Of a worker with one pipeline nothing is shared.
static int add_shares(struct schedule *schedule, const struct plan *plan) {
	bool is_shared = false;
	for (unsigned i = 1; i < schedule->entry_count; i++)
		is_shared |= pipeline_of(plan, &schedule->entries[i]) != pipeline_of(plan, &schedule->entries[0]);
	if (!is_shared)
		return 0;
	schedule->share_count = plan->config->pipeline_count;
	schedule->shares = calloc(schedule->share_count, sizeof(*schedule->shares));
	if (schedule->shares == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < schedule->share_count; i++)
		schedule->shares[i].weight = plan->config->pipelines[i].weight;
	for (unsigned i = 0; i < schedule->entry_count; i++)
		schedule->entries[i].share = &schedule->shares[pipeline_of(plan, &schedule->entries[i])];
	return 0;
}

int schedule_build(struct node *node, const struct plan *plan) {
	int rc = add_entries(node, plan);
	if (rc == 0)
		rc = add_channels(node, plan);
	if (rc < 0)
		return rc;
	settle_targets(node, plan);
	settle_copies(node, plan);
	for (unsigned w = 0; rc == 0 && w < plan->worker_count; w++)
		rc = add_shares(&node->schedules[w], plan);
	return rc == 0 ? find_reach(node, plan) : rc;
}

void schedule_free(struct schedule *schedule) {
	for (unsigned i = 0; i < schedule->entry_count; i++) {
		struct schedule_entry *entry = &schedule->entries[i];
		for (unsigned o = 0; o < OPERATOR_OUTPUTS_MAX; o++) {
			for (unsigned r = 0; r < entry->route_counts[o]; r++) {
				free(entry->routes[o][r].targets);
				free(entry->routes[o][r].key);
				free(entry->routes[o][r].keys);
				free(entry->routes[o][r].loads);
				hold_fini(&entry->routes[o][r].hold);
			}
			free(entry->routes[o]);
		}
		free(entry->reach.ends);
		free(entry->ring_inputs);
		free(entry->call_inputs);
	}
	free(schedule->entries);
	free(schedule->ring_outputs);
	free(schedule->shares);
	memset(schedule, 0, sizeof(*schedule));
}
