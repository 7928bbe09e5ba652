// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// replay: a source that sends frames from memory, for benchmarks.
//
//   in      the frames of a capture file (path), or made-up ones (flows, frame_size, frames, seed), loaded at start
//   out     packet: the frames in their order, `loops` times, at full speed or at `rate`
//   state   the frames, shared; each instance sends a slice of them
//
// No frame is copied: each lies in an mbuf that is handed out with a reference and sent again once it has come back.
// Time is made up too: frames of a file keep the file's gaps, others are `interval` apart, and each round goes on where
// the last one ended.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/capture.h"
#include "dataplane/event_clock.h"
#include "dataplane/frame_store.h"
#include "dataplane/operator.h"
#include "dataplane/synthetic.h"

enum {
	FRAMES_DEFAULT = 1000000,
	INTERVAL_DEFAULT_NS = 100,
	PREFETCH_AHEAD = 32, // frames; they were last touched a round ago, and memory takes some 100 ns
};

#define SECOND_NS UINT64_C(1000000000)
#define EPOCH_NS (1767225600 * SECOND_NS) // 2026-01-01: made-up time starts here where nothing says otherwise

struct replay_options {
	char *path;
	uint64_t flows, frames, frame_size, seed;
	uint64_t loops;
	uint64_t rate;
	uint64_t interval_ns;
};

#define AT(member) .offset = offsetof(struct replay_options, member)
static const struct option replay_option_table[] = {
	{.name = "path", .type = OPTION_STRING, AT(path), .help = "capture file; without it frames are made up"},
	{.name = "flows",
		.type = OPTION_UINT,
		AT(flows),
		.default_text = "65536",
		.min = 1,
		.max = SYNTHETIC_FLOWS_MAX,
		.help = "flows of made-up frames, half TCP, half UDP"},
	{.name = "frames",
		.type = OPTION_UINT,
		AT(frames),
		.default_text = "0",
		.max = 1 << 28,
		.min = 0,
		.help = "frames in memory; 0: the whole file; made up: 1M, or one a flow if that is more"},
	{.name = "frame_size",
		.type = OPTION_SIZE,
		AT(frame_size),
		.default_text = "64",
		.min = SYNTHETIC_SIZE_MIN,
		.max = SYNTHETIC_SIZE_MAX,
		.help = "bytes of a made-up frame"},
	{.name = "seed", .type = OPTION_UINT, AT(seed), .default_text = "1", .help = "of made-up frames"},
	{.name = "loops", .type = OPTION_UINT, AT(loops), .default_text = "1", .help = "rounds; 0: until stopped"},
	{.name = "rate",
		.type = OPTION_RATE,
		AT(rate),
		.default_text = "0",
		.help = "packets a second, of all instances together; 0: as fast as they are taken"},
	{.name = "interval",
		.type = OPTION_DURATION,
		AT(interval_ns),
		.default_text = "0s",
		.help = "time between made-up frames; 0s: by rate, 100ns where that is 0"},
	{0},
};
#undef AT

static const struct operator_output replay_outputs[] = {{"packets", &packet_schema}, {0}};

struct replay_shared {
	struct frame_store store;
	uint64_t start_ns; // time of the first frame
	uint64_t span_ns;  // of a round: from its first frame to the next round's
};

struct replay_state {
	struct event_clock clock;
	const struct stored_frame *frames; // [count]: this instance's slice
	uint64_t count, next;
	uint64_t round, rounds; // rounds 0: no end
	uint64_t base_ns, span_ns;
	uint64_t rate, paced_ns, sent; // paced_ns: when the pacing began
};

