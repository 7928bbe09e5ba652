// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a node reports of the key groups of its operators: who owns them, and how much each gets.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/balance.h"

enum { GROUP_LOADS_MAX = 16 }; // operators of a node that are looked at

struct group_loads {
	struct group_loads *next;
	char *pipeline, *op;
	unsigned instances;
	uint16_t owners[BALANCE_GROUPS];
	uint64_t tuples[BALANCE_GROUPS]; // sums, as reported last
	double rates[BALANCE_GROUPS];    // tuples a second, smoothed over some reports
	uint64_t taken_mono_ns;
	unsigned reports; // since the rates began
	bool is_told;     // by the last report
	// The stage balance's.
	unsigned skewed;    // reports in a row with a load out of bounds
	unsigned looked_at; // value of `reports` when it looked last
	uint64_t paused_until_mono_ns;
	unsigned moves, decisions;
	struct balance last; // as found when it looked last
};

// Take a heartbeat's reports; what it no longer tells of is forgotten.
void group_loads_take(struct group_loads **list, const Weir__Heartbeat *beat, uint64_t mono_ns);
void group_loads_free(struct group_loads *list);
