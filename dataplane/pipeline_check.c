// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A pipeline as a whole: options against each other, ends and cycles; then, in an order in which every stream leads
// forward, the schemas (pipeline_schema.c).
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/pipeline_read.h"

// What the check works out on its way.
struct check {
	struct config_reader *reader;
	struct pipeline *pipeline;
	unsigned *order;  // [operator_count] the operators, each after all those before it
	unsigned *unseen; // [operator_count] inputs from operators that are not in `order` yet
};

static const struct pipeline_operator *stream_end(const struct check *check, unsigned index) {
	return &check->pipeline->operators[index];
}

// A required text that is empty is as good as none.
static bool is_missing(const struct option *option, const void *options, bool is_given) {
	const char *const *value = (const void *)((const char *)options + option->offset);
	return option->required && (!is_given || (option->type == OPTION_STRING && (*value)[0] == '\0'));
}

static int check_operator(struct config_reader *reader, const struct pipeline_operator *op, uint64_t given) {
	const struct operator_type *type = op->type;
	for (unsigned i = 0; type->options != NULL && type->options[i].name != NULL && i < OPERATOR_OPTIONS_MAX; i++) {
		if (!is_missing(&type->options[i], op->options, (given >> i & 1) != 0))
			continue;
		char expected[256];
		option_format_expected(&type->options[i], expected, sizeof(expected));
		return config_fail(reader->error, &op->where, "%s.%s: missing; expected %s%s%s", op->name,
			type->options[i].name, expected, type->options[i].help != NULL ? ": " : "",
			type->options[i].help != NULL ? type->options[i].help : "");
	}
	char message[400] = "";
	if (type->check != NULL && type->check(op->options, message, sizeof(message)) != 0)
		return config_fail(reader->error, &op->where, "%s: %s", op->name, message);
	return 0;
}

static int check_stream_ends(struct check *check, const struct pipeline_stream *stream) {
	const struct pipeline_operator *from = stream_end(check, stream->from), *to = stream_end(check, stream->to);
	struct config_error *error = check->reader->error;
	if (from->type->outputs == NULL || from->type->outputs[0].name == NULL)
		return config_fail(error, &stream->where, "%s -> %s: %s is a sink, %s has no output", from->name,
			to->name, from->name, from->type->name);
	if (to->type->poll != NULL)
		return config_fail(error, &stream->where, "%s -> %s: %s is a source, %s has no input", from->name,
			to->name, to->name, to->type->name);
	if (stream->grouping == GROUPING_FORWARD && from->parallelism != 0 && to->parallelism != 0 &&
		from->parallelism != to->parallelism)
		return config_fail(error, &stream->where,
			"%s -> %s: forward joins instance i to instance i, but %s has parallelism %u and %s %u; "
			"expected equal parallelism, or grouping shuffle, key or global",
			from->name, to->name, from->name, from->parallelism, to->name, to->parallelism);
	return 0;
}

static bool has_stream_to(const struct pipeline *pipeline, unsigned to, unsigned input) {
	for (unsigned i = 0; i < pipeline->stream_count; i++)
		if (pipeline->streams[i].to == to && pipeline->streams[i].input == input)
			return true;
	return false;
}

// Each input of an operator needs a stream.
static int check_inputs(const struct check *check, unsigned index) {
	const struct pipeline_operator *op = stream_end(check, index);
	const struct operator_type *type = op->type;
	if (type->poll == NULL && check->unseen[index] == 0)
		return config_fail(check->reader->error, &op->where,
			"%s: no stream leads to it; %s is not a source and needs an input", op->name, type->name);
	for (unsigned i = 0; type->inputs != NULL && type->inputs[i].name != NULL; i++)
		if (!type->inputs[i].optional && !has_stream_to(check->pipeline, index, i))
			return config_fail(check->reader->error, &op->where,
				"%s: no stream leads to its input %s; expected one such as {from: NAME, to: %s.%s}",
				op->name, type->inputs[i].name, op->name, type->inputs[i].name);
	return 0;
}

static int check_ends(struct check *check) {
	struct pipeline *pipeline = check->pipeline;
	for (unsigned i = 0; i < pipeline->stream_count; i++) {
		int ret = check_stream_ends(check, &pipeline->streams[i]);
		if (ret != 0)
			return ret;
		check->unseen[pipeline->streams[i].to]++;
	}
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < pipeline->operator_count; i++)
		ret = check_inputs(check, i);
	return ret;
}

// Some stream to `to` from an operator that is on or behind a cycle.
static const struct pipeline_stream *stream_from_unseen(const struct check *check, unsigned to) {
	for (unsigned i = 0; i < check->pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &check->pipeline->streams[i];
		if (stream->to == to && check->unseen[stream->from] > 0)
			return stream;
	}
	return NULL;
}

// Every operator left has an input from another one left: going back from any of them ends in a cycle.
static int fail_cycle(const struct check *check) {
	const struct pipeline *pipeline = check->pipeline;
	unsigned path[PIPELINE_OPERATORS_MAX + 1], length = 0, at = 0, first = 0;
	while (check->unseen[at] == 0)
		at++;
	const struct pipeline_stream *stream = NULL;
	bool is_cycle = false;
	while (!is_cycle) {
		path[length++] = at;
		stream = stream_from_unseen(check, at);
		at = stream->from;
		for (first = 0; first < length && path[first] != at; first++)
			;
		is_cycle = first < length;
	}
	char text[400] = "";
	text_append(text, sizeof(text), "%s", pipeline->operators[at].name);
	for (unsigned i = length; i-- > first;)
		text_append(text, sizeof(text), " -> %s", pipeline->operators[path[i]].name);
	return config_fail(check->reader->error, &stream->where, "streams: a cycle: %s; expected none", text);
}

// Sort the operators so that every stream leads forward (Kahn 1962).
static int sort(struct check *check) {
	const struct pipeline *pipeline = check->pipeline;
	unsigned count = 0;
	for (unsigned i = 0; i < pipeline->operator_count; i++)
		if (check->unseen[i] == 0)
			check->order[count++] = i;
	for (unsigned next = 0; next < count; next++)
		for (unsigned i = 0; i < pipeline->stream_count; i++) {
			const struct pipeline_stream *stream = &pipeline->streams[i];
			if (stream->from == check->order[next] && --check->unseen[stream->to] == 0)
				check->order[count++] = stream->to;
		}
	return count == pipeline->operator_count ? 0 : fail_cycle(check);
}

int pipeline_check(struct config_reader *reader, unsigned index) {
	struct pipeline *pipeline = &reader->config->pipelines[index];
	for (unsigned i = 0; i < pipeline->operator_count; i++) {
		int ret = check_operator(reader, &pipeline->operators[i], reader->drafts[index].given[i]);
		if (ret != 0)
			return ret;
	}
	struct check check = {
		.reader = reader,
		.pipeline = pipeline,
		.order = calloc(pipeline->operator_count + 1, sizeof(*check.order)),
		.unseen = calloc(pipeline->operator_count + 1, sizeof(*check.unseen)),
	};
	int ret = -ENOMEM;
	if (check.order != NULL && check.unseen != NULL)
		ret = check_ends(&check);
	if (ret == 0)
		ret = sort(&check);
	if (ret == 0)
		ret = pipeline_resolve(reader, index, check.order);
	free(check.order);
	free(check.unseen);
	return ret;
}
