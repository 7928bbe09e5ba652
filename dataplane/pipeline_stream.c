// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The streams of a pipeline: as written under `streams`, or the line that the operators form without it.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/pipeline_read.h"

// One stream as written.
struct stream_text {
	char *from, *to;
	unsigned grouping, channels, queue;
	struct option_list key, weights;
	uint64_t rate_bps, queue_size;
	bool symmetric;
};

static const char *const channel_names[] = {"auto", "ring", NULL};
static const char *const queue_names[] = {"bounded", "spill", NULL};
static const struct option stream_options[] = {
	{"from", OPTION_STRING, offsetof(struct stream_text, from), .required = true},
	{"to", OPTION_STRING, offsetof(struct stream_text, to), .required = true},
	{"grouping", OPTION_ENUM, offsetof(struct stream_text, grouping), .choices = grouping_names},
	{"key", OPTION_LIST, offsetof(struct stream_text, key), .min = 1, .max = GROUPING_KEY_MAX},
	{"weights", OPTION_LIST, offsetof(struct stream_text, weights), .min = 1, .max = PARALLELISM_MAX},
	{"symmetric", OPTION_BOOL, offsetof(struct stream_text, symmetric)},
	{"channels", OPTION_ENUM, offsetof(struct stream_text, channels), .choices = channel_names},
	{"rate", OPTION_RATE, offsetof(struct stream_text, rate_bps), .min = 8, .max = UINT64_C(1000000000000)},
	{"queue", OPTION_ENUM, offsetof(struct stream_text, queue), .choices = queue_names},
	{"queue_size", OPTION_SIZE, offsetof(struct stream_text, queue_size), .min = 64 << 10,
		.max = UINT64_C(64) << 30},
	{0},
};

static int read_stream(struct config_reader *reader, const struct config_value *entry, struct stream_text *stream) {
	struct location where = {.file = entry->file, .line = entry->line};
	if (entry->kind != CONFIG_MAP)
		return config_fail(reader->error, &where, "streams: expected a map such as {from: a, to: b}");
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < entry->count; i++) {
		const struct config_value *value = &entry->items[i];
		const struct option *option = option_lookup(stream_options, value->key);
		char who[80];
		snprintf(who, sizeof(who), "streams.%.60s", value->key);
		struct config_owner owner = {.who = who, .where = config_where(value)};
		if (option != NULL) {
			ret = config_set_option(reader, option, stream, value, &owner);
			continue;
		}
		struct text_names names = {0};
		for (option = stream_options; option->name != NULL; option++)
			text_names_add(&names, option->name);
		ret = config_fail_unknown(reader->error, &owner.where, "streams", value->key, "key", &names);
	}
	if (ret == 0 && (stream->from == NULL || stream->to == NULL))
		ret = config_fail(reader->error, &where, "streams: no %s; expected {from: NAME, to: NAME}",
			stream->from == NULL ? "from" : "to");
	return ret;
}

static int lookup_operator(struct config_reader *reader, const struct pipeline *pipeline,
	const struct config_value *value, const char *name, unsigned *index) {
	for (*index = 0; *index < pipeline->operator_count; ++*index)
		if (strcmp(pipeline->operators[*index].name, name) == 0)
			return 0;
	struct text_names names = {0};
	for (unsigned i = 0; i < pipeline->operator_count; i++)
		text_names_add(&names, pipeline->operators[i].name);
	char who[16];
	snprintf(who, sizeof(who), "streams.%s", value->key);
	struct location where = config_where(value);
	return config_fail_unknown(reader->error, &where, who, name, "operator", &names);
}

// One end of a stream: `stats` or `stats.updates`.
//   port  the part after the dot, which is freed with *name; NULL: there is none
static int resolve_end(struct config_reader *reader, const struct pipeline *pipeline, const struct config_value *value,
	unsigned *index, char **name, char **port) {
	*name = strdup(value->text);
	if (*name == NULL)
		return -ENOMEM;
	*port = strchr(*name, '.');
	if (*port != NULL)
		*(*port)++ = '\0';
	return lookup_operator(reader, pipeline, value, *name, index);
}

static int resolve_from(struct config_reader *reader, const struct pipeline *pipeline, const struct config_value *value,
	struct pipeline_stream *stream) {
	char *name = NULL, *output = NULL;
	int ret = resolve_end(reader, pipeline, value, &stream->from, &name, &output);
	stream->output = UINT_MAX;
	if (ret != 0 || output == NULL)
		goto out;
	struct text_names names = {0};
	const struct operator_output *outputs = pipeline->operators[stream->from].type->outputs;
	for (unsigned i = 0; outputs != NULL && outputs[i].name != NULL; i++) {
		if (strcmp(outputs[i].name, output) == 0)
			stream->output = i;
		text_names_add(&names, outputs[i].name);
	}
	if (stream->output == UINT_MAX && names.count > 0) {
		struct location where = config_where(value);
		ret = config_fail_unknown(reader->error, &where, "streams.from", value->text, "output", &names);
	}
out:
	free(name);
	return ret;
}