static int load_synthetic(struct operator *op) {
	const struct replay_options *options = op->options;
	struct replay_shared *shared = op->shared;
	uint64_t count = options->frames;
	if (!count)
		count = options->flows > FRAMES_DEFAULT ? options->flows : FRAMES_DEFAULT;
	uint64_t interval_ns = options->interval_ns;
	if (!interval_ns)
		interval_ns =
			options->rate && options->rate < SECOND_NS ? SECOND_NS / options->rate : INTERVAL_DEFAULT_NS;
	struct synthetic settings = {options->flows, options->seed, (uint32_t)options->frame_size};
	int ret = frame_store_init(&shared->store, count, count * frame_store_footprint(settings.size));
	if (ret) {
		operator_error(op, "no memory for %llu frames of %u bytes", (unsigned long long)count, settings.size);
		return ret;
	}
	for (uint64_t i = 0; i < count; i++)
		synthetic_frame(&settings, i,
			frame_store_add(&shared->store, settings.size, i * interval_ns, PACKET_LINK_ETHERNET,
				node_packet_pool(op->node)));
	shared->start_ns = options->rate ? clock_now_ns() : EPOCH_NS;
	shared->span_ns = count * interval_ns;
	return 0;
}

// Go through a capture: the first time to learn how much memory it takes, the second to fill it.
//   store   NULL the first time
static int read_capture(struct operator *op, struct frame_store *store, uint64_t *count, size_t *size) {
	const struct replay_options *options = op->options;
	struct replay_shared *shared = op->shared;
	struct capture *capture;
	struct capture_frame frame;
	char error[CAPTURE_ERROR_MAX];
	uint64_t last_ns = 0;
	int ret = capture_open(&capture, options->path, error);
	if (ret) {
		operator_error(op, "%s", error);
		return ret;
	}
	*count = *size = 0;
	while ((ret = capture_next(capture, &frame, error)) > 0) {
		if (options->frames && *count == options->frames)
			break;
		if (frame.size == 0 || frame.size > FRAME_STORE_SIZE_MAX)
			continue;
		if (!*count)
			shared->start_ns = frame.timestamp_ns;
		last_ns = frame.timestamp_ns > last_ns ? frame.timestamp_ns : last_ns;
		*count += 1;
		*size += frame_store_footprint(frame.size);
		if (!store)
			continue;
		// Offsets wrap for frames older than the first; so does the sum they end in.
		uint8_t *data = frame_store_add(store, frame.size, frame.timestamp_ns - shared->start_ns,
			capture_link(capture), node_packet_pool(op->node));
		memcpy(data, frame.data, frame.size);
	}
	if (ret < 0)
		operator_error(op, "%s", error);
	capture_close(capture);
	shared->span_ns = last_ns - shared->start_ns + 1;
	return ret < 0 ? ret : 0;
}

static int load_capture(struct operator *op) {
	const struct replay_options *options = op->options;
	struct replay_shared *shared = op->shared;
	uint64_t count;
	size_t size;
	int ret = read_capture(op, NULL, &count, &size);
	if (ret)
		return ret;
	if (!count) {
		operator_error(op, "%s: no frames: expected a capture with packets", options->path);
		return -EINVAL;
	}
	ret = frame_store_init(&shared->store, count, size);
	if (ret) {
		operator_error(op, "%s: no memory for %llu frames", options->path, (unsigned long long)count);
		return ret;
	}
	return read_capture(op, &shared->store, &count, &size);
}

static int replay_check(const void *given, char *error, size_t size) {
	const struct replay_options *options = given;
	if (options->path && !strcmp(options->path, "-")) {
		snprintf(error, size, "path: \"-\": expected a file: standard input cannot be read twice");
		return -EINVAL;
	}
	return 0;
}

static int replay_open(struct operator *op) {
	const struct replay_options *options = op->options;
	op->shared = calloc(1, sizeof(struct replay_shared));
	if (!op->shared) {
		operator_error(op, "out of memory");
		return -ENOMEM;
	}
	return options->path ? load_capture(op) : load_synthetic(op);
}

static void replay_close(struct operator *op) {
	struct replay_shared *shared = op->shared;
	if (shared)
		frame_store_fini(&shared->store);
	free(shared);
	op->shared = NULL;
}

