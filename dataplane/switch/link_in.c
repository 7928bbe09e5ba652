// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The source that receives: tuples out of the queue of the instance's channel. What it has passed on is acknowledged.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/latency.h"
#include "dataplane/node.h"
#include "dataplane/switch/link_operators.h"
#include "dataplane/switch/link_switch.h"
#include "dataplane/switch/remote_receiver.h"

enum { DROP_MALFORMED };
static const char *const drops[] = {"malformed", NULL};

struct link_in {
	struct remote_receiver *receiver; // NULL: not made
	bool is_added;
};

static int init(struct instance *self) {
	const struct link_channel_options *options = self->options;
	struct link_in *state = self->state;
	struct remote_receiver *receiver = aligned_alloc(_Alignof(struct remote_receiver), sizeof(*receiver));
	int rc = -ENOMEM;
	if (receiver == NULL)
		goto err;
	memset(receiver, 0, sizeof(*receiver));
	state->receiver = receiver;
	strcpy(receiver->name.node, options->node);
	snprintf(receiver->name.pipeline, sizeof(receiver->name.pipeline), "%s", self->op->pipeline);
	strcpy(receiver->name.stream, options->stream);
	receiver->name.index = (uint16_t)self->index;
	receiver->name.count = (uint16_t)self->op->instance_count;
	rc = remote_receiver_init(receiver, self->op->outputs[0], options->queue_size);
	if (rc == 0)
		rc = link_switch_add_receiver(node_links(self->op->node), receiver);
	state->is_added = rc == 0;
	self->input_fd = receiver->event_fd;
	if (rc == 0)
		return 0;
err:
	operator_error(self->op, "no channel from node %s: %s", options->node, strerror(-rc));
	return rc;
}

static void fini(struct instance *self) {
	struct link_in *state = self->state;
	if (state->receiver == NULL)
		return;
	if (state->is_added)
		link_switch_remove_receiver(node_links(self->op->node), state->receiver);
	remote_receiver_fini(state->receiver);
	free(state->receiver);
}

// Make records of the frame that is being read.
//   return  tuples of it that are done with, malformed ones too
static unsigned unpack(struct instance *self, struct batch *batch, unsigned room) {
	const struct link_in *state = self->state;
	struct remote_receiver *receiver = state->receiver;
	struct rte_mbuf *records[BATCH_MAX];
	unsigned wanted = RTE_MIN(room, receiver->tuples_left);
	unsigned made = wanted > 0 ? instance_new_records(self, self->op->outputs[0], records, wanted) : 0, used = 0;
	uint32_t malformed = 0;
	for (; used < made && malformed == 0; used++) {
		struct tuple_time time;
		if (!remote_receiver_unpack(receiver, tuple_record(records[used]), &time, &malformed))
			break;
		struct packet_meta *fields = tuple_stored_packet(records[used]);
		fields->timestamp_ns = time.timestamp_ns;
		fields->late_ms = time.late_ms;
		batch_add_packet(batch, records[used], fields);
	}
	if (used < made)
		rte_pktmbuf_free_bulk(records + used, made - used);
	if (malformed > 0)
		instance_drop_unborn(self, DROP_MALFORMED, malformed);
	return used + malformed;
}

// Whether there is something to read, or soon will be without this worker's waiting for it.
static bool find_frame(struct remote_receiver *receiver) {
	if (receiver->tuples_left > 0 || remote_receiver_next(receiver))
		return true;
	remote_receiver_wait(receiver);
	return remote_receiver_next(receiver);
}

static unsigned poll(struct instance *self, unsigned room) {
	const struct link_in *state = self->state;
	struct remote_receiver *receiver = state->receiver;
	struct batch batch = {.count = 0};
	unsigned done = 0;
	uint64_t since_ns = UINT64_MAX;
	const uint64_t begin = receiver->read;
	while (batch.count < room && find_frame(receiver)) {
		if (receiver->since_ns != 0 && receiver->tuples_left > 0)
			since_ns = RTE_MIN(since_ns, receiver->since_ns);
		unsigned passed = unpack(self, &batch, room - batch.count);
		done += passed;
		if (passed == 0 && receiver->tuples_left > 0)
			break; // no memory for records, which is counted
	}
	if (receiver->tuples_left == 0)
		self->watermark_ns = RTE_MAX(self->watermark_ns, receiver->watermark_ns);
	unsigned count = batch.count;
	if (since_ns == UINT64_MAX)
		latency_since = 0; // nobody knows
	// Clocks of two hosts may be a little apart.
	uint64_t now_ns = count > 0 && since_ns != UINT64_MAX ? clock_now_ns() : 0;
	if (now_ns > since_ns)
		instance_was_due(self, now_ns - since_ns);
	if (count > 0)
		instance_take_in(self, 0, &batch, receiver->read - begin);
	atomic_fetch_add_explicit(&receiver->processed, done, memory_order_relaxed);
	remote_receiver_release(receiver);
	if ((self->stopping || receiver->ended) && remote_receiver_stop(receiver))
		self->finished = true;
	return count;
}

static const struct operator_output outputs[] = {{.name = "records"}, {0}};

const struct operator_type link_in_type = {
	.name = "link_in",
	.summary = "takes the tuples of a stream from another node",
	.outputs = outputs,
	.drops = drops,
	.state_size = sizeof(struct link_in),
	.init = init,
	.fini = fini,
	.poll = poll,
};
