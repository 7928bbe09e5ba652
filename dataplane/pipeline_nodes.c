// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Pipelines over several nodes: once a pipeline has been checked as a whole, this node's part is cut out of it. Where a
// stream leaves it a sink sends, where one comes in a source receives (switch/link_operators.h); the receiving node
// does the grouping, so one copy of each tuple crosses the link whatever it is. All nodes read the same file and come
// to the same channels: as many for a stream as its sender has instances, where that is given, else one.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/pipeline_read.h"
#include "dataplane/switch/link_operators.h"
#include "dataplane/switch/link_switch.h"

enum { SPILL_DEFAULT = 256 << 20, BOUNDED_MAX = 1 << 30 }; // bytes

// The whole, and what becomes of it.
struct cut {
	struct config_reader *reader;
	struct pipeline *pipeline;
	struct pipeline_operator *operators; // this node's
	struct pipeline_stream *streams;
	unsigned operator_count, stream_count;
	unsigned *index_of; // [pipeline->operator_count] in `operators`
};

static int check_nodes(const struct config_reader *reader) {
	const struct node_config *config = reader->config;
	struct text_names names = {0};
	struct location where = reader->node_option_where[option_lookup(node_options, "nodes") - node_options];
	struct link_node nodes[PIPELINE_NODES_MAX];
	bool is_there = false, has_keys = config->key != NULL && config->allowed_nodes != NULL;
	for (unsigned i = 0; i < config->nodes.count; i++) {
		char message[LINK_ERROR_MAX];
		if (link_node_parse(config->nodes.items[i], &nodes[i], message) < 0 ||
			(reader->reads_files && link_node_check(&nodes[i], has_keys, message) < 0))
			return config_fail(reader->error, &where, "nodes: %s", message);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(nodes[i].name, nodes[j].name) == 0)
				return config_fail_text(reader->error, &where, "nodes", nodes[i].name, "given twice");
		is_there |= strcmp(nodes[i].name, config->node) == 0;
		text_names_add(&names, nodes[i].name);
	}
	if (config->allowed_nodes != NULL && config->key == NULL && reader->reads_files)
		return config_fail(reader->error,
			&reader->node_option_where[option_lookup(node_options, "allowed_nodes") - node_options],
			"allowed_nodes: expected key, this node's own, as well");
	if (is_there || config->nodes.count == 0)
		return 0;
	return config_fail_unknown(reader->error, &where, "node", config->node, "node", &names);
}

static bool is_listed(const struct node_config *config, const char *name) {
	struct link_node node;
	char ignored[LINK_ERROR_MAX];
	for (unsigned i = 0; i < config->nodes.count; i++)
		if (link_node_parse(config->nodes.items[i], &node, ignored) == 0 && strcmp(node.name, name) == 0)
			return true;
	return false;
}

// Where some operators of a pipeline say their node, all do.
static int check_operators(const struct config_reader *reader, const struct pipeline *pipeline) {
	for (unsigned i = 0; i < pipeline->operator_count; i++) {
		const struct pipeline_operator *op = &pipeline->operators[i];
		if (op->node == NULL)
			return config_fail(reader->error, &op->where,
				"%s: no node; expected one, as other operators of %s have", op->name, pipeline->name);
		if (reader->config->nodes.count == 0)
			return config_fail_text(reader->error, &op->where, op->name, op->node,
				"no nodes; expected nodes: {%s: tcp://ADDRESS:PORT, ...} as well", op->node);
		if (!is_listed(reader->config, op->node))
			return config_fail_text(reader->error, &op->where, op->name, op->node,
				"not one of nodes; expected one of those");
	}
	return 0;
}

static bool is_here(const struct cut *cut, unsigned op) {
	return strcmp(cut->pipeline->operators[op].node, cut->reader->config->node) == 0;
}

// `words>count`, with the output and the input where there are several.
static void name_stream(const struct cut *cut, const struct pipeline_stream *stream, char *out, size_t size) {
	const struct pipeline_operator *from = &cut->pipeline->operators[stream->from],
				       *to = &cut->pipeline->operators[stream->to];
	bool has_outputs = from->type->outputs[1].name != NULL;
	snprintf(out, size, "%s%s%s>%s%s%s", from->name, has_outputs ? "." : "",
		has_outputs ? from->type->outputs[stream->output].name : "", to->name,
		to->type->inputs != NULL ? "." : "",
		to->type->inputs != NULL ? to->type->inputs[stream->input].name : "");
}

