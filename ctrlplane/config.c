// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/conf.h"
#include "ctrlplane/nodes.h"
#include "ctrlplane/stage.h"

// Where there is no list of stages: these, as far as this program has them.
static const char *const default_stages[] = {"collect", "lists", "logic", "store", "metrics"};

enum { DEFAULTS = sizeof(default_stages) / sizeof(*default_stages) };

static bool is_single(const struct stage_type *type) {
	return type->options_size == 0;
}

static bool config_has(const struct config *config, const struct stage_type *type) {
	for (size_t i = 0; i < config->stages_length; i++)
		if (config->stages[i].type == type)
			return true;
	return false;
}

static void config_insert(struct config *config, const struct stage_type *type, size_t place) {
	memmove(&config->stages[place + 1], &config->stages[place],
		(config->stages_length++ - place) * sizeof(config->stages[0]));
	config->stages[place] = (struct stage_config){.type = type};
	snprintf(config->stages[place].name, CONFIG_NAME_SIZE, "%s", type->name);
}

void config_require(struct config *config, const char *name) {
	const struct stage_type *type = stage_type_lookup(name), *store = stage_type_lookup("store");
	size_t place = 0;
	if (type == NULL || config_has(config, type) || config->stages_length == CONFIG_STAGES_MAX)
		return;
	while (place < config->stages_length && config->stages[place].type != store)
		place++;
	config_insert(config, type, place);
}

void config_init(struct config *config) {
	*config = (struct config){.interval_ns = NS_PER_S, .windows_s = {10, 60}, .windows_length = 2};
	for (const struct stage_type *type = NULL; (type = stage_type_next(type)) != NULL;)
		if (is_single(type))
			stage_set_fallbacks(type, config);
	for (size_t i = 0; i < DEFAULTS; i++) {
		const struct stage_type *type = stage_type_lookup(default_stages[i]);
		if (type != NULL)
			config_insert(config, type, config->stages_length);
	}
}

static void config_drop_stages(struct config *config) {
	while (config->stages_length > 0)
		free(config->stages[--config->stages_length].options);
}

void config_fini(struct config *config) {
	config_drop_stages(config);
}

static int stage_error_type(struct conf *conf, const yaml_node_t *node, const char *given) {
	char allowed[256] = "";
	size_t used = 0;
	for (const struct stage_type *type = NULL; (type = stage_type_next(type)) != NULL && used < sizeof(allowed);)
		used += (size_t)snprintf(
			allowed + used, sizeof(allowed) - used, "%s%s", used > 0 ? ", " : "", type->name);
	return conf_error(conf, node, "stage.type: \"%.60s\": expected one of %s", given, allowed);
}

static int stage_find_type(struct conf *conf, const yaml_node_t *node, const struct stage_type **out) {
	char name[CONFIG_NAME_SIZE];
	const struct conf_field field = {"type", CONF_STRING, name, sizeof(name)};
	const yaml_node_t *type = conf_member(conf, node, "type");
	if (type == NULL)
		return conf_error(conf, node, "stage: expected a mapping with a type");
	int err = conf_value(conf, type, "stage.type", &field);
	if (err != 0)
		return err;
	*out = stage_type_lookup(name);
	return *out != NULL ? 0 : stage_error_type(conf, type, name);
}

static int stage_check_name(
	struct conf *conf, const yaml_node_t *node, const struct config *config, const struct stage_config *stage) {
	if (!node_name_is_valid(stage->name))
		return conf_error(conf, node, "stage.name: \"%s\": expected 1 to 63 of A-Z a-z 0-9 . _ -", stage->name);
	for (const struct stage_config *other = config->stages; other < stage; other++) {
		if (other->type == stage->type && is_single(stage->type))
			return conf_error(conf, node, "stage %s: there are two of this type", stage->type->name);
		if (strcmp(other->name, stage->name) == 0)
			return conf_error(conf, node, "stage %s: there are two of this name", stage->name);
	}
	return 0;
}

