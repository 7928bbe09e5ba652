// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/share.h"

void shares_begin(struct share *shares, unsigned count) {
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < count; i++)
		if (shares[i].wants && shares[i].used < least)
			least = shares[i].used;
	for (unsigned i = 0; i < count; i++) {
		struct share *share = &shares[i];
		share->used = share->wants ? share->used - least : 0;
		share->waits = share->used > 0;
		share->wants = share->waits; // who does not wait shows anew
	}
}