// What only this engine can carry, or can't yet.
static int check_stream(const struct cut *cut, const struct pipeline_stream *stream) {
	const struct pipeline_operator *from = &cut->pipeline->operators[stream->from],
				       *to = &cut->pipeline->operators[stream->to];
	if (stream->schema->body == SCHEMA_PACKET)
		return config_fail(cut->reader->error, &stream->where,
			"%s -> %s: packets do not cross nodes yet, records do; expected both on one node", from->name,
			to->name);
	if (stream->grouping == GROUPING_FORWARD && from->parallelism == 0)
		return config_fail(cut->reader->error, &stream->where,
			"%s -> %s: grouping forward between nodes; expected %s.parallelism to be given", from->name,
			to->name, from->name);
	return 0;
}

// What spills does so at its sender alone.
static uint64_t queue_size(const struct node_config *config, const struct pipeline_stream *stream, bool sends) {
	if (stream->queue == QUEUE_BOUNDED)
		return stream->queue_size > 0 ? stream->queue_size : config->link_queue;
	if (!sends)
		return config->link_queue;
	return stream->queue_size > 0 ? stream->queue_size : SPILL_DEFAULT;
}

static int add_end(struct cut *cut, const struct pipeline_stream *stream, bool sends, unsigned *index) {
	const struct pipeline_operator *from = &cut->pipeline->operators[stream->from],
				       *to = &cut->pipeline->operators[stream->to];
	const struct node_config *config = cut->reader->config;
	struct pipeline_operator *op = &cut->operators[cut->operator_count];
	struct link_channel_options *options = calloc(1, sizeof(*options));
	if (options == NULL)
		return -ENOMEM;
	snprintf(options->node, sizeof(options->node), "%s", sends ? to->node : from->node);
	name_stream(cut, stream, options->stream, sizeof(options->stream));
	options->spills = sends && stream->queue == QUEUE_SPILL;
	options->queue_size = queue_size(config, stream, sends);
	options->rate = stream->rate_bps / 8;
	*op = (struct pipeline_operator){
		.name = strdup(options->stream),
		.type = sends ? &link_out_type : &link_in_type,
		.options = options,
		.parallelism = from->parallelism > 0 ? from->parallelism : 1,
		.where = stream->where,
	};
	*index = cut->operator_count++;
	op->inputs[0] = sends ? stream->schema : NULL;
	op->outputs[0] = sends ? NULL : stream->schema;
	return op->name == NULL ? -ENOMEM : 0;
}

static int add_stream(struct cut *cut, const struct pipeline_stream *stream) {
	bool from_here = is_here(cut, stream->from), to_here = is_here(cut, stream->to);
	if (!from_here && !to_here)
		return 0;
	struct pipeline_stream *own = &cut->streams[cut->stream_count];
	*own = *stream;
	int ret = from_here && to_here ? 0 : check_stream(cut, stream);
	if (ret == 0 && from_here)
		own->from = cut->index_of[stream->from];
	else if (ret == 0)
		ret = add_end(cut, stream, false, &own->from);
	if (ret == 0 && to_here)
		own->to = cut->index_of[stream->to];
	else if (ret == 0)
		ret = add_end(cut, stream, true, &own->to);
	if (ret < 0)
		return ret;
	cut->stream_count++;
	if (!from_here)
		own->output = 0;
	if (!to_here) {
		const bool is_counted = cut->pipeline->operators[stream->from].parallelism > 0;
		own->grouping = is_counted ? GROUPING_FORWARD : GROUPING_GLOBAL;
		own->input = 0;
		own->key_count = own->weight_count = 0;
		own->symmetric = false;
	}
	// Weights are freed with the stream that has them.
	own->weights = NULL;
	if (to_here && stream->weight_count > 0) {
		own->weights = calloc(stream->weight_count, sizeof(*own->weights));
		if (own->weights == NULL)
			return -ENOMEM;
		memcpy(own->weights, stream->weights, stream->weight_count * sizeof(*own->weights));
	}
	return 0;
}

