// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One YAML document to a pipeline: its operators with their options. Its streams are kept as written until the
// settings are applied (pipeline_stream.c).
#include "dataplane/pipeline_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/plugin.h"
#include "dataplane/share.h"

// The text of a member that must be a name.
static int read_name(
	struct config_reader *reader, const struct config_value *value, const char *who, const char **name) {
	struct location where = config_where(value);
	if (value->kind != CONFIG_TEXT || !text_is_name(value->text))
		return config_fail_text(reader->error, &where, who, value->kind == CONFIG_TEXT ? value->text : "[...]",
			"expected a name of 1..63 letters, digits, _ and -");
	*name = value->text;
	return 0;
}

static int check_kind(struct config_reader *reader, const struct config_value *value, enum config_kind kind,
	const char *who, const char *expected) {
	if (value->kind == kind)
		return 0;
	struct location where = {.file = value->file, .line = value->line};
	return config_fail(reader->error, &where, "%s%sexpected %s", who, who[0] == '\0' ? "" : ": ", expected);
}

static int fail_type(struct config_reader *reader, const struct config_value *value, const char *operator_name) {
	char who[80];
	snprintf(who, sizeof(who), "%s.type", operator_name);
	struct location where = config_where(value);
	struct text_names names = {0};
	const struct operator_type *type = NULL;
	while ((type = operator_type_next(type)) != NULL)
		text_names_add(&names, type->name);
	const char *text = value->kind == CONFIG_TEXT ? value->text : "[...]";
	const char *library = operator_type_missing_library(text);
	if (library != NULL)
		return config_fail_text(reader->error, &where, who, text, "built without %s", library);
	return config_fail_unknown(reader->error, &where, who, text, "operator type", &names);
}

// Name and type of an operator, which its options depend on.
static int read_identity(struct config_reader *reader, const struct config_value *entry,
	const struct pipeline *pipeline, struct pipeline_operator *op) {
	op->where = (struct location){.file = entry->file, .line = entry->line};
	const struct config_value *name = config_tree_lookup(entry, "name");
	const struct config_value *type = config_tree_lookup(entry, "type");
	if (name == NULL)
		return config_fail(
			reader->error, &op->where, "operators: no name; expected {name: NAME, type: TYPE, ...}");
	const char *text = NULL;
	int ret = read_name(reader, name, "operators.name", &text);
	if (ret != 0)
		return ret;
	for (unsigned i = 0; i + 1 < pipeline->operator_count; i++) {
		const struct pipeline_operator *other = &pipeline->operators[i];
		struct location where = config_where(name);
		if (strcmp(other->name, text) == 0)
			return config_fail_text(reader->error, &where, "operators.name", text,
				"given to two operators, first on line %u", other->where.line);
	}
	if (type == NULL)
		return config_fail(
			reader->error, &op->where, "%s: no type; expected {name: %s, type: TYPE, ...}", text, text);
	op->type = type->kind == CONFIG_TEXT ? operator_type_lookup(type->text) : NULL;
	if (op->type == NULL)
		return fail_type(reader, type, text);
	op->name = strdup(text);
	return op->name == NULL ? -ENOMEM : 0;
}

static int read_operator(struct config_reader *reader, unsigned pipeline_index, const struct config_value *entry) {
	struct pipeline *pipeline = &reader->config->pipelines[pipeline_index];
	int ret = check_kind(reader, entry, CONFIG_MAP, "operators", "a map such as {name: sink, type: json}");
	if (ret != 0)
		return ret;
	unsigned index = pipeline->operator_count++;
	struct pipeline_operator *op = &pipeline->operators[index];
	ret = read_identity(reader, entry, pipeline, op);
	const struct operator_type *type = op->type;
	if (ret != 0 || type == NULL)
		return ret;
	op->parallelism = type->parallelism;
	// One byte at least, so that a type without options has a struct of its own too.
	op->options = calloc(1, type->options_size + 1);
	if (op->options == NULL || option_set_defaults(type->options, op->options) != 0)
		return -ENOMEM;
	for (unsigned i = 0; ret == 0 && i < entry->count; i++) {
		const struct config_value *value = &entry->items[i];
		struct location where = config_where(value);
		if (strcmp(value->key, "name") != 0 && strcmp(value->key, "type") != 0)
			ret = pipeline_set_operator_option(reader, pipeline_index, index, value, &where);
	}
	return ret;
}

static int read_operators(struct config_reader *reader, unsigned index, const struct config_value *list) {
	struct pipeline *pipeline = &reader->config->pipelines[index];
	int ret = check_kind(reader, list, CONFIG_LIST, "operators", "a list of operators");
	if (ret != 0)
		return ret;
	struct location where = config_where(list);
	if (list->count == 0 || list->count > PIPELINE_OPERATORS_MAX)
		return config_fail(reader->error, &where, "operators: %u given; expected 1..%u", list->count,
			(unsigned)PIPELINE_OPERATORS_MAX);
	pipeline->operators = calloc(list->count, sizeof(*pipeline->operators));
	reader->drafts[index].given = calloc(list->count, sizeof(*reader->drafts[index].given));
	if (pipeline->operators == NULL || reader->drafts[index].given == NULL)
		return -ENOMEM;
	for (unsigned i = 0; ret == 0 && i < list->count; i++)
		ret = read_operator(reader, index, &list->items[i]);
	return ret;
}

