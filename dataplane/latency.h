// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// End-to-end latency: how long tuples took from when a source took them in to when they ended, at an instance that
// absorbed them or at a sink. It is measured by batches, with the processor's time stamp counter:
//
//   from   the begin of the poll that took the batch from outside; a source with a rate says when the oldest of its
//          tuples was due (instance_was_due). What time makes due (a window closes, a flow expires) counts from when
//          its worker found it due; what an operator emits later of a batch that it got (backlog), from that batch.
//   to     when `process` of the last instance returned.
//
// A worker has one such beginning in hand, `latency_since`: batches run to completion, so it holds for all that is
// called from there. Rings and holds pass it on; of several batches read as one, and of what was held, the oldest
// counts. What is flushed at the end of a stream is not counted. Channels between nodes pass it on as a time of the
// wall clock: across hosts it is as right as their clocks.
#pragma once

#include <stdint.h>

#include <rte_cycles.h>

#include "api/histogram.h"

// Of what this worker has in hand: a reading of the time stamp counter; 0: not to be counted.
extern _Thread_local uint64_t latency_since __attribute__((tls_model("initial-exec")));

// The tuples that ended at one instance.
struct latency {
	uint64_t counts[HISTOGRAM_BUCKETS]; // since the start. Its worker: rw (relaxed), anyone: ro
	uint64_t told[HISTOGRAM_BUCKETS];   // those of the last latency_take; whoever calls that
};

// Find out how fast the counter is. Before the first worker starts.
void latency_init(void);

// So many tuples of those in hand have ended.
//   thread  the instance's worker
void latency_end(struct latency *latency, uint64_t tuples);

// How long what is in hand has been on its way.
//   return  ns; UINT64_MAX: it is not to be counted
uint64_t latency_age_ns(void);

// Let what is in hand count from so long ago.
void latency_move_back(uint64_t ago_ns);

// Read what was counted since the last time.
//   thread  one that always is the same
void latency_take(struct latency *latency, struct histogram *out);
