// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// store: the state in Redis, once per interval (store.c). Without this stage nothing is stored, and summaries are
// acknowledged as soon as they are counted.
#include <stdio.h>

#include "api/clock.h"
#include "ctrlplane/stage.h"
#include "ctrlplane/state.h"
#include "ctrlplane/store.h"

static const struct stage_option store_options[] = {
	{.name = "redis",
		.type = CONF_STRING,
		.offset = offsetof(struct config, redis),
		.size = CONFIG_TEXT_SIZE,
		.fallback = "unix:///run/weir/redis.sock",
		.help = "unix:///PATH, tcp://USER@ADDRESS:PORT, sentinel://ADDRESS:PORT,.../NAME or none"},
	{.name = "redis_password_file",
		.type = CONF_PATH,
		.offset = offsetof(struct config, redis_password_file),
		.size = CONFIG_TEXT_SIZE,
		.help = "file whose first line is the password, of mode 0600 or 0640; it is read for each connection"},
	{.name = "redis_timeout",
		.type = CONF_DURATION,
		.offset = offsetof(struct config, redis_timeout_ns),
		.min = 1e8,
		.max = 60e9,
		.fallback = "2s",
		.help = "then a Redis that takes and answers nothing is given up, and tried again"},
	{.name = "history_length",
		.type = CONF_U32,
		.offset = offsetof(struct config, history_length),
		.min = 1,
		.max = 1000000,
		.fallback = "3600",
		.help = "entries of each history in Redis"},
	{.name = "history_minutes",
		.type = CONF_U32,
		.offset = offsetof(struct config, history_minutes),
		.min = 1,
		.max = 1000000,
		.fallback = "2880",
		.help = "entries of the minutes of each history"},
	{.name = "history_hours",
		.type = CONF_U32,
		.offset = offsetof(struct config, history_hours),
		.min = 1,
		.max = 1000000,
		.fallback = "2160",
		.help = "entries of the hours of each history"},
	{0},
};

static void store_interval(struct stage *stage) {
	store_note_interval(stage->shared->store, clock_wall_ns(), clock_mono_ns());
	store_save(stage->shared->store);
}

static const struct stage_type store_type = {
	.name = "store",
	.title = "keeps what the controller knows in Redis (api/redis.md), and gets it back after a restart",
	.options = store_options,
	.interval = store_interval,
};
STAGE_REGISTER(store_type);
