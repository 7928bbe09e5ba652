// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a node says it lost, over sliding windows: tuples that its operators dropped, and packets that were lost before
// it had them. Its counters are looked at once per evaluation of the rules; a ring remembers how they grew.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LOSSES_SAMPLES = 604 }; // the longest window of a rule, at an evaluation a second

enum loss {
	LOSS_DROPPED,
	LOSS_OUTSIDE,
	LOSS_KINDS,
};
extern const char *const loss_names[LOSS_KINDS]; // of the node's counters

struct loss_sample {
	uint64_t mono_ns;
	uint64_t grown[LOSS_KINDS]; // since the first look
};

struct losses {
	uint64_t incarnation;                       // of the counters seen last; 0: none yet
	uint64_t seen[LOSS_KINDS];                  // these
	struct loss_sample samples[LOSSES_SAMPLES]; // ring, the next at count % LOSSES_SAMPLES
	uint64_t count;
};

// Take note of a node's counters.
//   now          [LOSS_KINDS]; NULL: it has not told them yet
//   had_another  an earlier controller may have seen this incarnation: what was before is the past
void losses_note(struct losses *losses, uint64_t incarnation, bool had_another, const uint64_t *now, uint64_t mono_ns);
// What was lost in the time before the latest note.
uint64_t losses_within(const struct losses *losses, enum loss kind, uint64_t window_ns);