// `join` or `join.left`.
static int resolve_to(struct config_reader *reader, const struct pipeline *pipeline, const struct config_value *value,
	struct pipeline_stream *stream) {
	char *name = NULL, *input = NULL;
	int ret = resolve_end(reader, pipeline, value, &stream->to, &name, &input);
	stream->input = 0;
	if (ret != 0 || input == NULL)
		goto out;
	struct text_names names = {0};
	struct location where = config_where(value);
	const struct operator_type *type = pipeline->operators[stream->to].type;
	unsigned found = UINT_MAX;
	for (unsigned i = 0; type->inputs != NULL && type->inputs[i].name != NULL; i++) {
		if (strcmp(type->inputs[i].name, input) == 0)
			found = i;
		text_names_add(&names, type->inputs[i].name);
	}
	if (names.count == 0)
		ret = config_fail_text(reader->error, &where, "streams.to", value->text,
			"%s has no inputs by name; expected %s", type->name, name);
	else if (found == UINT_MAX)
		ret = config_fail_unknown(reader->error, &where, "streams.to", value->text, "input", &names);
	stream->input = found;
out:
	free(name);
	return ret;
}

static int check_key_use(
	struct config_reader *reader, const struct config_value *entry, const struct pipeline_stream *stream) {
	static const char *const only[] = {"key", "symmetric"};
	for (unsigned i = 0; i < 2 && !grouping_has_key(stream->grouping); i++) {
		const struct config_value *value = config_tree_lookup(entry, only[i]);
		if (value == NULL)
			continue;
		struct location where = config_where(value);
		return config_fail(reader->error, &where,
			"streams.%s: grouping is %s; expected grouping: key beside it", only[i],
			grouping_names[stream->grouping]);
	}
	return 0;
}

// The weights of a shuffle, one for each instance of the receiver.
static int take_weights(struct config_reader *reader, const struct config_value *entry, const struct option_list *list,
	struct pipeline_stream *stream) {
	static const struct option bounds = {"weights", OPTION_UINT, 0, NULL, 0, WEIGHT_MAX};
	const struct config_value *value = config_tree_lookup(entry, "weights");
	if (value == NULL)
		return 0;
	struct location where = config_where(value);
	if (stream->grouping != GROUPING_SHUFFLE)
		return config_fail(reader->error, &where,
			"streams.weights: grouping is %s; expected grouping: shuffle beside it",
			grouping_names[stream->grouping]);
	stream->weights = calloc(list->count, sizeof(*stream->weights));
	if (stream->weights == NULL)
		return -ENOMEM;
	uint64_t sum = 0;
	for (unsigned i = 0; i < list->count; i++) {
		uint64_t weight;
		char ignored[8];
		if (option_set(&bounds, &weight, list->items[i], ignored, sizeof(ignored)) != 0)
			return config_fail_text(reader->error, &where, "streams.weights", list->items[i],
				"expected whole numbers of 0..%u", (unsigned)WEIGHT_MAX);
		stream->weights[stream->weight_count++] = (unsigned)weight;
		sum += weight;
	}
	return sum > 0 ? 0 : config_fail(reader->error, &where, "streams.weights: all are 0; expected one above that");
}

static int make_stream(struct config_reader *reader, struct pipeline *pipeline, const struct config_value *entry) {
	struct stream_text text = {0};
	struct pipeline_stream *stream = &pipeline->streams[pipeline->stream_count++];
	int ret = read_stream(reader, entry, &text);
	if (ret == 0)
		ret = resolve_from(reader, pipeline, config_tree_lookup(entry, "from"), stream);
	if (ret == 0)
		ret = resolve_to(reader, pipeline, config_tree_lookup(entry, "to"), stream);
	if (ret == 0) {
		bool has_grouping = config_tree_lookup(entry, "grouping") != NULL;
		bool has_channels = config_tree_lookup(entry, "channels") != NULL;
		stream->grouping =
			has_grouping ? text.grouping
				     : pipeline_operator_grouping(&pipeline->operators[stream->to], stream->input);
		stream->channels = has_channels ? text.channels : reader->config->channels;
		stream->symmetric = text.symmetric;
		stream->rate_bps = text.rate_bps;
		stream->queue = text.queue;
		stream->queue_size = text.queue_size;
		stream->where = (struct location){.file = entry->file, .line = entry->line};
		ret = check_key_use(reader, entry, stream);
		if (ret == 0)
			ret = take_weights(reader, entry, &text.weights, stream);
	}
	option_free(stream_options, &text);
	return ret;
}

static void make_line(struct config_reader *reader, struct pipeline *pipeline) {
	for (unsigned i = 0; i + 1 < pipeline->operator_count; i++) {
		const struct pipeline_operator *to = &pipeline->operators[i + 1];
		pipeline->streams[pipeline->stream_count++] = (struct pipeline_stream){
			.from = i,
			.to = i + 1,
			.output = UINT_MAX,
			.grouping = pipeline_operator_grouping(to, 0),
			.channels = reader->config->channels,
			.where = to->where,
		};
	}
}

int pipeline_make_streams(struct config_reader *reader, unsigned index) {
	struct pipeline *pipeline = &reader->config->pipelines[index];
	const struct config_value *list = reader->drafts[index].streams;
	if (list != NULL && list->kind != CONFIG_LIST) {
		struct location where = config_where(list);
		return config_fail(reader->error, &where, "streams: expected a list of streams");
	}
	unsigned count = list != NULL ? list->count : pipeline->operator_count - 1;
	pipeline->streams = calloc(count + 1, sizeof(*pipeline->streams));
	if (pipeline->streams == NULL)
		return -ENOMEM;
	if (list == NULL)
		make_line(reader, pipeline);
	int ret = 0;
	for (unsigned i = 0; ret == 0 && list != NULL && i < count; i++)
		ret = make_stream(reader, pipeline, &list->items[i]);
	return ret;
}
