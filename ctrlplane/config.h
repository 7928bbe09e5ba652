// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The controller's configuration: conf/controller.yaml. What belongs to stages of which there is one lies in struct
// config, described by their option tables; other stages have options of their own.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

enum {
	CONFIG_TEXT_SIZE = 256,
	CONFIG_NAME_SIZE = 64,
	CONFIG_WINDOWS_MAX = 4,
	CONFIG_WINDOW_S_MAX = 600,
	CONFIG_STAGES_MAX = 32,
};

struct stage_type;

struct stage_config {
	const struct stage_type *type;
	char name[CONFIG_NAME_SIZE]; // the type's where the file gives none
	void *options;               // NULL: they lie in struct config
};

struct config {
	uint64_t interval_ns; // between evaluations, stores, entries of the history

	char listen[CONFIG_TEXT_SIZE]; // collect: endpoint of the command socket
	uint32_t nodes_max;
	uint64_t shed_after_ns;               // behind for longer, summaries are taken without their lists
	char key[CONFIG_TEXT_SIZE];           // path of the controller's secret key file; empty: none
	char allowed_nodes[CONFIG_TEXT_SIZE]; // path of a directory or file of public keys; empty: nobody
	char allowed_users[CONFIG_TEXT_SIZE];

	const yaml_node_t *windows;             // lists: while the file is read
	uint32_t windows_s[CONFIG_WINDOWS_MAX]; // ascending
	size_t windows_length;
	uint32_t entries_max; // of each list, interval and node; a power of two
	uint32_t list_length; // of the lists in Redis, and of answers that ask for no other

	char alerts[CONFIG_TEXT_SIZE]; // logic: path of the rule file; empty: no rules

	char redis[CONFIG_TEXT_SIZE];               // store: as api/redis_endpoint.h parses it
	char redis_password_file[CONFIG_TEXT_SIZE]; // empty: no password
	uint64_t redis_timeout_ns;                  // then a connection without an answer is given up
	uint32_t history_length;                    // entries of each history in Redis, and of its minutes and hours
	uint32_t history_minutes, history_hours;

	char metrics[CONFIG_TEXT_SIZE]; // metrics: where they are served; none: nowhere

	struct stage_config stages[CONFIG_STAGES_MAX]; // [stages_length], in order
	size_t stages_length;
};

// The defaults: collect, lists, logic, store.
void config_init(struct config *config);
void config_fini(struct config *config);
// Read a file over the defaults.
//   error   [CONF_ERROR_SIZE], one line
//   return  0, -ENOENT, -EINVAL, …
int config_load(struct config *config, const char *path, char *error);
// Have a stage that there is one of, where it is not listed.
void config_require(struct config *config, const char *name);
