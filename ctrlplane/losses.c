// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/losses.h"

#include <stddef.h>

const char *const loss_names[LOSS_KINDS] = {[LOSS_DROPPED] = "dropped", [LOSS_OUTSIDE] = "lost_outside"};

static const struct loss_sample *sample_at(const struct losses *losses, uint64_t number) {
	return &losses->samples[number % LOSSES_SAMPLES];
}

void losses_note(struct losses *losses, uint64_t incarnation, bool had_another, const uint64_t *now, uint64_t mono_ns) {
	struct loss_sample sample = {.mono_ns = mono_ns};
	bool is_same = losses->incarnation == incarnation;
	for (int i = 0; i < LOSS_KINDS; i++) {
		sample.grown[i] = losses->count > 0 ? sample_at(losses, losses->count - 1)->grown[i] : 0;
		if (now == NULL)
			continue;
		uint64_t before = is_same ? losses->seen[i] : had_another ? now[i] : 0;
		sample.grown[i] += now[i] > before ? now[i] - before : 0;
		losses->seen[i] = now[i];
	}
	if (now != NULL)
		losses->incarnation = incarnation;
	losses->samples[losses->count++ % LOSSES_SAMPLES] = sample;
}

uint64_t losses_within(const struct losses *losses, enum loss kind, uint64_t window_ns) {
	if (losses->count == 0)
		return 0;
	uint64_t oldest = losses->count > LOSSES_SAMPLES ? losses->count - LOSSES_SAMPLES : 0;
	const struct loss_sample *newest = sample_at(losses, losses->count - 1), *first = newest;
	for (uint64_t n = losses->count - 1; n > oldest && newest->mono_ns - first->mono_ns < window_ns; n--)
		first = sample_at(losses, n - 1);
	// A window that reaches back to before the first look has all of it.
	bool is_whole = oldest == 0 && newest->mono_ns - first->mono_ns < window_ns;
	return newest->grown[kind] - (is_whole ? 0 : first->grown[kind]);
}
