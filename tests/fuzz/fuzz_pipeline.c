// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz the reader of configurations: up to the first zero byte one setting a line, the rest YAML. What it accepts must
// be whole; what it refuses must be said in one line.
#include <stdlib.h>
#include <string.h>

#include "dataplane/pipeline.h"
#include "tests/unit/fake_operators.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SETTINGS_MAX = 8 };

static void require(bool holds) {
	if (!holds)
		abort();
}

static void check_streams(const struct pipeline *pipeline) {
	for (unsigned i = 0; i < pipeline->stream_count; i++) {
		const struct pipeline_stream *stream = &pipeline->streams[i];
		require(stream->from < pipeline->operator_count && stream->to < pipeline->operator_count);
		require(stream->from != stream->to && stream->schema != NULL && stream->grouping < GROUPINGS);
		require(stream->output < OPERATOR_OUTPUTS_MAX);
		require((stream->key_count > 0) == (stream->grouping == GROUPING_KEY));
		for (unsigned k = 0; k < stream->key_count; k++)
			require(schema_field(stream->schema, stream->key[k]->name) == stream->key[k]);
	}
}

// Every value can be written as text that reads back as the same.
static void check_options(const struct pipeline_operator *op) {
	char text[4096], again[4096], error[256];
	for (const struct option *option = op->type->options; option != NULL && option->name != NULL; option++) {
		option_format_value(option, op->options, text, sizeof(text));
		if (strlen(text) + 1 == sizeof(text) || option->type == OPTION_LIST)
			continue;
		require(option_set(option, op->options, text, error, sizeof(error)) == 0);
		option_format_value(option, op->options, again, sizeof(again));
		require(strcmp(text, again) == 0);
	}
}

static void check_accepted(const struct node_config *config) {
	require(config->ring_size >= 64 && config->ring_size <= 65536 && config->node != NULL);
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		const struct pipeline *pipeline = &config->pipelines[i];
		require(pipeline->name != NULL && pipeline->operator_count > 0);
		for (unsigned j = 0; j < pipeline->operator_count; j++) {
			require(pipeline->operators[j].name != NULL && pipeline->operators[j].type != NULL);
			check_options(&pipeline->operators[j]);
		}
		check_streams(pipeline);
	}
}

// Cut the settings off the front of the text.
static unsigned split_settings(char *text, const char **settings) {
	unsigned count = 0;
	for (char *line = strtok(text, "\n"); line != NULL && count < SETTINGS_MAX; line = strtok(NULL, "\n"))
		settings[count++] = line;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const uint8_t *zero = size > 0 ? memchr(data, '\0', size) : NULL;
	const uint8_t *yaml = zero == NULL ? data : zero + 1;
	char *head = zero == NULL ? NULL : strdup((const char *)data);
	const char *settings[SETTINGS_MAX];
	unsigned setting_count = head == NULL ? 0 : split_settings(head, settings);

	struct node_config config;
	struct config_error error;
	int ret = node_config_parse("fuzz.yaml", (const char *)yaml, size - (size_t)(yaml - data), settings,
		setting_count, &config, &error);
	if (ret == 0) {
		check_accepted(&config);
		node_config_free(&config);
	} else {
		require(ret == -EINVAL && error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
		require(strncmp(error.text, "fuzz.yaml:", 10) == 0 || strncmp(error.text, "--set ", 6) == 0);
	}
	free(head);
	return 0;
}
