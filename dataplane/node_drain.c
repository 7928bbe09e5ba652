// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/node_drain.h"

#include <errno.h>
#include <time.h>

enum { LOOK_NS = 20 * 1000 };

void node_drain_look_later(void) {
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	nanosleep(&pause, NULL);
}

static bool is_meant(const struct node_drain *drain, unsigned pipeline) {
	return drain->pipelines == NULL || drain->pipelines[pipeline];
}

bool node_drain_count_sent(const struct node_drain *drain, uint64_t *sent) {
	const struct plan *plan = drain->node->plan;
	*sent = 0;
	for (unsigned i = 0; i < plan->channel_count; i++) {
		const struct ring *ring = drain->node->channels[i].ring;
		if (ring == NULL || !is_meant(drain, plan->channels[i].pipeline))
			continue;
		*sent += atomic_load_explicit(&ring->sent, memory_order_acquire);
		if (ring_used(ring) > 0)
			return false;
	}
	return true;
}

bool node_drain_have_all_answered(const struct node *node) {
	for (unsigned i = 0; i < node->worker_count; i++)
		if (atomic_load(&node->workers[i].snapshot_made) < atomic_load(&node->workers[i].snapshot_asked))
			return false;
	return true;
}

static bool is_at_rest(const struct node_drain *drain) {
	struct node *node = drain->node;
	node_snapshot_begin(node);
	bool is = node_drain_have_all_answered(node);
	for (unsigned i = 0; i < node->plan->instance_count; i++) {
		const struct snapshot *snapshot = &node->snapshots[i];
		unsigned pace = atomic_load_explicit(&node->instances[i]->pace, memory_order_relaxed);
		if (is_meant(drain, node->plan->operators[node->plan->instances[i].op].pipeline))
			is &= !snapshot->has_more && (!drain->with_held || snapshot->counters.held == 0);
		if (pace == INSTANCE_LEAVES)
			is &= snapshot->finished;
	}
	node_snapshot_end(node);
	return is;
}

// A snapshot is made at the end of a loop: what a worker had in hands before is in a ring then, or handled.
static bool is_drained(const struct node_drain *drain) {
	uint64_t before, after;
	return node_drain_count_sent(drain, &before) && is_at_rest(drain) && node_drain_count_sent(drain, &after) &&
	       before == after;
}

int node_drain_wait(const struct node_drain *drain, uint64_t limit_ns) {
	uint64_t end_ns = clock_monotonic_ns() + limit_ns;
	while (!is_drained(drain)) {
		if (node_is_done(drain->node))
			return -ECANCELED;
		if (clock_monotonic_ns() > end_ns)
			return -ETIMEDOUT;
		node_drain_look_later();
	}
	return 0;
}
