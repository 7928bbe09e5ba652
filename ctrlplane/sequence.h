// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Which numbers of a series 1, 2, 3, … were taken: each once, and what is missing is derived, never guessed.
// Numbers may arrive out of order within SEQUENCE_AHEAD of the first missing one; beyond it the hole is given up.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SEQUENCE_AHEAD = 256 };

struct sequence {
	uint64_t contiguous;        // all up to this one were taken or given up
	uint64_t greatest;          // taken so far
	bool ahead[SEQUENCE_AHEAD]; // number n, contiguous < n <= greatest, was taken: ahead[n % SEQUENCE_AHEAD]
};

// Take number n.
//   lost    increased by the numbers that had to be given up to make room
//   return  true: taken now; false: n was taken or given up before
bool sequence_take(struct sequence *sequence, uint64_t n, uint64_t *lost);

// Whether number n was taken or given up before.
bool sequence_has(const struct sequence *sequence, uint64_t n);

// Give up everything missing below the greatest.
//   return  how many numbers that were
uint64_t sequence_give_up(struct sequence *sequence);

// Numbers up to n were taken before: by an earlier controller.
void sequence_start(struct sequence *sequence, uint64_t n);

static inline bool sequence_has_hole(const struct sequence *sequence) {
	return sequence->greatest > sequence->contiguous;
}
