// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The controller's configuration: conf/controller.yaml.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	CONFIG_TEXT_SIZE = 256,
	CONFIG_WINDOWS_MAX = 4,
	CONFIG_WINDOW_S_MAX = 600,
};

struct config {
	char listen[CONFIG_TEXT_SIZE];              // endpoint of the command socket
	char redis[CONFIG_TEXT_SIZE];               // as api/redis_endpoint.h parses it
	char redis_password_file[CONFIG_TEXT_SIZE]; // empty: no password
	uint64_t redis_timeout_ns;                  // then a connection without an answer is given up
	char alerts[CONFIG_TEXT_SIZE];              // path of the rule file; empty: no rules
	uint64_t interval_ns;                       // between evaluations, stores, entries of the history
	uint32_t windows_s[CONFIG_WINDOWS_MAX];     // ascending
	size_t windows_length;
	uint32_t nodes_max;
	uint32_t entries_max;    // of each list, interval and node; a power of two
	uint32_t list_length;    // of the lists in Redis, and of answers that ask for no other
	uint32_t history_length; // entries of each history in Redis, and of its minutes and hours
	uint32_t history_minutes, history_hours;
};

void config_init(struct config *config);
// Read a file over the defaults.
//   error   [512], one line
//   return  0, -ENOENT, -EINVAL, …
int config_load(struct config *config, const char *path, char *error);
