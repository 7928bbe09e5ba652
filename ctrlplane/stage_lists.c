// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// lists: the second stage. What came in is kept per node and interval, so that the greatest of any sliding window can
// be told (aggregate.c, window.c).
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/state.h"

static const struct stage_option lists_options[] = {
	{.name = "windows",
		.type = CONF_NODE,
		.offset = offsetof(struct config, windows),
		.fallback = "[10s, 60s]",
		.help = "sliding windows of the lists in Redis: at most four, ascending, in whole seconds up to 600s"},
	{.name = "entries_max",
		.type = CONF_U32,
		.offset = offsetof(struct config, entries_max),
		.min = 16,
		.max = 4096,
		.fallback = "64",
		.help = "entries of each list, interval and node: a power of two; of all nodes together 32 times as "
			"many. Beyond it lists are sketches that tell their error"},
	{.name = "list_length",
		.type = CONF_U32,
		.offset = offsetof(struct config, list_length),
		.min = 1,
		.max = 1000,
		.fallback = "20",
		.help = "entries of lists in Redis, and of answers that ask for no other number"},
	{0},
};

static int lists_windows(struct conf *conf, const yaml_node_t *node, struct config *config) {
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
		int err = conf_value(conf, item, "windows", &field);
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

static int lists_check(struct conf *conf, const yaml_node_t *mapping, struct config *config, void *options) {
	const yaml_node_t *windows = config->windows;
	config->windows = NULL; // it ends with the file
	if ((config->entries_max & (config->entries_max - 1)) != 0)
		return conf_error(conf, mapping, "entries_max: %u: expected a power of two", config->entries_max);
	return windows != NULL ? lists_windows(conf, windows, config) : 0;
}

static int lists_init(struct stage *stage, char *error) {
	struct state *state = stage->shared;
	state->nodes.window_entries = state->config.entries_max;
	state_need_window(state, state->config.windows_s[state->config.windows_length - 1]);
	return 0;
}

static int lists_prepare(struct stage *stage, const void *options, char *error) {
	const struct config *now = stage->options, *fresh = options;
	if (now->windows_length == fresh->windows_length &&
		memcmp(now->windows_s, fresh->windows_s, now->windows_length * sizeof(now->windows_s[0])) == 0)
		return 0;
	snprintf(error, CONF_ERROR_SIZE, "stage lists: windows: another value needs a restart");
	return -EINVAL;
}

static const struct stage_type lists_type = {
	.name = "lists",
	.title = "keeps the greatest flows, hosts, ports, prefixes and applications over sliding windows",
	.options = lists_options,
	.check = lists_check,
	.init = lists_init,
	.prepare = lists_prepare,
};
STAGE_REGISTER(lists_type);
