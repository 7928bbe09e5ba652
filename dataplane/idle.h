// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a worker does when there is nothing to do: spin, then pause, then sleep longer and longer. A producer on another
// worker ends a sleep through an eventfd, and so does input that has a descriptor (the socket behind a captured
// interface). Other input is polled again after IDLE_SLEEP_POLL_NS at the latest, which bounds the delay of the first
// packet after a silence.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	IDLE_INPUTS_MAX = 8,
	IDLE_SPINS = 64,           // empty loops before the first pause
	IDLE_PAUSE_NS = 50 * 1000, // of emptiness before the first sleep
	IDLE_SLEEP_MIN_NS = 50 * 1000,
	IDLE_SLEEP_POLL_NS = 6000 * 1000,     // longest sleep with a live source to poll
	IDLE_SLEEP_MAX_NS = 50 * 1000 * 1000, // longest sleep where only rings or the clock can wake
};

struct idle {
	bool busy_policy; // never sleep
	int event_fd;
	uint64_t since_ns; // monotonic time of the first empty loop in a row
	unsigned empty_loops;
	bool woken_in_vain;    // by input, which then brought nothing: do not trust it until something comes
	_Atomic bool sleeping; // worker: wo, producers: ro
};

int idle_init(struct idle *idle, bool busy_policy);
void idle_fini(struct idle *idle);

// There was work: start over.
static inline void idle_reset(struct idle *idle) {
	idle->empty_loops = 0;
	idle->woken_in_vain = false;
}

// How long a sleep would be after this empty loop; 0: the call paused (or did nothing) instead.
//   longest_ns  bound of the sleep: IDLE_SLEEP_POLL_NS, IDLE_SLEEP_MAX_NS or less
uint64_t idle_step(struct idle *idle, uint64_t longest_ns);

// Announce a sleep. Afterwards the caller looks at its inputs once more: what was enqueued before a producer could see
// the announcement is found there, what comes later wakes the sleep.
void idle_prepare(struct idle *idle);
// Sleep until woken, until an input is readable, or for duration_ns.
//   inputs  [input_count] descriptors, at most IDLE_INPUTS_MAX; those are left out after a wake in vain
void idle_sleep(struct idle *idle, uint64_t duration_ns, const int *inputs, unsigned input_count);
// No sleep after all.
void idle_cancel(struct idle *idle);

// End a sleep, if there is one. A full fence orders it after the enqueue that it is about.
//   thread  any
void idle_wake(struct idle *idle);
