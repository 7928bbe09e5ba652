// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The recent intervals of one node: a ring of tables, one per interval of event time, from which any sliding window up
// to the ring's length is put together. Time is that of the summaries; between summaries it goes on with the clock,
// so that a window empties when a node falls silent, and a replayed capture has windows as well.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/lists.h"
#include "ctrlplane/totals.h"

struct window;

//   slots    intervals in the ring
//   entries  bound of each list of one interval; a power of two
int window_new(struct window **out, uint32_t slots, uint64_t interval_ns, size_t entries);
void window_free(struct window *window);
// Forget everything: a new incarnation's time may be any.
void window_restart(struct window *window);

// Add a summary to the interval its end falls into.
//   return  false: too late, the ring has moved past that interval
bool window_add(struct window *window, const Weir__Summary *summary, uint64_t mono_ns);

// The number of the newest interval that a summary was of; 0: none yet.
uint64_t window_newest(const struct window *window);

// Put the lists of the last intervals into a table.
void window_merge(
	const struct window *window, enum list_kind kind, uint32_t length, struct topn *into, uint64_t mono_ns);

// Sums over the last `length` intervals.
//   return  how many intervals that were: fewer than asked for where the node is young, at least 1
uint32_t window_totals(const struct window *window, uint32_t length, uint64_t mono_ns, struct totals *out);
