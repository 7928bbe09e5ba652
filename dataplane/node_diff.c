// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_diff.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/node_parts.h"
#include "dataplane/text.h"

enum { VALUE_SIZE = 1024, VALUE_SHOWN = 60 };

// One that runs, and what the plan makes of it.
struct pair {
	const struct operator *op;
	const struct pipeline *before, *after;
	const struct pipeline_operator *config;
	const struct plan_operator *planned;
};

static const struct pipeline *find_pipeline(const struct plan *plan, const char *name) {
	for (unsigned i = 0; i < plan->config->pipeline_count; i++)
		if (strcmp(plan->config->pipelines[i].name, name) == 0)
			return &plan->config->pipelines[i];
	return NULL;
}

//   return  PIPELINE.operator_count: there is none
static unsigned find_operator(const struct pipeline *pipeline, const char *name) {
	unsigned i = 0;
	while (i < pipeline->operator_count && strcmp(pipeline->operators[i].name, name) != 0)
		i++;
	return i;
}

//   return  false: the plan's operator `number` is new
static bool find_pair(const struct node *node, const struct plan *plan, unsigned number, struct pair *pair) {
	const struct node_parts parts = node_parts_of(node);
	*pair = (struct pair){.planned = &plan->operators[number]};
	pair->after = &plan->config->pipelines[pair->planned->pipeline];
	pair->config = plan_operator_config(plan, pair->planned);
	pair->op = node_parts_find(&parts, pair->after->name, pair->config->name);
	pair->before = find_pipeline(node->plan, pair->after->name);
	return pair->op != NULL;
}

static bool is_same_value(const struct pair *pair, const struct option *option) {
	const uint8_t *a = (const uint8_t *)pair->op->options + option->offset;
	const uint8_t *b = (const uint8_t *)pair->config->options + option->offset;
	if (option->type == OPTION_LIST) {
		const struct option_list *one = (const void *)a, *other = (const void *)b;
		bool is_same = one->count == other->count;
		for (unsigned i = 0; is_same && i < one->count; i++)
			is_same = strcmp(one->items[i], other->items[i]) == 0;
		return is_same;
	}
	if (option->type == OPTION_STRING) {
		const char *one = *(char *const *)(const void *)a, *other = *(char *const *)(const void *)b;
		return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
	}
	char one[VALUE_SIZE], other[VALUE_SIZE];
	option_format_value(option, pair->op->options, one, sizeof(one));
	option_format_value(option, pair->config->options, other, sizeof(other));
	return strcmp(one, other) == 0;
}

static void append_value(const struct option *option, const void *options, char *text, size_t size) {
	char value[VALUE_SIZE];
	option_format_value(option, options, value, sizeof(value));
	text_append_escaped(text, size, value, VALUE_SHOWN);
}

static int check_options(const struct pair *pair, char *text, size_t size) {
	const struct option *option = pair->op->type->options;
	for (; option != NULL && option->name != NULL; option++) {
		if (option->live || is_same_value(pair, option))
			continue;
		snprintf(text, size, "%s/%s.%s: \"", pair->op->pipeline, pair->op->name, option->name);
		append_value(option, pair->config->options, text, size);
		text_append(text, size, "\": can't change while it runs; expected ");
		append_value(option, pair->op->options, text, size);
		text_append(text, size, ", or an operator by another name");
		return -EINVAL;
	}
	return 0;
}

static uint32_t symmetric_inputs(const struct pipeline *pipeline, unsigned op) {
	uint32_t bits = 0;
	for (unsigned i = 0; i < pipeline->stream_count; i++)
		if (pipeline->streams[i].to == op && pipeline->streams[i].symmetric)
			bits |= UINT32_C(1) << pipeline->streams[i].input;
	return bits;
}

// What is kept by key must find its keys again.
static bool is_hashed_alike(const struct pair *pair) {
	unsigned before = find_operator(pair->before, pair->op->name),
		 after = find_operator(pair->after, pair->op->name);
	if (pair->op->keyed_inputs == 0)
		return true;
	return schedule_takes_hashes(pair->before, before) == schedule_takes_hashes(pair->after, after) &&
	       symmetric_inputs(pair->before, before) == symmetric_inputs(pair->after, after);
}

static int check_inputs(const struct pair *pair, char *text, size_t size) {
	for (unsigned i = 0; i < operator_type_input_count(pair->op->type); i++) {
		const struct schema *before = pair->op->inputs[i], *after = pair->config->inputs[i];
		if (before == after || (before != NULL && after != NULL && schema_is_same(before, after)))
			continue;
		snprintf(text, size, "%s/%s: gets %s%s now: expected %s%s, as it runs", pair->op->pipeline,
			pair->op->name, after != NULL ? "schema " : "nothing", after != NULL ? after->name : "",
			before != NULL ? "schema " : "no stream there", before != NULL ? before->name : "");
		if (before != NULL && after != NULL && strcmp(before->name, after->name) == 0)
			text_append(text, size, ", with the same fields");
		return -EINVAL;
	}
	if (is_hashed_alike(pair))
		return 0;
	snprintf(text, size,
		"%s/%s: what comes before it would hash its keys in another way, and its state would be lost: "
		"expected a place before %s's own senders, or behind it",
		pair->op->pipeline, pair->op->name, pair->op->name);
	return -EINVAL;
}

