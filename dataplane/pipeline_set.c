// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Setting options, whether they come from a file or from --set: of operators, and of the node.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/endpoint.h"
#include "dataplane/pipeline_read.h"
#include "dataplane/switch/link_frame.h"

// `WHO: MESSAGE`, or for a setting the message alone: its location names it already.
static int fail_who(struct config_reader *reader, const struct location *where, const char *who, const char *message) {
	if (where->line == 0)
		return config_fail(reader->error, where, "%s", message);
	return config_fail(reader->error, where, "%s: %s", who, message);
}

// The items of a list of texts; those of a map are "KEY = TEXT". The caller frees them, also after a failure.
static int copy_items(const struct config_value *value, struct option_list *items) {
	*items = (struct option_list){0};
	items->items = calloc(value->count + 1, sizeof(*items->items));
	if (items->items == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < value->count; i++) {
		const struct config_value *item = &value->items[i];
		if (item->kind != CONFIG_TEXT)
			return -EINVAL;
		bool is_pair = value->kind == CONFIG_MAP;
		if (asprintf(&items->items[i], "%s%s%s", is_pair ? item->key : "", is_pair ? " = " : "", item->text) <
			0) {
			items->items[i] = NULL;
			return -ENOMEM;
		}
		items->count++;
	}
	return 0;
}

static void free_items(struct option_list *items) {
	for (unsigned i = 0; i < items->count; i++)
		free(items->items[i]);
	free(items->items);
}

int config_set_option(struct config_reader *reader, const struct option *option, void *options,
	const struct config_value *value, const struct config_owner *owner) {
	char message[480];
	int ret;
	if (value->kind == CONFIG_TEXT) {
		ret = option_set(option, options, value->text, message, sizeof(message));
	} else if (option->type == OPTION_LIST) {
		struct option_list items;
		ret = copy_items(value, &items);
		if (ret == 0)
			ret = option_set_list(option, options, &items, message, sizeof(message));
		else
			snprintf(message, sizeof(message),
				value->kind == CONFIG_MAP ? "a map or list in a map; expected one such as {a: b, c: d}"
							  : "a list in a list; expected a list such as [a, b]");
		free_items(&items);
	} else {
		char expected[400];
		option_format_expected(option, expected, sizeof(expected));
		snprintf(message, sizeof(message), "a %s; expected %s", value->kind == CONFIG_LIST ? "list" : "map",
			expected);
		ret = -EINVAL;
	}
	if (ret == 0 || ret == -ENOMEM)
		return ret;
	return fail_who(reader, &owner->where, owner->who, message);
}

static int set_parallelism(struct config_reader *reader, struct pipeline_operator *op, const struct config_value *value,
	const struct config_owner *owner) {
	static const struct option bounds = {"parallelism", OPTION_UINT, 0, NULL, 1, PARALLELISM_MAX};
	unsigned max = op->type->parallelism_max != 0 ? op->type->parallelism_max : PARALLELISM_MAX;
	uint64_t parallelism = 0;
	char ignored[8];
	bool is_auto = value->kind == CONFIG_TEXT && strcmp(value->text, "auto") == 0;
	if (!is_auto && (value->kind != CONFIG_TEXT ||
				option_set(&bounds, &parallelism, value->text, ignored, sizeof(ignored)) != 0 ||
				parallelism > max)) {
		const char *who = owner->where.line == 0 ? NULL : owner->who;
		const char *text = value->kind == CONFIG_TEXT ? value->text : "[...]";
		return config_fail_text(reader->error, &owner->where, who, text,
			max == 1 ? "expected auto or %u" : "expected auto or 1..%u", max);
	}
	op->parallelism = (unsigned)parallelism;
	return 0;
}

static int fail_workers(
	struct config_reader *reader, const char *text, const char *message, const struct config_owner *owner) {
	return config_fail_text(reader->error, &owner->where, owner->where.line == 0 ? NULL : owner->who, text,
		"%s expected a list of worker indices such as [0, 2] (each 0..%u)", message,
		(unsigned)WORKER_INDEX_MAX);
}

static int parse_workers(struct config_reader *reader, const struct option_list *list, unsigned *workers,
	const struct config_owner *owner) {
	static const struct option bounds = {"workers", OPTION_UINT, 0, NULL, 0, WORKER_INDEX_MAX};
	for (unsigned i = 0; i < list->count; i++) {
		uint64_t worker = 0;
		char ignored[8];
		if (option_set(&bounds, &worker, list->items[i], ignored, sizeof(ignored)) != 0)
			return fail_workers(reader, list->items[i], "no worker index;", owner);
		for (unsigned j = 0; j < i; j++)
			if (workers[j] == worker)
				return fail_workers(reader, list->items[i], "given twice;", owner);
		workers[i] = (unsigned)worker;
	}
	return 0;
}

