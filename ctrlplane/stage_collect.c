// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// collect: the first stage. Its sockets are collect.c's; once per interval it gives up summaries that never came.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/state.h"
#include "ctrlplane/store.h"

static const struct stage_option collect_options[] = {
	{.name = "listen",
		.type = CONF_STRING,
		.offset = offsetof(struct config, listen),
		.size = CONFIG_TEXT_SIZE,
		.fallback = "tcp://127.0.0.1:5570",
		.help = "for nodes and weirctl: tcp://ADDRESS:PORT (summaries come in on PORT + 1) or ipc://PATH"},
	{.name = "nodes_max",
		.type = CONF_U32,
		.offset = offsetof(struct config, nodes_max),
		.min = 1,
		.max = 1024,
		.fallback = "256",
		.help = "nodes known at a time; the one that has been away longest makes room"},
	{.name = "shed_after",
		.type = CONF_DURATION,
		.offset = offsetof(struct config, shed_after_ns),
		.min = 0,
		.max = 60e9,
		.fallback = "3s",
		.help = "where more summaries come in for so long than can be worked off, they are taken without their "
			"lists until all that waits was read; sums count, and each node shows how many those were"},
	{.name = "key",
		.type = CONF_PATH,
		.offset = offsetof(struct config, key),
		.size = CONFIG_TEXT_SIZE,
		.help = "file of the controller's secret key; with it every connection has to have an allowed one"},
	{.name = "allowed_nodes",
		.type = CONF_PATH,
		.offset = offsetof(struct config, allowed_nodes),
		.size = CONFIG_TEXT_SIZE,
		.help = "public keys of nodes: a directory of *.public files, or one file of several; read on reload"},
	{.name = "allowed_users",
		.type = CONF_PATH,
		.offset = offsetof(struct config, allowed_users),
		.size = CONFIG_TEXT_SIZE,
		.help = "public keys of people with weirctl; likewise"},
	{0},
};
_Static_assert((int)CONF_ERROR_SIZE >= (int)KEY_FILE_ERROR_SIZE, "one buffer serves both");

static int collect_stage_init(struct stage *stage, char *error) {
	stage->shared->nodes.max = stage->shared->config.nodes_max;
	stage->shared->nodes.interval_ns = stage->shared->config.interval_ns;
	return access_init(&stage->shared->access, &stage->shared->config, error);
}

static void collect_stage_fini(struct stage *stage) {
	access_fini(&stage->shared->access);
}

// The lists of keys can be others, or say something else; all else needs new sockets.
static int collect_prepare(struct stage *stage, const void *options, char *error) {
	const struct config *config = &stage->shared->config, *fresh = options;
	if (strcmp(config->listen, fresh->listen) != 0 || strcmp(config->key, fresh->key) != 0 ||
		config->nodes_max != fresh->nodes_max || config->shed_after_ns != fresh->shed_after_ns) {
		snprintf(error, CONF_ERROR_SIZE,
			"stage collect: other values of listen, nodes_max, shed_after or key need a restart");
		return -EINVAL;
	}
	return access_prepare(&stage->shared->access, fresh, error);
}

static void collect_commit(struct stage *stage) {
	access_commit(&stage->shared->access);
}

static void collect_abandon(struct stage *stage) {
	access_abandon(&stage->shared->access);
}

static void collect_interval(struct stage *stage) {
	// What an earlier controller took may look like a hole until Redis has told.
	if (store_is_loaded(stage->shared->store))
		aggregate_give_up(&stage->shared->nodes, clock_mono_ns());
}

static const struct stage_type collect_type = {
	.name = "collect",
	.title = "takes registrations, heartbeats and summaries from nodes, and questions from weirctl",
	.options = collect_options,
	.init = collect_stage_init,
	.fini = collect_stage_fini,
	.prepare = collect_prepare,
	.commit = collect_commit,
	.abandon = collect_abandon,
	.interval = collect_interval,
};
STAGE_REGISTER(collect_type);