static int add_pipeline(struct config_reader *reader) {
	struct node_config *config = reader->config;
	struct pipeline *pipelines = reallocarray(config->pipelines, config->pipeline_count + 1, sizeof(*pipelines));
	if (pipelines == NULL)
		return -ENOMEM;
	config->pipelines = pipelines;
	struct pipeline_draft *drafts = reallocarray(reader->drafts, config->pipeline_count + 1, sizeof(*drafts));
	if (drafts == NULL)
		return -ENOMEM;
	reader->drafts = drafts;
	drafts[config->pipeline_count] = (struct pipeline_draft){0};
	pipelines[config->pipeline_count++] = (struct pipeline){0};
	return 0;
}

// Of its share of the workers.
static int read_weight(struct config_reader *reader, const struct config_value *value, unsigned *out) {
	static const struct option bounds = {"weight", OPTION_UINT, 0, NULL, 1, SHARE_WEIGHT_MAX};
	uint64_t weight = 1;
	char ignored[256];
	if (value == NULL) {
		*out = 1;
		return 0;
	}
	struct location where = config_where(value);
	int ret = check_kind(reader, value, CONFIG_TEXT, "weight", "a whole number");
	if (ret == 0 && option_set(&bounds, &weight, value->text, ignored, sizeof(ignored)) != 0)
		ret = config_fail_text(reader->error, &where, "weight", value->text, "expected a whole number (1..%u)",
			(unsigned)SHARE_WEIGHT_MAX);
	*out = (unsigned)weight;
	return ret;
}

static int read_pipeline(struct config_reader *reader, const struct config_value *document) {
	struct location where = {.file = document->file, .line = document->line};
	const struct config_value *name = config_tree_lookup(document, "pipeline");
	const struct config_value *operators = config_tree_lookup(document, "operators");
	if (name == NULL)
		return config_fail(reader->error, &where, "no pipeline; expected pipeline: NAME");
	const char *text = NULL;
	int ret = read_name(reader, name, "pipeline", &text);
	if (ret != 0)
		return ret;
	struct node_config *config = reader->config;
	where = config_where(name);
	for (unsigned i = 0; i < config->pipeline_count; i++) {
		const struct location *first = &config->pipelines[i].where;
		if (strcmp(config->pipelines[i].name, text) == 0)
			return config_fail_text(reader->error, &where, "pipeline", text,
				"given to two pipelines, first in %s:%u", first->file, first->line);
	}
	if (config->pipeline_count == PIPELINES_MAX)
		return config_fail(reader->error, &where, "pipeline: more than %u pipelines", (unsigned)PIPELINES_MAX);
	if (operators == NULL)
		return config_fail(reader->error, &where,
			"%s: no operators; expected operators: [{name: NAME, "
			"type: TYPE, ...}, ...]",
			text);
	ret = add_pipeline(reader);
	if (ret != 0)
		return ret;
	unsigned index = config->pipeline_count - 1;
	config->pipelines[index].where = where;
	config->pipelines[index].name = strdup(text);
	if (config->pipelines[index].name == NULL)
		return -ENOMEM;
	reader->drafts[index].streams = config_tree_lookup(document, "streams");
	ret = read_weight(reader, config_tree_lookup(document, "weight"), &config->pipelines[index].weight);
	if (ret != 0)
		return ret;
	return read_operators(reader, index, operators);
}

static const char *const pipeline_keys[] = {"pipeline", "operators", "streams", "weight", NULL};

static bool is_pipeline_key(const char *key) {
	for (unsigned i = 0; pipeline_keys[i] != NULL; i++)
		if (strcmp(key, pipeline_keys[i]) == 0)
			return true;
	return false;
}

static int fail_key(struct config_reader *reader, const struct config_value *value) {
	struct text_names names = {0};
	for (unsigned i = 0; pipeline_keys[i] != NULL; i++)
		text_names_add(&names, pipeline_keys[i]);
	for (const struct option *option = node_options; option->name != NULL; option++)
		text_names_add(&names, option->name);
	struct location where = config_where(value);
	return config_fail_unknown(reader->error, &where, NULL, value->key, "key", &names);
}

// Plug-ins are loaded before the operators of their document are read. Those of several documents add up.
//   value  or NULL: the document names none
static int load_plugins(struct config_reader *reader, const struct config_value *value) {
	if (value == NULL)
		return 0;
	struct location where = config_where(value);
	const struct option_list *plugins = &reader->config->plugins;
	const char *slash = strrchr(value->file, '/');
	char *folder = slash == NULL ? strdup(".") : strndup(value->file, (size_t)(slash - value->file) + 1);
	int ret = folder == NULL ? -ENOMEM : 0;
	for (unsigned i = 0; ret == 0 && i < plugins->count; i++) {
		char message[400];
		ret = plugin_load(plugins->items[i], reader->reads_files ? folder : NULL, message, sizeof(message));
		if (ret == -EINVAL)
			ret = config_fail_text(reader->error, &where, "plugins", plugins->items[i], "%s", message);
	}
	free(folder);
	reader->node_option_where[option_lookup(node_options, value->key) - node_options] = (struct location){0};
	return ret;
}

int pipeline_read_document(struct config_reader *reader, const struct config_value *document) {
	int ret =
		check_kind(reader, document, CONFIG_MAP, "", "a map of pipeline, operators, streams and node options");
	bool has_pipeline = false;
	for (unsigned i = 0; ret == 0 && i < document->count; i++) {
		const struct config_value *value = &document->items[i];
		struct location where = config_where(value);
		if (is_pipeline_key(value->key))
			has_pipeline = true;
		else if (option_lookup(node_options, value->key) != NULL)
			ret = pipeline_set_node_option(reader, value, &where);
		else
			ret = fail_key(reader, value);
	}
	if (ret == 0)
		ret = load_plugins(reader, config_tree_lookup(document, "plugins"));
	if (ret == 0 && has_pipeline)
		ret = read_pipeline(reader, document);
	return ret;
}
