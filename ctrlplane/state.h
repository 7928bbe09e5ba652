// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the stages work on together: the configuration, the nodes, the alerts, and what of it is stored. One thread.
#pragma once

#include "ctrlplane/alert_rules.h"
#include "ctrlplane/alerts.h"
#include "ctrlplane/config.h"
#include "ctrlplane/nodes.h"

struct store;

struct state_counters {
	uint64_t messages, malformed, refused, unregistered, undeliverable; // on both sockets
};

struct state {
	struct config config;
	struct nodes nodes;
	struct alerts alerts;
	struct alert_rules rules;
	struct store *store;
	uint64_t epoch;      // of this controller
	uint64_t started_ns; // wall clock
	struct state_counters counters;
	uint64_t unstored;         // summaries taken since the last transaction began
	uint64_t unstored_mono_ns; // when the first of them was
};
