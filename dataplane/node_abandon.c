// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Workers find what an instance does by its type: one of its own takes the place of its operator's.
#include "dataplane/node_abandon.h"

#include <errno.h>
#include <stdlib.h>

struct abandoned {
	struct operator_type type; // first: what the instance points at
	uint64_t in, held;         // when it was given up
};

static void discard(struct instance *self, struct batch *batch) {
	instance_absorb(self, batch);
}

static unsigned take_any(struct instance *self) {
	return BATCH_MAX;
}

static unsigned end_input(struct instance *self, unsigned room) {
	self->finished = true;
	return 0;
}

int node_abandon(struct instance *instance) {
	struct abandoned *abandoned = malloc(sizeof(*abandoned));
	if (abandoned == NULL)
		return -ENOMEM;
	*abandoned = (struct abandoned){
		.type = *instance->op->type, .in = instance->counters.in, .held = instance->counters.held};
	struct operator_type *type = &abandoned->type;
	type->process = discard;
	type->poll = type->poll != NULL ? end_input : NULL;
	type->room = type->room != NULL ? take_any : NULL;
	type->tick = NULL;
	type->flush = NULL;
	type->take_options = NULL;
	instance->type = type;
	instance->backlog = instance->schedule->backlog = false;
	return 0;
}

uint64_t node_abandon_count(const struct instance *instance) {
	if (!node_is_abandoned(instance))
		return 0;
	const struct abandoned *abandoned = (const struct abandoned *)instance->type;
	return abandoned->held + instance->counters.in - abandoned->in;
}

void node_abandon_free(const struct instance *instance) {
	if (node_is_abandoned(instance))
		free((void *)instance->type);
}

uint64_t node_abandon_rings(const struct node_parts *parts, const struct node_parts *kept) {
	uint64_t count = 0;
	for (unsigned i = 0; i < parts->plan->channel_count; i++) {
		struct ring *ring = parts->channels[i].ring;
		struct rte_mbuf *tuples[BATCH_MAX];
		unsigned taken;
		if (ring == NULL || node_parts_have_ring(kept, ring))
			continue;
		while ((taken = ring_dequeue(ring, tuples, BATCH_MAX).count) > 0) {
			rte_pktmbuf_free_bulk(tuples, taken);
			count += taken;
		}
	}
	return count;
}
