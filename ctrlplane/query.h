// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Answers to weirctl, as JSON. docs/man/weirctl.1 describes the members.
#pragma once

#include <jansson.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/lists.h"
#include "ctrlplane/state.h"
#include "ctrlplane/view.h"

enum {
	QUERY_ERROR_SIZE = 256,
	QUERY_RATE_S = 5,          // rates in `status` are over this window
	QUERY_CHANNELS_MAX = 1000, // of query_channels, where nobody asks for less
};

//   error   [QUERY_ERROR_SIZE], one line where NULL is returned
//   return  the answer, for free()
char *query_answer(struct state *state, const Weir__Request *request, char *error);

// The parts of answers, each a new object. The store writes the same.
json_t *query_status(struct state *state);
json_t *query_operators(struct state *state, const struct node *only);
json_t *query_alerts(struct state *state, bool all, uint32_t limit);

struct query_top {
	enum list_kind kind;
	uint32_t window_s, limit;
	const struct node *node; // NULL: all
	const struct view *view; // NULL: the list itself
};
json_t *query_top(struct state *state, const struct query_top *top);

// TCP health over a window, the worst prefixes first.
//   node  NULL: all
json_t *query_tcp(struct state *state, uint32_t window_s, uint32_t limit, const struct node *node);

// Flows that two nodes saw.
json_t *query_paths(struct state *state, uint32_t limit);

// Channels between nodes, the worst served first; NULL: no stage knows of them.
json_t *query_channels(struct state *state, uint32_t limit);

// One node, for status and for the store.
json_t *query_node(struct state *state, const struct node *node);