static int config_stage(struct conf *conf, const yaml_node_t *node, struct config *config) {
	const yaml_node_t *type_node;
	const struct stage_type *type = NULL;
	struct conf_field fields[CONF_FIELDS_MAX + 1];
	int err = stage_find_type(conf, node, &type);
	if (err != 0)
		return err;
	struct stage_config *stage = &config->stages[config->stages_length++];
	*stage = (struct stage_config){.type = type};
	if (!is_single(type) && (stage->options = calloc(1, type->options_size)) == NULL)
		return conf_error(conf, node, "out of memory");
	void *options = is_single(type) ? (void *)config : stage->options;
	if (!is_single(type))
		stage_set_fallbacks(type, options);
	snprintf(stage->name, sizeof(stage->name), "%s", type->name);
	size_t length = stage_fields(type, options, fields);
	if (length + 2 > CONF_FIELDS_MAX)
		abort();
	fields[length++] = (struct conf_field){"type", CONF_NODE, &type_node};
	fields[length++] = (struct conf_field){"name", CONF_STRING, stage->name, sizeof(stage->name)};
	fields[length] = (struct conf_field){0};
	err = conf_mapping(conf, node, type->name, fields);
	if (err == 0)
		err = stage_check_name(conf, node, config, stage);
	return err == 0 && type->check != NULL ? type->check(conf, node, config, options) : err;
}

static int config_check_order(struct conf *conf, const yaml_node_t *list, const struct config *config) {
	static const char *const first[] = {"collect", "lists"};
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++)
		if (config->stages_length <= i || strcmp(config->stages[i].type->name, first[i]) != 0)
			return conf_error(conf, list, "stages: expected collect first, then lists, then others");
	return 0;
}

static int config_stages(struct conf *conf, const yaml_node_t *list, struct config *config) {
	const yaml_node_t *item;
	if (list->type != YAML_SEQUENCE_NODE)
		return conf_error(conf, list, "stages: expected a list");
	config_drop_stages(config);
	for (size_t i = 0; (item = conf_item(conf, list, i)) != NULL; i++) {
		if (i == CONFIG_STAGES_MAX)
			return conf_error(conf, item, "stages: expected at most %d", CONFIG_STAGES_MAX);
		int err = config_stage(conf, item, config);
		if (err != 0)
			return err;
	}
	if (!config_has(config, stage_type_lookup("store")))
		snprintf(config->redis, sizeof(config->redis), "none");
	return config_check_order(conf, list, config);
}

// Without a list of stages, the options of those that there is one of stand at the top.
static size_t config_flat_fields(struct config *config, struct conf_field *out) {
	size_t length = 0;
	for (size_t i = 0; i < DEFAULTS; i++) {
		const struct stage_type *type = stage_type_lookup(default_stages[i]);
		length += type != NULL ? stage_fields(type, config, out + length) : 0;
	}
	return length;
}

static int config_check_flat(struct conf *conf, const yaml_node_t *root, struct config *config) {
	int err = 0;
	for (size_t i = 0; err == 0 && i < DEFAULTS; i++) {
		const struct stage_type *type = stage_type_lookup(default_stages[i]);
		if (type != NULL && type->check != NULL)
			err = type->check(conf, root, config, config);
	}
	return err;
}

static int config_read(struct conf *conf, struct config *config) {
	const yaml_node_t *root = conf_root(conf), *stages = conf_member(conf, root, "stages");
	struct conf_field fields[2 * CONF_FIELDS_MAX];
	size_t length = stages == NULL ? config_flat_fields(config, fields) : 0;
	fields[length++] =
		(struct conf_field){"interval", CONF_DURATION, &config->interval_ns, .min = 1e9, .max = 10e9};
	fields[length++] = (struct conf_field){"stages", CONF_NODE, &stages};
	fields[length] = (struct conf_field){0};
	int err = conf_mapping(conf, root, "", fields);
	if (err == 0 && config->interval_ns % NS_PER_S != 0)
		err = conf_error(conf, NULL, "interval: expected whole seconds");
	if (err == 0 && stages != NULL)
		return config_stages(conf, stages, config);
	return err == 0 ? config_check_flat(conf, root, config) : err;
}

int config_load(struct config *config, const char *path, char *error) {
	struct conf conf;
	int err = conf_open(&conf, path);
	if (err == 0) {
		err = config_read(&conf, config);
		conf_close(&conf);
	}
	if (err != 0)
		snprintf(error, CONF_ERROR_SIZE, "%s", conf.error);
	return err;
}
