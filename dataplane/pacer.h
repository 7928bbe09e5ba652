// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// How much a source that makes its tuples up may send by now, where it has a rate.
#pragma once

#include "dataplane/operator.h"

struct pacer {
	uint64_t rate; // a second; 0: no limit
	uint64_t began_ns, sent;
};

// Begin with one instance's share of a rate for all of them.
static inline void pacer_init(struct pacer *pacer, uint64_t rate, const struct instance *self) {
	uint64_t instances = self->op->instance_count;
	uint64_t share = rate / instances + (self->index < rate % instances);
	*pacer = (struct pacer){.rate = rate > 0 ? (share > 0 ? share : 1) : 0};
}

// How many tuples of `self` are due; says since when the first one has been.
//   return  at most `room`; who sends them adds them to `sent`
static inline unsigned pacer_allow(struct pacer *pacer, struct instance *self, unsigned room) {
	const uint64_t second_ns = 1000000000;
	if (pacer->rate == 0)
		return room;
	uint64_t now_ns = clock_monotonic_ns();
	if (pacer->began_ns == 0)
		pacer->began_ns = now_ns;
	// Start over each second, so that the product stays small, and what was held up is not made up for.
	if (now_ns - pacer->began_ns >= second_ns) {
		pacer->began_ns += (now_ns - pacer->began_ns) / second_ns * second_ns;
		pacer->sent = 0;
	}
	uint64_t allowed = (now_ns - pacer->began_ns) * pacer->rate / second_ns;
	uint64_t due = allowed > pacer->sent ? allowed - pacer->sent : 0;
	if (due == 0)
		return 0;
	uint64_t due_ns = pacer->began_ns + (pacer->sent + 1) * second_ns / pacer->rate;
	instance_was_due(self, now_ns > due_ns ? now_ns - due_ns : 0);
	return due < room ? (unsigned)due : room;
}
