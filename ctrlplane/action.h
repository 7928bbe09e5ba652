// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Actions: what alert rules cause when an alert starts or ends, as defined in the file of the rules. "store" and "log"
// need no definition.
#pragma once

#include "ctrlplane/conf.h"

enum {
	ACTIONS_MAX = 16,
	ACTION_NAME_SIZE = 64,
	ACTION_URL_SIZE = 1024,
	ACTION_PATH_SIZE = 256,
	ACTION_QUEUE_MAX = 1000,
};

enum action_type { ACTION_WEBHOOK, ACTION_COMMAND };
enum action_on { ACTION_ON_BOTH, ACTION_ON_START, ACTION_ON_END };

struct action {
	char name[ACTION_NAME_SIZE];
	enum action_type type;
	enum action_on on;

	// webhook
	char url[ACTION_URL_SIZE];
	struct conf_strings headers; // "Name: value"
	char ca[ACTION_PATH_SIZE];   // certificates to trust; empty: the system's
	char proxy[ACTION_PATH_SIZE];
	uint64_t timeout_ns, backoff_ns; // of an attempt; before the second, then doubling
	uint32_t retries, queue;

	// command
	char node[CONF_STRINGS_SIZE]; // name, or "subject": the one that the alert is about
	int verb;                     // index of action_verbs
	char target[CONF_STRINGS_SIZE], value[CONF_STRINGS_SIZE];
};
extern const char *const action_verbs[];

// Read a list of actions.
//   out  [ACTIONS_MAX]
int actions_read(struct conf *conf, const yaml_node_t *list, struct action *out, size_t *length);
// Whether two webhooks are the same in what they deliver, where and how.
bool action_equal(const struct action *a, const struct action *b);