static int replay_init(struct instance *self) {
	const struct replay_options *options = self->options;
	const struct replay_shared *shared = self->op->shared;
	struct replay_state *state = self->state;
	uint64_t instances = self->op->instance_count, count = shared->store.count;
	uint64_t begin = count * self->index / instances, end = count * (self->index + 1) / instances;
	*state = (struct replay_state){
		.frames = shared->store.frames + begin,
		.count = end - begin,
		.rounds = options->loops,
		.base_ns = shared->start_ns,
		.span_ns = shared->span_ns,
	};
	if (options->rate)
		state->rate = RTE_MAX(1, options->rate / instances + (self->index < options->rate % instances));
	return 0;
}

// How many frames the rate allows by now.
static uint64_t due(struct replay_state *state) {
	uint64_t now_ns = clock_monotonic_ns();
	if (!state->paced_ns)
		state->paced_ns = now_ns;
	// Start over each second, so that the product stays small, and what was held up is not made up for.
	if (now_ns - state->paced_ns >= SECOND_NS) {
		state->paced_ns += (now_ns - state->paced_ns) / SECOND_NS * SECOND_NS;
		state->sent = 0;
	}
	uint64_t allowed = (now_ns - state->paced_ns) * state->rate / SECOND_NS;
	return allowed > state->sent ? allowed - state->sent : 0;
}

static void next_round(struct instance *self) {
	struct replay_state *state = self->state;
	state->next = 0;
	state->base_ns += state->span_ns;
	state->round++;
	self->finished = state->round == state->rounds;
}

static unsigned replay_poll(struct instance *self, unsigned room) {
	struct replay_state *state = self->state;
	struct batch batch;
	uint64_t bytes = 0;
	if (self->stopping || !state->count) {
		self->finished = true;
		return 0;
	}
	if (state->rate)
		room = (unsigned)RTE_MIN(room, due(state));
	// A batch doesn't go beyond a round: a frame can't be in it twice.
	unsigned n = (unsigned)RTE_MIN(room, state->count - state->next);
	const struct stored_frame *frames = state->frames + state->next;
	uint64_t left = state->count - state->next;
	batch.count = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *tuple = frames[i].tuple;
		struct rte_mbuf *ahead = i + PREFETCH_AHEAD < left ? frames[i + PREFETCH_AHEAD].tuple : tuple;
		rte_prefetch0(ahead);
		rte_prefetch0(tuple_packet(ahead));
		rte_prefetch0(tuple_packet(ahead) + 1);
		if (!frame_store_take(tuple))
			break;
		event_clock_stamp(&state->clock, state->base_ns + frames[i].offset_ns, tuple_packet(tuple));
		bytes += tuple->pkt_len;
		batch.tuples[batch.count++] = tuple;
	}
	unsigned taken = batch.count;
	if (!taken)
		return 0;
	state->next += taken;
	state->sent += taken;
	self->watermark_ns = state->clock.now_ns;
	if (state->next == state->count)
		next_round(self);
	instance_take_in(self, 0, &batch, bytes);
	return taken;
}

static struct operator_type replay_type = {
	.name = "replay",
	.summary = "send frames from memory, for benchmarks",
	.manual = "Loads the frames of a capture file, or makes frames up (Ethernet, IPv4, TCP or UDP, both directions "
		  "of "
		  "each flow), and sends them as fast as they are taken, or at a rate.\n\n"
		  "Frames of a file keep the file's gaps; frames of no bytes, and of more than 65535, are left out. "
		  "Made-up "
		  "time starts in 2026, or now where a rate is given, so that the same options give the same records. "
		  "Several "
		  "instances share the frames, a slice each, and the rate.\n\n"
		  "The frames take 192 bytes each besides their own, outside the EAL's memory.",
	.options = replay_option_table,
	.options_size = sizeof(struct replay_options),
	.outputs = replay_outputs,
	.state_size = sizeof(struct replay_state),
	.check = replay_check,
	.open = replay_open,
	.close = replay_close,
	.init = replay_init,
	.poll = replay_poll,
};
OPERATOR_REGISTER(replay_type);