static int cut_out(struct cut *cut) {
	const struct pipeline *pipeline = cut->pipeline;
	unsigned most = pipeline->operator_count + 2 * pipeline->stream_count;
	cut->operators = calloc(most + 1, sizeof(*cut->operators));
	cut->streams = calloc(pipeline->stream_count + 1, sizeof(*cut->streams));
	cut->index_of = calloc(pipeline->operator_count + 1, sizeof(*cut->index_of));
	if (cut->operators == NULL || cut->streams == NULL || cut->index_of == NULL)
		return -ENOMEM;
	// First place for those of this node, whose memory passes over in the end.
	for (unsigned i = 0; i < pipeline->operator_count; i++)
		if (is_here(cut, i))
			cut->index_of[i] = cut->operator_count++;
	unsigned own = cut->operator_count;
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < pipeline->stream_count; i++)
		ret = add_stream(cut, &pipeline->streams[i]);
	if (ret == 0)
		return 0;
	for (unsigned i = own; i < cut->operator_count; i++) {
		free(cut->operators[i].name);
		free(cut->operators[i].options);
	}
	for (unsigned i = 0; i < cut->stream_count; i++)
		free(cut->streams[i].weights);
	return ret;
}

// The part replaces the whole; the operators of other nodes are kept for the schemas that they own.
static void put(struct cut *cut) {
	struct pipeline *pipeline = cut->pipeline;
	struct pipeline_operator *whole = pipeline->operators;
	pipeline->has_live_source = pipeline_has_live_source(pipeline);
	pipeline->is_spread = true;
	for (unsigned i = 0; i < pipeline->operator_count; i++) {
		if (is_here(cut, i))
			cut->operators[cut->index_of[i]] = whole[i];
		else
			whole[pipeline->elsewhere_count++] = whole[i];
	}
	for (unsigned i = 0; i < pipeline->stream_count; i++)
		free(pipeline->streams[i].weights);
	free(pipeline->streams);
	pipeline->elsewhere = whole;
	pipeline->operators = cut->operators;
	pipeline->operator_count = cut->operator_count;
	pipeline->streams = cut->streams;
	pipeline->stream_count = cut->stream_count;
	cut->operators = NULL;
	cut->streams = NULL;
}

// What is said of channels between nodes goes with streams that have some.
static int check_channels(const struct config_reader *reader, const struct pipeline *pipeline) {
	for (unsigned i = 0; i < pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &pipeline->streams[i];
		const struct pipeline_operator *from = &pipeline->operators[stream->from],
					       *to = &pipeline->operators[stream->to];
		const bool crosses = from->node != NULL && to->node != NULL && strcmp(from->node, to->node) != 0;
		const char *given = stream->rate_bps > 0             ? "rate"
				    : stream->queue != QUEUE_BOUNDED ? "queue: spill"
				    : stream->queue_size > 0         ? "queue_size"
								     : NULL;
		if (given != NULL && !crosses)
			return config_fail(reader->error, &stream->where,
				"%s -> %s: %s goes with a stream between two nodes; these are on one", from->name,
				to->name, given);
		if (stream->queue == QUEUE_BOUNDED && stream->queue_size > BOUNDED_MAX)
			return config_fail(reader->error, &stream->where,
				"%s -> %s: queue_size: expected 64KiB..1GiB, or queue: spill beside it", from->name,
				to->name);
	}
	return 0;
}

static int cut_pipeline(struct config_reader *reader, struct pipeline *pipeline) {
	struct cut cut = {.reader = reader, .pipeline = pipeline};
	int ret = check_operators(reader, pipeline);
	if (ret == 0)
		ret = cut_out(&cut);
	if (ret == 0)
		put(&cut);
	free(cut.operators);
	free(cut.streams);
	free(cut.index_of);
	return ret;
}

static bool has_nodes(const struct pipeline *pipeline) {
	for (unsigned i = 0; i < pipeline->operator_count; i++)
		if (pipeline->operators[i].node != NULL)
			return true;
	return false;
}

int pipeline_cut(struct config_reader *reader) {
	int ret = check_nodes(reader);
	for (unsigned i = 0; ret == 0 && i < reader->config->pipeline_count; i++) {
		struct pipeline *pipeline = &reader->config->pipelines[i];
		ret = check_channels(reader, pipeline);
		if (ret == 0 && has_nodes(pipeline))
			ret = cut_pipeline(reader, pipeline);
	}
	return ret;
}
