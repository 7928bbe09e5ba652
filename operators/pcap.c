// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// pcap: a source that reads capture files to their end.
//
//   in      a pcap or pcapng file of any time precision, link type EN10MB, RAW, IPV4, IPV6, NULL, LOOP, LINUX_SLL or
//           LINUX_SLL2; a regular file may be compressed by gzip, standard input and pipes may not
//   out     packet: each frame with the timestamp of its capture
//   drops   empty: a frame of which nothing was captured; too_large: one that would not fit into the whole packet pool
//   state   the open files
//
// Several files are one stream in the order of time stamps. Of n instances, the i-th merges the files i, i + n, …: for
// files whose flows are different ones and whose times are the same.
//
// Frames of a classic pcap file are not copied: the mbufs refer to the blocks that the file is read in. A frame is read
// only when there is room downstream, and waits where the packet pool is empty, so a file loses no packet. A file that
// ends inside a packet is read up to there; the node then says so and exits 1.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/capture_merge.h"
#include "dataplane/event_clock.h"
#include "dataplane/frame.h"
#include "dataplane/operator.h"
#include "dataplane/sharing.h"
#include "dataplane/state_file.h"

enum { DROP_EMPTY, DROP_TOO_LARGE };
static const char *const pcap_drops[] = {"empty", "too_large", NULL};

struct pcap_options {
	char *path;
	struct option_list more_paths;
};

enum { MORE_PATHS_MAX = 63 };

static const struct option pcap_option_table[] = {
	{.name = "path",
		.type = OPTION_STRING,
		.offset = offsetof(struct pcap_options, path),
		.required = true,
		.min = 1,
		.max = PATH_MAX - 1,
		.help = "capture file (pcap or pcapng); - is standard input, which may be a pipe"},
	{.name = "more_paths",
		.type = OPTION_LIST,
		.offset = offsetof(struct pcap_options, more_paths),
		.max = MORE_PATHS_MAX,
		.help = "further capture files, read at the same time: packets come in the order of their time stamps"},
	{0},
};

static const struct operator_output pcap_outputs[] = {{"packets", &packet_schema}, {0}};

struct pcap_state {
	struct event_clock clock;
	struct capture_merge *files;
	enum packet_link link;      // of the frame
	struct capture_frame frame; // read, not yet taken in
	bool has_frame;
	uint64_t taken; // frames that are not to be read again
	bool is_dealt;  // files have gone from instance to instance
	unsigned spare_count;
	struct rte_mbuf *spares[BATCH_MAX]; // taken from the pool, not yet reset
};

static const char *path_of(const struct operator *op, unsigned file) {
	const struct pcap_options *options = op->options;
	return file == 0 ? options->path : options->more_paths.items[file - 1];
}

static unsigned count_files(const struct operator *op) {
	return 1 + ((const struct pcap_options *)op->options)->more_paths.count;
}

static int pcap_init(struct instance *self) {
	struct pcap_state *state = self->state;
	const struct operator *op = self->op;
	char error[CAPTURE_ERROR_MAX] = "out of memory";
	int ret = capture_merge_new(&state->files, count_files(op));
	unsigned first = instance_joins(self) ? count_files(op) : self->index;
	for (unsigned i = first; !ret && i < count_files(op); i += op->instance_count)
		ret = capture_merge_add(state->files, path_of(op, i), i, error);
	if (ret)
		operator_error(op, "%s", error);
	return ret;
}

// Have a frame at hand, or set self->finished; neither, where a pipe has nothing yet.
static bool read_frame(struct instance *self) {
	struct pcap_state *state = self->state;
	if (state->has_frame)
		return true;
	char error[CAPTURE_ERROR_MAX];
	int ret = capture_merge_next(state->files, &state->frame, &state->link, error);
	if (ret == -EIO)
		instance_fail(self, "%s", error);
	state->has_frame = ret > 0;
	self->finished = ret == 0;
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
//   fields  of the packet: its times are filled
static struct rte_mbuf *make_tuple(struct instance *self, struct packet_meta *fields) {
	struct pcap_state *state = self->state;
	struct rte_mempool *pool = node_packet_pool(self->op->node);
	const struct capture_frame *frame = &state->frame;
	struct rte_mbuf *tuple;
	if (frame->can_be_kept && frame->size <= FRAME_ATTACH_MAX) {
		tuple = take_mbuf(state, pool);
		if (tuple)
			frame_attach(tuple, frame->data, frame->size, capture_merge_keep(state->files));
	} else {
		tuple = frame_copy(pool, frame->data, frame->size);
	}
	if (tuple) {
		tuple->packet_type = state->link;
		event_clock_stamp(&state->clock, frame->timestamp_ns, fields);
	}
	return tuple;
}

static unsigned pcap_poll(struct instance *self, unsigned room) {
	struct pcap_state *state = self->state;
	struct rte_mempool *pool = node_packet_pool(self->op->node);
	struct batch batch;
	struct packet_meta fields[BATCH_MAX];
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
			tuple = make_tuple(self, &fields[batch.count]);
			if (!tuple)
				break;
			batch_add_packet(&batch, tuple, &fields[batch.count]);
			bytes += frame->wire_size;
		}
		state->has_frame = false;
	}
	for (unsigned reason = 0; reason < 2; reason++) {
		if (drops[reason])
			instance_drop_unborn(self, reason, drops[reason]);
	}
	unsigned taken = batch.count;
	state->taken += taken + drops[DROP_EMPTY] + drops[DROP_TOO_LARGE];
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
	capture_merge_close(state->files);
}