// Sources: what they read has to be shared out anew.
static int check_sharing(const struct pair *pair, char *text, size_t size) {
	const struct operator *op = pair->op;
	const struct operator_sharing *sharing = op->type->sharing;
	unsigned most = sharing != NULL && sharing->most != NULL ? sharing->most(op) : UINT_MAX;
	if (sharing == NULL)
		snprintf(text, size, "as it runs: what the instances of type %s read was shared out at their start",
			op->type->name);
	else if (pair->planned->instance_count <= most)
		return 0;
	else if (most > op->instance_count)
		snprintf(text, size, "or up to %u: it has no more %s", most, sharing->parts);
	else
		snprintf(text, size, "or fewer: it has no more %s", sharing->parts);
	return -EINVAL;
}

// Instances come and go: whose state they share, or can hand over, or can emit.
static int check_parallelism(const struct pair *pair, char *text, size_t size) {
	const struct operator *op = pair->op;
	const struct operator_type *type = op->type;
	unsigned count = pair->planned->instance_count;
	bool has_keys = type->key != NULL || type->key_option != NULL;
	if (count == op->instance_count)
		return 0;
	int length = snprintf(
		text, size, "%s/%s: parallelism %u: expected %u, ", op->pipeline, op->name, count, op->instance_count);
	text += length;
	size -= RTE_MIN(size, (size_t)length);
	if (type->poll != NULL)
		return check_sharing(pair, text, size);
	if (has_keys && type->group_enter == NULL)
		snprintf(text, size, "as it runs: type %s keeps state per key that can't be handed over", type->name);
	else if (has_keys && count > operator_part_count(op))
		snprintf(text, size, "or up to %u: its state per key has no more parts", operator_part_count(op));
	else if (type->is_fixed_because != NULL)
		snprintf(text, size, "as it runs: %s", type->is_fixed_because);
	else
		return 0;
	return -EINVAL;
}

static int check_pair(const struct pair *pair, char *text, size_t size) {
	const struct operator *op = pair->op;
	if (op->type != pair->config->type) {
		snprintf(text, size,
			"%s/%s: type %s runs under that name: expected the same type, not %s, or another name",
			op->pipeline, op->name, op->type->name, pair->config->type->name);
		return -EINVAL;
	}
	int rc = check_parallelism(pair, text, size);
	if (rc == 0)
		rc = check_options(pair, text, size);
	return rc == 0 ? check_inputs(pair, text, size) : rc;
}

int node_diff_check(struct node *node, const struct plan *plan, char *text, size_t size) {
	int rc = 0;
	pthread_mutex_lock(&node->settings_lock);
	for (unsigned i = 0; rc == 0 && i < plan->operator_count; i++) {
		struct pair pair;
		if (find_pair(node, plan, i, &pair))
			rc = check_pair(&pair, text, size);
	}
	pthread_mutex_unlock(&node->settings_lock);
	return rc;
}

static bool weighs_alike(const struct pipeline_stream *a, const struct pipeline_stream *b) {
	bool is_same = a->weight_count == b->weight_count;
	for (unsigned i = 0; is_same && i < a->weight_count; i++)
		is_same = a->weights[i] == b->weights[i];
	return is_same;
}

// Whether a pipeline has a stream of the same ends; `*is_same`: which also groups as this one.
static bool has_stream(const struct pipeline *pipeline, const struct pipeline *of, const struct pipeline_stream *wanted,
	bool *is_same) {
	for (unsigned i = 0; i < pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &pipeline->streams[i];
		if (stream->output != wanted->output || stream->input != wanted->input ||
			strcmp(pipeline->operators[stream->from].name, of->operators[wanted->from].name) != 0 ||
			strcmp(pipeline->operators[stream->to].name, of->operators[wanted->to].name) != 0)
			continue;
		*is_same = stream->grouping == wanted->grouping && weighs_alike(stream, wanted);
		return true;
	}
	return false;
}

// A list of what is done to many: "; adds a, b".
struct list {
	const char *verb;
	bool has_any;
	char *text;
	size_t size;
};

static void list_begin(struct list *list) {
	text_append(list->text, list->size, "%s ", list->has_any ? "," : list->verb);
	list->has_any = true;
}

static void list_streams(const struct pipeline *in, const struct pipeline *other, struct list *list) {
	for (unsigned i = 0; i < in->stream_count; i++) {
		bool is_same;
		if (has_stream(other, in, &in->streams[i], &is_same))
			continue;
		list_begin(list);
		text_append(list->text, list->size, "%s -> %s", in->operators[in->streams[i].from].name,
			in->operators[in->streams[i].to].name);
	}
}

