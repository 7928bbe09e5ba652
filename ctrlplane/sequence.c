// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/sequence.h"

static bool *sequence_slot(struct sequence *sequence, uint64_t n) {
	return &sequence->ahead[n % SEQUENCE_AHEAD];
}

uint64_t sequence_give_up(struct sequence *sequence) {
	uint64_t lost = 0;
	while (sequence->contiguous < sequence->greatest) {
		bool *taken = sequence_slot(sequence, ++sequence->contiguous);
		lost += !*taken;
		*taken = false;
	}
	return lost;
}

// Move over what was taken right after the contiguous part.
static void sequence_advance(struct sequence *sequence) {
	bool *taken;
	while (*(taken = sequence_slot(sequence, sequence->contiguous + 1))) {
		*taken = false;
		sequence->contiguous++;
	}
}

void sequence_start(struct sequence *sequence, uint64_t n) {
	for (uint64_t i = sequence->contiguous + 1; i <= n && i <= sequence->greatest; i++)
		*sequence_slot(sequence, i) = false;
	if (n > sequence->contiguous)
		sequence->contiguous = n;
	if (n > sequence->greatest)
		sequence->greatest = n;
	sequence_advance(sequence);
}

bool sequence_take(struct sequence *sequence, uint64_t n, uint64_t *lost) {
	if (n <= sequence->contiguous)
		return false;
	if (n - sequence->contiguous > SEQUENCE_AHEAD)
		*lost += sequence_give_up(sequence);
	if (n - sequence->contiguous > SEQUENCE_AHEAD) {
		*lost += n - 1 - sequence->contiguous;
		sequence->contiguous = n - 1;
	}
	bool *taken = sequence_slot(sequence, n);
	if (*taken)
		return false;
	*taken = true;
	if (n > sequence->greatest)
		sequence->greatest = n;
	sequence_advance(sequence);
	return true;
}

bool sequence_has(const struct sequence *sequence, uint64_t n) {
	return n <= sequence->contiguous || (n <= sequence->greatest && sequence->ahead[n % SEQUENCE_AHEAD]);
}
