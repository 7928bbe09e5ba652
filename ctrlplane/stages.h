// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The stages of one controller, made from its configuration and driven in their order.
#pragma once

#include <zmq.h>

#include "ctrlplane/config.h"
#include "ctrlplane/stage.h"

struct stages {
	struct stage list[CONFIG_STAGES_MAX]; // [length]
	size_t length;
};

//   error   [CONF_ERROR_SIZE]
int stages_init(struct stages *stages, struct state *state, char *error);
void stages_fini(struct stages *stages);

void stages_summary(struct stages *stages, const struct node *node, const Weir__Summary *summary);
void stages_interval(struct stages *stages);
void stages_work(struct stages *stages);
//   items   [room], filled with what the loop should poll
//   return  how many
size_t stages_poll(const struct stages *stages, zmq_pollitem_t *items, size_t room);

// Read the configuration again and take over what it says, or change nothing.
//   fresh  read from the same places as state->config; it must have the same stages, and only those that can may
//          have other options
int stages_reload(struct stages *stages, struct config *fresh, char *error);
//   return  a new list, an object for each stage
json_t *stages_status(const struct stages *stages);