static void list_groupings(const struct pipeline *after, const struct pipeline *before, struct list *list) {
	for (unsigned i = 0; i < after->stream_count; i++) {
		const struct pipeline_stream *stream = &after->streams[i];
		bool is_same = true;
		if (!has_stream(before, after, stream, &is_same) || is_same)
			continue;
		list_begin(list);
		text_append(list->text, list->size, "%s -> %s %s", after->operators[stream->from].name,
			after->operators[stream->to].name, grouping_names[stream->grouping]);
		for (unsigned w = 0; w < stream->weight_count; w++)
			text_append(list->text, list->size, "%c%u", w == 0 ? ' ' : '/', stream->weights[w]);
	}
}

static void list_operators(const struct pipeline *in, const struct pipeline *other, struct list *list) {
	for (unsigned i = 0; i < in->operator_count; i++) {
		if (other != NULL && find_operator(other, in->operators[i].name) < other->operator_count)
			continue;
		list_begin(list);
		text_append(list->text, list->size, "%s", in->operators[i].name);
	}
}

static void list_options(
	const struct node *node, const struct plan *plan, const struct pipeline *after, struct list *list) {
	for (unsigned i = 0; i < plan->operator_count; i++) {
		struct pair pair;
		if (!find_pair(node, plan, i, &pair) || pair.after != after)
			continue;
		if (pair.op->instance_count != pair.planned->instance_count) {
			list_begin(list);
			text_append(list->text, list->size, "%s.parallelism %u (was %u)", pair.op->name,
				pair.planned->instance_count, pair.op->instance_count);
		}
		const struct option *option = pair.op->type->options;
		for (; option != NULL && option->name != NULL; option++) {
			if (is_same_value(&pair, option))
				continue;
			list_begin(list);
			text_append(list->text, list->size, "%s.%s ", pair.op->name, option->name);
			append_value(option, pair.config->options, list->text, list->size);
			text_append(list->text, list->size, " (was ");
			append_value(option, pair.op->options, list->text, list->size);
			text_append(list->text, list->size, ")");
		}
	}
}

static void list_weight(const struct pipeline *after, const struct pipeline *before, struct list *list) {
	if (after->weight == before->weight)
		return;
	list_begin(list);
	text_append(list->text, list->size, "weight %u (was %u)", after->weight, before->weight);
}

// One pipeline that runs and goes on.
static void describe_change(
	const struct node *node, const struct plan *plan, const struct pipeline *after, char *text, size_t size) {
	const struct pipeline *before = find_pipeline(node->plan, after->name);
	struct list lists[] = {{"; adds"}, {"; removes"}, {"; joins"}, {"; parts"}, {"; groups"}, {"; sets"}};
	size_t used = strlen(text);
	for (unsigned i = 0; i < RTE_DIM(lists); i++) {
		lists[i].text = text;
		lists[i].size = size;
	}
	list_operators(after, before, &lists[0]);
	list_operators(before, after, &lists[1]);
	list_streams(after, before, &lists[2]);
	list_streams(before, after, &lists[3]);
	list_groupings(after, before, &lists[4]);
	list_weight(after, before, &lists[5]);
	list_options(node, plan, after, &lists[5]);
	if (strlen(text) == used)
		text_append(text, size, "; no difference");
	if (text[used] == ';')
		text[used] = ':';
}

void node_diff_describe(struct node *node, const struct plan *plan, char *text, size_t size) {
	const char *lead = "";
	pthread_mutex_lock(&node->settings_lock);
	for (unsigned i = 0; i < plan->config->pipeline_count; i++) {
		const struct pipeline *after = &plan->config->pipelines[i];
		const struct pipeline *before = find_pipeline(node->plan, after->name);
		if (before != NULL && before->operators == after->operators)
			continue;
		text_append(text, size, "%s%s", lead, after->name);
		lead = "; ";
		if (before != NULL)
			describe_change(node, plan, after, text, size);
		else
			text_append(text, size, ": new, %u operators", after->operator_count);
	}
	pthread_mutex_unlock(&node->settings_lock);
}

static void set_options(const struct pair *pair) {
	const struct option *option = pair->op->type->options;
	for (; option != NULL && option->name != NULL; option++) {
		char value[VALUE_SIZE], error[VALUE_SIZE];
		if (!option->live || is_same_value(pair, option))
			continue;
		option_format_value(option, pair->config->options, value, sizeof(value));
		option_set(option, (void *)pair->op->options, value, error, sizeof(error));
	}
}

void node_diff_set_options(struct node *node, const struct plan *old) {
	pthread_mutex_lock(&node->settings_lock);
	for (unsigned i = 0; i < node->plan->operator_count; i++) {
		struct pair pair;
		if (!find_pair(node, node->plan, i, &pair))
			continue;
		const struct pipeline *before = find_pipeline(old, pair.after->name);
		// In one that was not changed, what was set by hand stays.
		if (before != NULL && before->operators != pair.after->operators)
			set_options(&pair);
	}
	atomic_fetch_add(&node->settings, 1);
	pthread_mutex_unlock(&node->settings_lock);
}
