// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Settings from the command line: which operator of which pipeline, or which of the node's options, one means.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/pipeline_read.h"

enum { SHOWN_MAX = 120 }; // bytes of a setting in a message

static int fail_form(struct config_reader *reader, const struct location *where) {
	return config_fail(reader->error, where,
		"expected operator.option=value, pipeline/operator.option=value or node-option=value");
}

static int fail_target(
	struct config_reader *reader, const struct location *where, const char *pipeline, const char *op) {
	struct text_names names = {0};
	const struct node_config *config = reader->config;
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		const struct pipeline *candidate = &config->pipelines[i];
		if (pipeline != NULL && strcmp(candidate->name, pipeline) != 0)
			continue;
		for (unsigned j = 0; j < candidate->operator_count; j++)
			text_names_add(&names, candidate->operators[j].name);
	}
	if (names.count > 0)
		return config_fail_unknown(reader->error, where, NULL, op, "operator", &names);
	for (unsigned i = 0; i < config->pipeline_count; i++)
		text_names_add(&names, config->pipelines[i].name);
	if (names.count > 0)
		return config_fail_unknown(reader->error, where, NULL, pipeline, "pipeline", &names);
	return config_fail_text(reader->error, where, NULL, op, "no pipeline is configured");
}

static int set_operator(struct config_reader *reader, const char *pipeline, const char *op,
	const struct config_value *value, const struct location *where) {
	const struct node_config *config = reader->config;
	unsigned found = 0, found_pipeline = 0, found_operator = 0;
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		const struct pipeline *candidate = &config->pipelines[i];
		if (pipeline != NULL && strcmp(candidate->name, pipeline) != 0)
			continue;
		for (unsigned j = 0; j < candidate->operator_count; j++) {
			if (strcmp(candidate->operators[j].name, op) != 0)
				continue;
			if (found++ > 0)
				return config_fail_text(reader->error, where, NULL, op,
					"in several pipelines; expected %s/%s.%s or %s/%s.%s",
					config->pipelines[found_pipeline].name, op, value->key, candidate->name, op,
					value->key);
			found_pipeline = i;
			found_operator = j;
		}
	}
	if (found == 0)
		return fail_target(reader, where, pipeline, op);
	return pipeline_set_operator_option(reader, found_pipeline, found_operator, value, where);
}

static int set_node(struct config_reader *reader, const struct config_value *value, const struct location *where) {
	if (option_lookup(node_options, value->key) != NULL)
		return pipeline_set_node_option(reader, value, where);
	struct text_names names = {0};
	for (const struct option *option = node_options; option->name != NULL; option++)
		text_names_add(&names, option->name);
	text_names_add(&names, "operator.option");
	return config_fail_unknown(reader->error, where, NULL, value->key, "node option", &names);
}

static int apply(struct config_reader *reader, char *target, char *text, const struct location *where) {
	char *pipeline = NULL, *op = NULL, *option = target;
	char *slash = strchr(target, '/');
	if (slash != NULL) {
		*slash = '\0';
		pipeline = target;
		option = slash + 1;
	}
	char *dot = strchr(option, '.');
	if (dot != NULL) {
		*dot = '\0';
		op = option;
		option = dot + 1;
	}
	bool is_incomplete = option[0] == '\0' || (op != NULL && op[0] == '\0');
	if (is_incomplete || (pipeline != NULL && op == NULL))
		return fail_form(reader, where);
	struct config_value value = {.kind = CONFIG_TEXT, .file = where->file, .key = option, .text = text};
	return op == NULL ? set_node(reader, &value, where) : set_operator(reader, pipeline, op, &value, where);
}

int pipeline_apply_setting(struct config_reader *reader, const char *setting) {
	char *shown = NULL, *target = strdup(setting);
	int ret = -ENOMEM;
	if (target == NULL ||
		asprintf(&shown, "--set %.*s%s", SHOWN_MAX, setting, strlen(setting) > SHOWN_MAX ? "..." : "") < 0) {
		shown = NULL;
		goto out;
	}
	struct location where = {.file = config_keep_name(reader, shown)};
	if (where.file == NULL)
		goto out;
	char *equals = strchr(target, '=');
	if (equals == NULL) {
		ret = fail_form(reader, &where);
		goto out;
	}
	*equals = '\0';
	ret = apply(reader, target, equals + 1, &where);
out:
	free(shown);
	free(target);
	return ret;
}
