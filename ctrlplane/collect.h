// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Collect, the first stage: two ROUTER sockets, one for registrations, heartbeats and requests, one for summaries.
// Every message is answered, those that make no sense with an Error; none can end or stall the controller.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ctrlplane/gate.h"
#include "ctrlplane/state.h"

enum {
	COLLECT_SOCKETS = 2,
	COLLECT_ITEMS = COLLECT_SOCKETS + GATE_ITEMS,
	COLLECT_ENDPOINT_SIZE = 300,
};

struct collect {
	struct state *state;
	void *context;
	void *commands, *summaries; // ROUTER
	struct gate gate;
	uint64_t behind_mono_ns; // since when more comes in than is worked off; 0: nothing waits
	bool is_due;             // a node's time ran ahead: alert rules have to be evaluated before more is taken
	char commands_at[COLLECT_ENDPOINT_SIZE], summaries_at[COLLECT_ENDPOINT_SIZE];
};

// The endpoint for summaries that belongs to one for commands: tcp: the next port; ipc: "-summaries" appended.
//   return  0; -EINVAL: neither tcp://ADDRESS:PORT nor ipc://PATH
int collect_summary_endpoint(const char *commands, char *out, size_t size);

//   error   [KEY_FILE_ERROR_SIZE], one line that says what is wrong
int collect_init(struct collect *collect, struct state *state, char *error);
void collect_fini(struct collect *collect);

// What to poll for.
//   items   [COLLECT_ITEMS], filled
//   return  how many
int collect_poll_items(const struct collect *collect, zmq_pollitem_t *items);

// Handle what has arrived, up to a bound, so that ticks are never starved, and up to where is_due is set.
void collect_receive(struct collect *collect);

// More has been coming in for shed_after than could be worked off: summaries are taken without their lists until all
// that waits has been read. Their sums count, and they are acknowledged.
bool collect_is_overloaded(const struct collect *collect);

// Mark nodes that went silent.
void collect_check(struct collect *collect);

// Acknowledge what is safe by now.
void collect_acknowledge(struct collect *collect);