static int set_workers(struct config_reader *reader, struct pipeline_operator *op, const struct config_value *value,
	const struct config_owner *owner) {
	static const struct option option = {"workers", OPTION_LIST, 0, NULL, 1, WORKER_INDEX_MAX + 1};
	struct option_list list = {0};
	int ret = config_set_option(reader, &option, &list, value, owner);
	if (ret != 0)
		return ret;
	unsigned *workers = calloc(list.count + 1, sizeof(*workers));
	ret = workers == NULL ? -ENOMEM : parse_workers(reader, &list, workers, owner);
	if (ret == 0) {
		free(op->workers);
		op->workers = workers;
		op->worker_count = list.count;
		workers = NULL;
	}
	free(workers);
	const struct option table[] = {option, {0}};
	option_free(table, &list);
	return ret;
}

// Which of `nodes` it runs on.
static int set_node(struct config_reader *reader, struct pipeline_operator *op, const struct config_value *value,
	const struct config_owner *owner) {
	const char *text = value->kind == CONFIG_TEXT ? value->text : "[...]";
	if (value->kind != CONFIG_TEXT || !text_is_node_name(text))
		return config_fail_text(reader->error, &owner->where, owner->where.line == 0 ? NULL : owner->who, text,
			"expected a name of nodes: 1..63 letters, digits, _, - and .");
	free(op->node);
	op->node = strdup(text);
	return op->node == NULL ? -ENOMEM : 0;
}

static int fail_option(struct config_reader *reader, const struct pipeline_operator *op, const char *name,
	const struct location *where) {
	struct text_names names = {0};
	const struct option *option = op->type->options;
	for (; option != NULL && option->name != NULL; option++)
		text_names_add(&names, option->name);
	text_names_add(&names, "node");
	text_names_add(&names, "parallelism");
	text_names_add(&names, "workers");
	char kind[96];
	snprintf(kind, sizeof(kind), "option of %s", op->type->name);
	return config_fail_unknown(reader->error, where, where->line == 0 ? NULL : op->name, name, kind, &names);
}

int pipeline_set_operator_option(struct config_reader *reader, unsigned pipeline, unsigned index,
	const struct config_value *value, const struct location *where) {
	struct pipeline_operator *op = &reader->config->pipelines[pipeline].operators[index];
	char who[160];
	snprintf(who, sizeof(who), "%s.%s", op->name, value->key);
	struct config_owner owner = {.who = who, .where = *where};
	if (strcmp(value->key, "parallelism") == 0)
		return set_parallelism(reader, op, value, &owner);
	if (strcmp(value->key, "workers") == 0)
		return set_workers(reader, op, value, &owner);
	if (strcmp(value->key, "node") == 0)
		return set_node(reader, op, value, &owner);
	const struct option *option = option_lookup(op->type->options, value->key);
	if (option == NULL)
		return fail_option(reader, op, value->key, where);
	size_t bit = (size_t)(option - op->type->options);
	if (bit < OPERATOR_OPTIONS_MAX)
		reader->drafts[pipeline].given[index] |= UINT64_C(1) << bit;
	return config_set_option(reader, option, op->options, value, &owner);
}

static bool is_connections(const char *text) {
	char *end;
	unsigned long count = strtoul(text, &end, 10);
	bool is_number = text[0] >= '1' && text[0] <= '9' && *end == '\0' && count <= LINK_CONNECTIONS_MAX;
	return is_number || strcmp(text, "per-channel") == 0;
}

// What the table of node options can't say.
static int check_node_option(
	struct config_reader *reader, const struct config_value *value, const struct config_owner *owner) {
	const struct node_config *config = reader->config;
	const char *who = owner->where.line == 0 ? NULL : owner->who;
	if (strcmp(value->key, "ring_size") == 0 && (config->ring_size & (config->ring_size - 1)) != 0)
		return config_fail_text(
			reader->error, &owner->where, who, value->text, "expected a power of two from 64 to 65536");
	if (strcmp(value->key, "controller") == 0 && !endpoint_is_valid(config->controller))
		return config_fail_text(reader->error, &owner->where, who, value->text,
			"expected tcp://HOST:PORT (1..65534) or ipc://PATH");
	if (strcmp(value->key, "plugins") == 0 && owner->where.line == 0)
		return config_fail(reader->error, &owner->where, "too late for a plug-in; expected --plugin FILE");
	if (strcmp(value->key, "connections") == 0 && !is_connections(config->connections))
		return config_fail_text(
			reader->error, &owner->where, who, value->text, "expected a number (1..256) or per-channel");
	if (strcmp(value->key, "node") == 0 && !text_is_node_name(config->node))
		return config_fail_text(reader->error, &owner->where, who, value->text,
			"expected a name of 1..63 letters, digits, _, - and .");
	return 0;
}

int pipeline_set_node_option(
	struct config_reader *reader, const struct config_value *value, const struct location *where) {
	const struct option *option = option_lookup(node_options, value->key);
	struct location *first = &reader->node_option_where[option - node_options];
	if (where->line != 0 && first->line != 0)
		return config_fail_text(reader->error, where, NULL, value->key, "given twice, first in %s:%u",
			first->file, first->line);
	*first = *where;
	struct config_owner owner = {.who = value->key, .where = *where};
	int ret = config_set_option(reader, option, reader->config, value, &owner);
	return ret == 0 ? check_node_option(reader, value, &owner) : ret;
}
