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
		.history_minutes = 2880,
		.history_hours = 2160,
		.redis_timeout_ns = 2 * NS_PER_S,
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

// A file that is not absolute is meant from where the configuration is.
//   file  [CONFIG_TEXT_SIZE], in and out; empty: none
static int config_place(struct conf *conf, const char *name, char *file) {
	const char *slash = strrchr(conf->path, '/');
	if (file[0] == '\0' || file[0] == '/' || slash == NULL)
		return 0;
	char placed[2 * CONFIG_TEXT_SIZE];
	int size = snprintf(placed, sizeof(placed), "%.*s/%s", (int)(slash - conf->path), conf->path, file);
	if (size < 0 || size >= CONFIG_TEXT_SIZE)
		return conf_error(conf, NULL, "%s: path longer than %d bytes", name, CONFIG_TEXT_SIZE - 1);
	memcpy(file, placed, (size_t)size + 1);
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
		{"redis_password_file", CONF_STRING, config->redis_password_file, sizeof(config->redis_password_file)},
		{"redis_timeout", CONF_DURATION, &config->redis_timeout_ns, .min = 1e8, .max = 60e9},
		{"alerts", CONF_STRING, config->alerts, sizeof(config->alerts)},
		{"interval", CONF_DURATION, &config->interval_ns, .min = 1e9, .max = 10e9},
		{"windows", CONF_NODE, &windows},
		{"nodes_max", CONF_U32, &config->nodes_max, .min = 1, .max = 256},
		{"entries_max", CONF_U32, &config->entries_max, .min = 16, .max = 4096},
		{"list_length", CONF_U32, &config->list_length, .min = 1, .max = 1000},
		{"history_length", CONF_U32, &config->history_length, .min = 1, .max = 1000000},
		{"history_minutes", CONF_U32, &config->history_minutes, .min = 1, .max = 1000000},
		{"history_hours", CONF_U32, &config->history_hours, .min = 1, .max = 1000000},
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
		err = config_place(&conf, "alerts", config->alerts);
	if (err == 0)
		err = config_place(&conf, "redis_password_file", config->redis_password_file);
	if (err != 0)
		snprintf(error, CONF_ERROR_SIZE, "%s", conf.error);
	conf_close(&conf);
	return err;
}
