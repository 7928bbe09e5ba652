// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the stages work on together: the configuration, the nodes, the alerts, and what of it is stored. One thread.
#pragma once

#include "ctrlplane/access.h"
#include "ctrlplane/act.h"
#include "ctrlplane/alert_rules.h"
#include "ctrlplane/alerts.h"
#include "api/clock.h"
#include "ctrlplane/clock_watch.h"
#include "ctrlplane/config.h"
#include "ctrlplane/nodes.h"

struct logic;
struct stages;
struct store;

// What the stage bandwidth answers to weirctl and to the store.
struct channels_answers {
	json_t *(*list)(void *context, uint32_t limit);
	json_t *(*explain)(void *context, const char *channel); // NULL: no such channel
	void *context;
};

struct state_counters {
	uint64_t messages; // on both sockets: each is one of the following
	uint64_t taken, malformed, refused, unregistered;
	uint64_t undeliverable; // answers
	uint64_t forged_epochs; // claims of nodes, not believed
};

struct state {
	struct config config;
	struct access access;
	struct nodes nodes;
	struct alerts alerts;
	struct act act;
	struct alert_rules rules;
	struct views views, fresh_views; // named ones; those that a reload prepares
	struct store *store;
	struct logic *logic; // NULL: no such stage
	struct stages *stages;
	const struct channels_answers *channels; // NULL: no such stage
	// Reads the configuration again; NULL: it can't. error [CONF_ERROR_SIZE]
	int (*reload)(struct state *state, char *error);
	const void *reload_context;
	uint64_t reloads;    // that succeeded
	uint64_t epoch;      // of this controller
	uint64_t started_ns; // wall clock
	struct state_counters counters;
	struct clock_watch clock;
	uint64_t unstored;         // summaries taken since the last transaction began
	uint64_t unstored_mono_ns; // when the first of them was
};

static inline bool state_has_window(const struct state *state, uint64_t window_s) {
	return (uint64_t)state->nodes.window_slots * state->config.interval_ns >= window_s * NS_PER_S;
}

// Have windows at least this long; before the first node is known.
static inline void state_need_window(struct state *state, uint64_t window_s) {
	uint64_t interval_ns = state->config.interval_ns;
	uint32_t slots = (uint32_t)((window_s * NS_PER_S + interval_ns - 1) / interval_ns) + 2;
	if (slots > state->nodes.window_slots)
		state->nodes.window_slots = slots;
}
