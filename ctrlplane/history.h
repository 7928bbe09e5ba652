// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The history on its way to Redis: one entry per interval, kept until stored, the oldest given up when there are too
// many; and the stretches of which Redis will have no history.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctrlplane/totals.h"

enum {
	HISTORY_PENDING_MAX = 600,
	HISTORY_GAPS_MAX = 8,
};

struct history_entry {
	uint64_t ms;          // end of the interval, wall clock: the stream entry's id
	struct totals totals; // cumulative
	double packets_per_s, bits_per_s, flows_per_s;
	uint64_t flows_live, nodes_up, alerts_active;
};

struct history_gap {
	uint64_t from_ms, to_ms;
	uint64_t id_ms; // its entry is id_ms-1: after what is stored, before what follows
	const char *reason;
};

struct history {
	struct history_entry entries[HISTORY_PENDING_MAX]; // ring: number n at n % HISTORY_PENDING_MAX
	uint64_t added, stored;                            // numbers: pending are stored..added-1
	struct history_gap gaps[HISTORY_GAPS_MAX];         // [gaps_length], pending
	size_t gaps_length;
	uint64_t first_ms;       // of the oldest entry that Redis had, as far as known; 0: none
	uint64_t last_stored_ms; // 0: none
};

// Add the entry of an interval; one that is not later than the last is left out.
void history_add(struct history *history, const struct history_entry *entry);
void history_add_gap(struct history *history, const struct history_gap *gap);
// Everything up to entry number `added` and the first `gaps` gaps are in Redis now.
void history_mark_stored(struct history *history, uint64_t added, size_t gaps);
// The end of the newest entry, 0 where there is none.
uint64_t history_last_ms(const struct history *history);
