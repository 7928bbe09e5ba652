// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/sharing.h"

static struct instance *find_one(const struct sharing *sharing, const struct operator *op, bool with_most) {
	struct instance *found = op->instances[0];
	for (unsigned i = 1; i < op->instance_count; i++) {
		unsigned parts = sharing->count(op->instances[i]), others = sharing->count(found);
		if (with_most ? parts > others : parts < others)
			found = op->instances[i];
	}
	return found;
}

void sharing_deal(
	const struct sharing *sharing, const struct operator *op, struct instance *const *before, unsigned count) {
	for (unsigned i = op->instance_count; i < count; i++)
		while (sharing->count(before[i]) > 0)
			sharing->give(find_one(sharing, op, false), before[i]);
	for (unsigned i = count; i < op->instance_count; i++)
		for (;;) {
			struct instance *giver = find_one(sharing, op, true);
			if (sharing->count(giver) <= sharing->count(op->instances[i]) + 1)
				break;
			sharing->give(op->instances[i], giver);
		}
}
