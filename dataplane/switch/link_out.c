// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The sink that sends: batches go into the queue of the instance's channel. Its account:
//
//   held      queued, or on the way
//   absorbed  passed on by the receiving node
//   drops     unknown: sent to a process that died before it said what it had passed on; unsent: the end came first;
//             overflow: `queue: spill`, and the queue was full
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/latency.h"
#include "dataplane/node.h"
#include "dataplane/switch/link_operators.h"
#include "dataplane/switch/link_switch.h"
#include "dataplane/switch/remote_sender.h"

enum { DROP_UNKNOWN, DROP_UNSENT, DROP_OVERFLOW };
static const char *const drops[] = {"unknown", "unsent", "overflow", NULL};
static const uint64_t DRAIN_NS = 10 * UINT64_C(1000000000);

struct link_out {
	struct remote_sender *sender; // NULL: not made
	bool is_added, is_given_up;
	uint64_t deadline_ns; // of the end; 0: not yet begun
	uint64_t unsent;      // what came after nothing was sent any more
};

static void wake_worker(void *context) {
	struct instance *self = context;
	worker_wake(&self->op->node->workers[self->worker]);
}

static int init(struct instance *self) {
	const struct link_channel_options *options = self->options;
	struct link_out *state = self->state;
	struct link_switch *links = node_links(self->op->node);
	struct remote_sender *sender = aligned_alloc(_Alignof(struct remote_sender), sizeof(*sender));
	int rc = -ENOMEM;
	if (sender == NULL)
		goto err;
	memset(sender, 0, sizeof(*sender));
	state->sender = sender;
	strcpy(sender->name.node, options->node);
	snprintf(sender->name.pipeline, sizeof(sender->name.pipeline), "%s", self->op->pipeline);
	strcpy(sender->name.stream, options->stream);
	sender->name.index = (uint16_t)self->index;
	sender->name.count = (uint16_t)self->op->instance_count;
	sender->wake = wake_worker;
	sender->context = self;
	sender->spills = options->spills;
	atomic_init(&sender->bucket.rate, options->rate);
	rc = remote_sender_init(sender, self->op->input, options->queue_size);
	if (rc == 0)
		rc = link_switch_add_sender(links, sender);
	state->is_added = rc == 0;
	if (rc == 0)
		return 0;
err:
	operator_error(self->op, "no channel to node %s: %s", options->node,
		rc == -E2BIG ? "its records are too large for a frame" : strerror(-rc));
	return rc;
}

static void fini(struct instance *self) {
	struct link_out *state = self->state;
	if (state->sender == NULL)
		return;
	if (state->is_added && !state->is_given_up)
		link_switch_remove_sender(node_links(self->op->node), state->sender);
	remote_sender_fini(state->sender);
	free(state->sender);
}

// Bring the account up to date with what the switch did.
static void settle(struct instance *self) {
	const struct link_out *state = self->state;
	const struct remote_sender *sender = state->sender;
	uint64_t lost = atomic_load_explicit(&sender->lost, memory_order_acquire);
	uint64_t acknowledged = atomic_load_explicit(&sender->acknowledged, memory_order_acquire);
	if (state->is_given_up)
		return;
	self->counters.absorbed = acknowledged;
	self->counters.drops[DROP_UNKNOWN] = lost;
	self->counters.held = atomic_load_explicit(&sender->handed, memory_order_relaxed) - acknowledged - lost;
}

static bool is_overdue(struct link_out *state) {
	uint64_t now_ns = clock_monotonic_ns();
	if (state->deadline_ns == 0)
		state->deadline_ns = now_ns + DRAIN_NS;
	return now_ns >= state->deadline_ns;
}

static unsigned room(struct instance *self) {
	struct link_out *state = self->state;
	if (state->sender->spills)
		return BATCH_MAX; // what does not fit is dropped
	unsigned there = remote_sender_room(state->sender);
	bool is_last = there < BATCH_MAX && instance_is_stopping(self);
	return is_last && is_overdue(state) ? BATCH_MAX : there; // what does not fit is dropped, so that the node ends
}

static void process(struct instance *self, struct batch *batch) {
	struct link_out *state = self->state;
	const bool overflows = state->sender->spills && !state->is_given_up;
	unsigned taken = state->is_given_up ? 0 : remote_sender_room(state->sender), count = batch->count;
	for (unsigned i = taken; i < count; i++)
		instance_drop(self, overflows ? DROP_OVERFLOW : DROP_UNSENT, batch->tuples[i]);
	batch->count = RTE_MIN(taken, count);
	if (overflows && count > taken)
		atomic_fetch_add_explicit(&state->sender->overflowed, count - taken, memory_order_relaxed);
	if (batch->count > 0) {
		uint64_t age_ns = latency_age_ns();
		remote_sender_put(
			state->sender, batch, self->watermark_ns, age_ns == UINT64_MAX ? 0 : clock_now_ns() - age_ns);
		link_switch_wake(node_links(self->op->node));
	}
	batch_free(batch);
	settle(self);
}

static bool tick(struct instance *self, unsigned to_emit) {
	struct link_out *state = self->state;
	remote_sender_tell(state->sender, self->watermark_ns);
	link_switch_wake(node_links(self->op->node));
	settle(self);
	return false;
}

// Nobody takes what is left.
static void give_up(struct instance *self) {
	struct link_out *state = self->state;
	const struct remote_sender *sender = state->sender;
	link_switch_remove_sender(node_links(self->op->node), state->sender);
	settle(self);
	state->is_given_up = true;
	uint64_t left = self->counters.held;
	uint64_t on_way = sender->sent_tuples - sender->acknowledged - sender->lost;
	self->counters.drops[DROP_UNKNOWN] += on_way;
	self->counters.drops[DROP_UNSENT] += left - on_way;
	self->counters.held = 0;
	if (left > 0)
		instance_fail(self,
			"the end came before node %s took %" PRIu64 " tuples: acknowledged %" PRIu64
			" <= processed <= sent %" PRIu64 "; counted as unknown, and %" PRIu64 " as unsent",
			sender->name.node, left, (uint64_t)sender->acknowledged, (uint64_t)sender->sent_tuples,
			left - on_way);
}

static bool flush(struct instance *self, enum end_of_stream why, unsigned to_emit) {
	struct link_out *state = self->state;
	if (state->is_given_up)
		return false;
	remote_sender_end(state->sender, self->watermark_ns);
	link_switch_wake(node_links(self->op->node));
	settle(self);
	// Before the look: the last word after it wakes this worker.
	atomic_store(&state->sender->waits, true);
	atomic_thread_fence(memory_order_seq_cst);
	if (remote_sender_is_empty(state->sender))
		return false;
	if (why != END_OF_SHUTDOWN || !is_overdue(state))
		return true;
	give_up(self);
	return false;
}

const struct operator_type link_out_type = {
	.name = "link_out",
	.summary = "sends the tuples of a stream to another node",
	.drops = drops,
	.grouping = GROUPING_FORWARD,
	.leads_on = true,
	.state_size = sizeof(struct link_out),
	.init = init,
	.fini = fini,
	.room = room,
	.process = process,
	.tick = tick,
	.flush = flush,
};
