// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// aggregate: a list of the user's own, made of what the lists have (view.c): some of the entries, or hosts and prefixes
// put together to shorter prefixes. It is in Redis and in `weirctl top NAME`, and rules may be over it.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/state.h"

struct aggregate_options {
	int over;
	uint32_t v4, v6;
	uint64_t window_ns;
	uint32_t list_length;
	const yaml_node_t *only; // while the file is read
	struct filter filter;
};

static const char *const over_names[] = {"flows", "hosts", "ports", "prefixes", "applications", NULL};
_Static_assert(LISTS_SHOWN == sizeof(over_names) / sizeof(*over_names) - 1, "over_names has every list that is shown");

static const struct stage_option aggregate_options[] = {
	{.name = "over",
		.type = CONF_CHOICE,
		.offset = offsetof(struct aggregate_options, over),
		.choices = over_names,
		.is_required = true,
		.help = "the list that it is made of"},
	{.name = "v4",
		.type = CONF_U32,
		.offset = offsetof(struct aggregate_options, v4),
		.max = 32,
		.fallback = "0",
		.help = "hosts and prefixes of IPv4 are put together to prefixes of this length; 0: as they are"},
	{.name = "v6",
		.type = CONF_U32,
		.offset = offsetof(struct aggregate_options, v6),
		.max = 128,
		.fallback = "0",
		.help = "the same of IPv6"},
	{.name = "only",
		.type = CONF_NODE,
		.offset = offsetof(struct aggregate_options, only),
		.help = "which entries: {prefix: 10.0.0.0/8, port: [80, 443], protocol: tcp, node: edge1}, as of "
			"rules"},
	{.name = "window",
		.type = CONF_DURATION,
		.offset = offsetof(struct aggregate_options, window_ns),
		.min = 1e9,
		.max = CONFIG_WINDOW_S_MAX * 1e9,
		.fallback = "10s",
		.help = "the time it is over"},
	{.name = "list_length",
		.type = CONF_U32,
		.offset = offsetof(struct aggregate_options, list_length),
		.min = 1,
		.max = 1000,
		.fallback = "20",
		.help = "entries in Redis, and of answers that ask for no other number"},
	{0},
};

static int aggregate_check(struct conf *conf, const yaml_node_t *mapping, struct config *config, void *context) {
	struct aggregate_options *options = context;
	const struct stage_config *stage = &config->stages[config->stages_length - 1];
	const yaml_node_t *only = options->only;
	bool has_addresses = options->over == LIST_HOSTS || options->over == LIST_PREFIXES;
	options->only = NULL; // it ends with the file
	for (int i = 0; over_names[i] != NULL; i++)
		if (strcmp(stage->name, over_names[i]) == 0)
			return conf_error(conf, mapping, "aggregate.name: \"%s\": is there already", stage->name);
	if (strcmp(stage->name, "node") == 0 || strcmp(stage->name, "total") == 0)
		return conf_error(conf, mapping, "aggregate.name: \"%s\": is there already", stage->name);
	if ((options->v4 != 0 || options->v6 != 0) && !has_addresses)
		return conf_error(conf, mapping, "aggregate %s: v4, v6: go with over hosts or prefixes", stage->name);
	if (options->over == LIST_PREFIXES && (options->v4 > 24 || options->v6 > 48))
		return conf_error(conf, mapping,
			"aggregate %s: v4, v6: prefixes come as /24 and /48: expected these at most, or over hosts",
			stage->name);
	return only != NULL ? filter_read(conf, only, "aggregate.only", (enum list_kind)options->over, &options->filter)
			    : 0;
}

static int aggregate_add(const struct stage *stage, const void *context, struct views *views, char *error) {
	const struct aggregate_options *options = context;
	if (views->length == VIEWS_MAX) {
		snprintf(error, CONF_ERROR_SIZE, "stage %s: expected at most %d aggregates", stage->name, VIEWS_MAX);
		return -EINVAL;
	}
	struct view *view = &views->list[views->length++];
	*view = (struct view){.kind = (enum list_kind)options->over,
		.filter = options->filter,
		.v4 = (uint8_t)options->v4,
		.v6 = (uint8_t)options->v6,
		.window_s = (uint32_t)(options->window_ns / NS_PER_S),
		.list_length = options->list_length};
	snprintf(view->name, sizeof(view->name), "%s", stage->name);
	return 0;
}

static int aggregate_init(struct stage *stage, char *error) {
	const struct aggregate_options *options = stage->options;
	state_need_window(stage->shared, options->window_ns / NS_PER_S);
	return aggregate_add(stage, options, &stage->shared->views, error);
}

static int aggregate_prepare(struct stage *stage, const void *context, char *error) {
	const struct aggregate_options *options = context;
	if (state_has_window(stage->shared, options->window_ns / NS_PER_S))
		return aggregate_add(stage, options, &stage->shared->fresh_views, error);
	snprintf(error, CONF_ERROR_SIZE, "stage %s: window: longer than all before: that needs a restart", stage->name);
	return -EINVAL;
}

// All of them were prepared before any is committed.
static void aggregate_commit(struct stage *stage) {
	stage->shared->views = stage->shared->fresh_views;
}

static const struct stage_type aggregate_type = {
	.name = "aggregate",
	.title = "a list of your own: a part of another, or hosts and prefixes put together to shorter prefixes",
	.manual = "Its name is that of the stage: weirctl top NAME shows it, weir:1:top:NAME:SECONDS in Redis has it,\n"
		  "and alert rules may be over it where it stands before the stage logic. There may be several.",
	.options = aggregate_options,
	.options_size = sizeof(struct aggregate_options),
	.check = aggregate_check,
	.init = aggregate_init,
	.prepare = aggregate_prepare,
	.commit = aggregate_commit,
};
STAGE_REGISTER(aggregate_type);