static unsigned files_left(const struct instance *instance) {
	return capture_merge_left(((const struct pcap_state *)instance->state)->files);
}

static void give_file(struct instance *to, struct instance *from) {
	struct pcap_state *taker = to->state, *giver = from->state;
	if (taker->clock.now_ns == 0)
		taker->clock = giver->clock;
	capture_merge_move(taker->files, giver->files);
	to->finished = false;
}

static void pcap_share(struct operator *op, struct instance *const *before, unsigned count) {
	static const struct sharing sharing = {files_left, give_file};
	for (unsigned i = 0; i < count; i++) {
		struct pcap_state *state = before[i]->state;
		if (state->has_frame)
			capture_merge_unread(state->files, &state->frame);
		state->has_frame = false;
	}
	sharing_deal(&sharing, op, before, count);
	for (unsigned i = 0; i < op->instance_count; i++)
		((struct pcap_state *)op->instances[i]->state)->is_dealt = true;
}

static const struct operator_sharing pcap_sharing = {
	.parts = "files", .most = count_files, .is_timed = true, .share = pcap_share};

// Of an instance; in their order.
struct pcap_position {
	uint64_t taken;
	struct event_clock clock;
};
enum { STATE_POSITION = 1 };

static int pcap_can_be_saved(const struct operator *op, char *error, size_t size) {
	for (unsigned i = 0; i < op->instance_count; i++)
		if (((const struct pcap_state *)op->instances[i]->state)->is_dealt) {
			snprintf(error, size, "its parallelism was changed while it ran, and its files dealt out anew");
			return -ENOTSUP;
		}
	for (unsigned i = 0; i < count_files(op); i++) {
		const char *path = path_of(op, i);
		struct stat status;
		if (strcmp(path, "-") != 0 && (stat(path, &status) != 0 || S_ISREG(status.st_mode)))
			continue;
		snprintf(error, size, "%.200s can't be read again; expected a file",
			strcmp(path, "-") == 0 ? "standard input" : path);
		return -ENOTSUP;
	}
	return 0;
}

static void pcap_save(const struct operator *op, struct state_writer *writer) {
	for (unsigned i = 0; i < op->instance_count; i++) {
		const struct pcap_state *state = op->instances[i]->state;
		const struct pcap_position position = {state->taken, state->clock};
		state_put(writer, STATE_POSITION, &position, sizeof(position));
	}
}

// Pass over the frames that were taken.
static int skip_frames(struct instance *self, uint64_t count) {
	struct pcap_state *state = self->state;
	char error[CAPTURE_ERROR_MAX];
	while (state->taken < count) {
		int ret = capture_merge_next(state->files, &state->frame, &state->link, error);
		if (ret <= 0) {
			operator_error(self->op,
				"path: %s: has fewer frames than were taken from it before the snapshot",
				((const struct pcap_options *)self->options)->path);
			return -EINVAL;
		}
		state->taken++;
	}
	return 0;
}

static int pcap_restore(struct operator *op, struct state_reader *reader) {
	for (unsigned i = 0; i < op->instance_count; i++) {
		struct pcap_state *state = op->instances[i]->state;
		struct pcap_position position;
		if (state_take(reader, STATE_POSITION, &position, sizeof(position)) < 0) {
			operator_error(op, "the snapshot has no position of it");
			return -EINVAL;
		}
		state->clock = position.clock;
		int ret = skip_frames(op->instances[i], position.taken);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static const struct operator_saving pcap_saving = {
	.check = pcap_can_be_saved, .save = pcap_save, .restore = pcap_restore};

static struct operator_type pcap_type = {
	.name = "pcap",
	.summary = "read capture files to their end",
	.manual =
		"Reads a pcap or pcapng file with libpcap, of any time precision. A file compressed by gzip is "
		"read as it is, but not from standard input or a pipe. "
		"Link types: " CAPTURE_LINKS_EXPECTED ".\n\n"
		"Time is the capture's: expiry and windows go by the timestamps of the packets, and the same file "
		"gives "
		"the same records at any speed. A frame waits while there is no room downstream, so a file loses no "
		"packet.\n\n"
		"With more_paths, several files are read as one, in the order of their time stamps: the parts of a "
		"rotated capture, or the two directions of a link. With parallelism n, instance i reads the files i, "
		"i + n, ... on a worker of its own; that is for files that cover the same time and have no flow in "
		"common, because packets of different instances can pass each other. Where parallelism is changed "
		"while it runs, whole files go from one instance to another; a snapshot is refused from then on.\n\n"
		"A file that is cut inside a packet is read up to that point; all whole packets are analysed, and the "
		"node then reports the damage and exits 1.",
	.options = pcap_option_table,
	.options_size = sizeof(struct pcap_options),
	.outputs = pcap_outputs,
	.drops = pcap_drops,
	.parallelism = 1,
	.state_size = sizeof(struct pcap_state),
	.saving = &pcap_saving,
	.sharing = &pcap_sharing,
	.restored = "It goes on with the frame after the last one before the snapshot.",
	.init = pcap_init,
	.fini = pcap_fini,
	.poll = pcap_poll,
};
OPERATOR_REGISTER(pcap_type);
