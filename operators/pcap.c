// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// pcap: a source that reads a capture file to its end.
//
//   in      a pcap or pcapng file, of any time precision, link type EN10MB, RAW, IPV4, IPV6, NULL, LOOP, LINUX_SLL or
//           LINUX_SLL2
//   out     packet: each frame with the timestamp of its capture
//   drops   empty: a frame of which nothing was captured; too_large: one that would not fit into the whole packet pool
//   state   the open file; one instance
//
// Frames of a classic pcap file are not copied: the mbufs refer to the blocks that the file is read in. A frame is read
// only when there is room downstream, and waits where the packet pool is empty, so a file loses no packet. A file that
// ends inside a packet is read up to there; the node then says so and exits 1.
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "dataplane/capture.h"
#include "dataplane/event_clock.h"
#include "dataplane/frame.h"
#include "dataplane/operator.h"

enum { DROP_EMPTY, DROP_TOO_LARGE };
static const char *const pcap_drops[] = {"empty", "too_large", NULL};

struct pcap_options {
	char *path;
};

static const struct option pcap_option_table[] = {
	{.name = "path",
		.type = OPTION_STRING,
		.offset = offsetof(struct pcap_options, path),
		.required = true,
		.min = 1,
		.max = PATH_MAX - 1,
		.help = "capture file (pcap or pcapng); - is standard input, which may be a pipe"},
	{0},
};

static const struct operator_output pcap_outputs[] = {{"packets", &packet_schema}, {0}};

struct pcap_state {
	struct event_clock clock;
	struct capture_frame frame; // read, not yet taken in
	bool has_frame;
	unsigned spare_count;
	struct rte_mbuf *spares[BATCH_MAX]; // taken from the pool, not yet reset
};

static int pcap_source_open(struct operator *op) {
	const struct pcap_options *options = op->options;
	struct capture *capture;
	char error[CAPTURE_ERROR_MAX];
	int ret = capture_open(&capture, options->path, error);
	if (ret)
		operator_error(op, "%s", error);
	else
		op->shared = capture;
	return ret;
}

static void pcap_source_close(struct operator *op) {
	capture_close(op->shared);
	op->shared = NULL;
}

// Have a frame at hand, or set self->finished; neither, where a pipe has nothing yet.
static bool read_frame(struct instance *self) {
	struct pcap_state *state = self->state;
	if (state->has_frame)
		return true;
	char error[CAPTURE_ERROR_MAX];
	if (!capture_is_ready(self->op->shared))
		return false;
	int ret = capture_next(self->op->shared, &state->frame, error);
	if (ret == -EAGAIN)
		return false;
	if (ret < 0)
		instance_fail(self, "%s", error);
	state->has_frame = ret > 0;
	self->finished = ret <= 0;
	return state->has_frame;
}

// Have mbufs ready for the next poll. They were freed by another worker, mostly: their lines are on their way from its
// cache while the frames of this poll are handled.
static void fetch_spares(struct pcap_state *state, struct rte_mempool *pool) {
	unsigned missing = BATCH_MAX - state->spare_count;
	if (missing == 0 || rte_mempool_get_bulk(pool, (void **)&state->spares[state->spare_count], missing) != 0)
		return;
	for (; state->spare_count < BATCH_MAX; state->spare_count++) {
		char *spare = (char *)state->spares[state->spare_count];
		__builtin_prefetch(spare, 1);
		__builtin_prefetch(spare + RTE_CACHE_LINE_SIZE, 1);
		__builtin_prefetch(spare + sizeof(struct rte_mbuf), 1);
	}
}

static struct rte_mbuf *take_mbuf(struct pcap_state *state, struct rte_mempool *pool) {
	if (state->spare_count == 0)
		return rte_pktmbuf_alloc(pool);
	struct rte_mbuf *spare = state->spares[--state->spare_count];
	rte_pktmbuf_reset(spare);
	return spare;
}

// The tuple of the frame at hand, or NULL where the pool is empty now.
static struct rte_mbuf *make_tuple(struct instance *self) {
	struct pcap_state *state = self->state;
	struct rte_mempool *pool = node_packet_pool(self->op->node);
	const struct capture_frame *frame = &state->frame;
	struct rte_mbuf *tuple;
	if (frame->can_be_kept && frame->size <= FRAME_ATTACH_MAX) {
		tuple = take_mbuf(state, pool);
		if (tuple)
			frame_attach(tuple, frame->data, frame->size, capture_keep(self->op->shared));
	} else {
		tuple = frame_copy(pool, frame->data, frame->size);
	}
	if (tuple) {
		tuple->packet_type = capture_link(self->op->shared);
		event_clock_stamp(&state->clock, frame->timestamp_ns, tuple_packet(tuple));
	}
	return tuple;
}

static unsigned pcap_poll(struct instance *self, unsigned room) {
	struct pcap_state *state = self->state;
	struct rte_mempool *pool = node_packet_pool(self->op->node);
	struct batch batch;
	uint64_t bytes = 0;
	unsigned drops[2] = {0};
	batch.count = 0;

	// Frames that are dropped count towards the room, so that a file of nothing else doesn't hold the worker.
	for (unsigned i = 0; i < room; i++) {
		if (self->stopping)
			self->finished = true;
		if (self->finished || !read_frame(self))
			break;
		const struct capture_frame *frame = &state->frame;
		struct rte_mbuf *tuple = NULL;
		if (frame->size == 0) {
			drops[DROP_EMPTY]++;
		} else if (!frame_fits(pool, frame->size)) {
			drops[DROP_TOO_LARGE]++;
		} else {
			tuple = make_tuple(self);
			if (!tuple)
				break;
			batch.tuples[batch.count++] = tuple;
			bytes += frame->wire_size;
		}
		state->has_frame = false;
	}
	for (unsigned reason = 0; reason < 2; reason++) {
		if (drops[reason])
			instance_drop_unborn(self, reason, drops[reason]);
	}
	unsigned taken = batch.count;
	fetch_spares(state, pool);
	if (taken) {
		self->watermark_ns = state->clock.now_ns;
		instance_take_in(self, 0, &batch, bytes);
	}
	return taken;
}

static void pcap_fini(struct instance *self) {
	struct pcap_state *state = self->state;
	if (state->spare_count > 0)
		rte_mempool_put_bulk(node_packet_pool(self->op->node), (void **)state->spares, state->spare_count);
}

static struct operator_type pcap_type = {
	.name = "pcap",
	.summary = "read a capture file to its end",
	.manual =
		"Reads a pcap or pcapng file with libpcap, of any time precision. Link types: " CAPTURE_LINKS_EXPECTED
		".\n\n"
		"Time is the capture's: expiry and windows go by the timestamps of the packets, and the same file "
		"gives "
		"the same records at any speed. A frame waits while there is no room downstream, so a file loses no "
		"packet.\n\n"
		"A file that is cut inside a packet is read up to that point; all whole packets are analysed, and the "
		"node then reports the damage and exits 1.",
	.options = pcap_option_table,
	.options_size = sizeof(struct pcap_options),
	.outputs = pcap_outputs,
	.drops = pcap_drops,
	.parallelism = 1,
	.parallelism_max = 1,
	.state_size = sizeof(struct pcap_state),
	.open = pcap_source_open,
	.close = pcap_source_close,
	.fini = pcap_fini,
	.poll = pcap_poll,
};
OPERATOR_REGISTER(pcap_type);
