// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/clock.h"
#include "ctrlplane/conf.h"

void config_init(struct config *config) {
	*config = (struct config){
		.listen = "tcp://127.0.0.1:5570",
		.redis = "unix:///run/weir/redis.sock",
		.interval_ns = NS_PER_S,
		.windows_s = {10, 60},
		.windows_length = 2,
		.nodes_max = 32,
		.entries_max = 256,
		.list_length = 20,
		.history_length = 3600,
	};
}

static int config_windows(struct conf *conf, const yaml_node_t *node, struct config *config) {
	if (node->type != YAML_SEQUENCE_NODE)
		return conf_error(conf, node, "windows: expected a list of durations such as [10s, 60s]");
	const yaml_node_t *item;
	uint64_t before_ns = 0;
	config->windows_length = 0;
	for (size_t i = 0; (item = conf_item(conf, node, i)) != NULL; i++) {
		uint64_t window_ns = 0;
		const struct conf_field field = {.type = CONF_DURATION,
			.out = &window_ns,
			.min = (double)config->interval_ns,
			.max = CONFIG_WINDOW_S_MAX * 1e9};
		int err = conf_scalar(conf, item, "windows", &field);
		if (err != 0)
			return err;
		if (i == CONFIG_WINDOWS_MAX || window_ns <= before_ns || window_ns % NS_PER_S != 0)
			return conf_error(conf, item, "windows: expected at most %d, ascending, in whole seconds",
				CONFIG_WINDOWS_MAX);
		config->windows_s[config->windows_length++] = (uint32_t)(window_ns / NS_PER_S);
		before_ns = window_ns;
	}
	return config->windows_length > 0 ? 0 : conf_error(conf, node, "windows: expected at least one");
}

// A rule file that is not absolute is meant from where the configuration is.
static int config_place_alerts(struct conf *conf, struct config *config) {
	const char *slash = strrchr(conf->path, '/');
	if (config->alerts[0] == '\0' || config->alerts[0] == '/' || slash == NULL)
		return 0;
	char placed[2 * CONFIG_TEXT_SIZE];
	int size = snprintf(placed, sizeof(placed), "%.*s/%s", (int)(slash - conf->path), conf->path, config->alerts);
	if (size < 0 || size >= CONFIG_TEXT_SIZE)
		return conf_error(conf, NULL, "alerts: path longer than %d bytes", CONFIG_TEXT_SIZE - 1);
	memcpy(config->alerts, placed, (size_t)size + 1);
	return 0;
}

int config_load(struct config *config, const char *path, char *error) {
	struct conf conf;
	int err = conf_open(&conf, path);
	if (err != 0) {
		snprintf(error, CONF_ERROR_SIZE, "%s", conf.error);
		return err;
	}
	const yaml_node_t *windows = NULL;
	const struct conf_field fields[] = {
		{"listen", CONF_STRING, config->listen, sizeof(config->listen)},
		{"redis", CONF_STRING, config->redis, sizeof(config->redis)},
		{"alerts", CONF_STRING, config->alerts, sizeof(config->alerts)},
		{"interval", CONF_DURATION, &config->interval_ns, .min = 1e9, .max = 10e9},
		{"windows", CONF_NODE, &windows},
		{"nodes_max", CONF_U32, &config->nodes_max, .min = 1, .max = 256},
		{"entries_max", CONF_U32, &config->entries_max, .min = 16, .max = 4096},
		{"list_length", CONF_U32, &config->list_length, .min = 1, .max = 1000},
		{"history_length", CONF_U32, &config->history_length, .min = 1, .max = 1000000},
		{0},
	};
	err = conf_mapping(&conf, conf_root(&conf), "", fields);
	if (err == 0 && windows != NULL)
		err = config_windows(&conf, windows, config);
	if (err == 0 && (config->entries_max & (config->entries_max - 1)) != 0)
		err = conf_error(&conf, NULL, "entries_max: %u: expected a power of two", config->entries_max);
	if (err == 0 && config->interval_ns % NS_PER_S != 0)
		err = conf_error(&conf, NULL, "interval: expected whole seconds");
	if (err == 0)
		err = config_place_alerts(&conf, config);
	if (err != 0)
		snprintf(error, CONF_ERROR_SIZE, "%s", conf.error);
	conf_close(&conf);
	return err;
}
