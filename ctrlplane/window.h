// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The recent intervals of one node, or of all nodes that live in the present: a ring of tables, one per interval of
// event time, from which any sliding window up to the ring's length is put together. Time is that of the summaries;
// between summaries it goes on with the clock, so that a window empties when a node falls silent, and a replayed
// capture has windows as well. Where time steps back for good, the ring starts anew.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/weir.pb-c.h"
#include "ctrlplane/lists.h"
#include "ctrlplane/totals.h"

enum { WINDOW_LATE_MAX = 3 }; // summaries in a row that are late: time has stepped back

// What a window is asked for.
struct window_sums {
	struct totals totals;
	uint64_t repeated_packets, repeated_bytes; // of `totals`: of flows that another node has told of as well
};

// Flows of a summary that another node has told of as well.
struct window_repeats {
	const bool *flows; // [summary->n_flows]; NULL: none
	uint64_t packets, bytes;
};

// Round-trip times of TCP.
struct window_times {
	struct histogram rtt, handshake;
};

struct window;

//   slots    intervals in the ring
//   entries  bound of each list of one interval; a power of two
int window_new(struct window **out, uint32_t slots, uint64_t interval_ns, size_t entries);
void window_free(struct window *window);
// Forget everything: a new incarnation's time may be any.
void window_restart(struct window *window);

// Add a summary to the interval its end falls into.
//   repeats  NULL: none
//   return   false: too late, the ring has moved past that interval
bool window_add(
	struct window *window, const Weir__Summary *summary, const struct window_repeats *repeats, uint64_t mono_ns);

// The number of the newest interval that a summary was of; 0: none yet.
uint64_t window_newest(const struct window *window);

// How many of the last `length` intervals were reported.
uint32_t window_known(const struct window *window, uint32_t length, uint64_t mono_ns);

// Put the lists of the last intervals into a table.
void window_merge(
	const struct window *window, enum list_kind kind, uint32_t length, struct topn *into, uint64_t mono_ns);

// Sums over the last `length` intervals.
//   return  how many intervals that were: fewer than asked for where the node is young, at least 1
uint32_t window_totals(const struct window *window, uint32_t length, uint64_t mono_ns, struct window_sums *out);

// Add the round-trip times of the last intervals to histograms.
void window_times(const struct window *window, uint32_t length, uint64_t mono_ns, struct window_times *into);
