// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// replay: a source that sends frames from memory, for benchmarks.
//
//   in      the frames of a capture file (path), or made-up ones (flows, frame_size, frames, protocols, seed), loaded
//           at start
//   out     packet: the frames in their order, `loops` times, at full speed or at `rate`
//   state   the frames, shared; each instance sends a slice of them, or several
//
// No frame is copied: each lies in an mbuf of its own. A round begins when all frames of the last one have come back;
// made-up ones can change in place before they are sent again (rounds; dataplane/synthetic.h says how).
// Time is made up too: frames of a file keep the file's gaps, others are `interval` apart, and each round goes on where
// the last one ended.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/event_clock.h"
#include "dataplane/frame_store.h"
#include "dataplane/operator.h"
#include "dataplane/pacer.h"
#include "dataplane/sharing.h"
#include "dataplane/state_file.h"
#include "dataplane/synthetic.h"

enum {
	FRAMES_DEFAULT = 1 << 20,
	INTERVAL_DEFAULT_NS = 100,
};

#define SECOND_NS UINT64_C(1000000000)
#define EPOCH_NS (1767225600 * SECOND_NS) // 2026-01-01: made-up time starts here where nothing says otherwise

enum rounds { ROUNDS_REPEAT, ROUNDS_CONVERSE, ROUNDS_RENEW };
static const char *const rounds_names[] = {
	[ROUNDS_REPEAT] = "repeat", [ROUNDS_CONVERSE] = "converse", [ROUNDS_RENEW] = "renew", NULL};

enum steer { STEER_FLOW, STEER_GROUP };
static const char *const steer_names[] = {[STEER_FLOW] = "flow", [STEER_GROUP] = "group", NULL};

static const char *const protocols_names[] = {
	[SYNTHETIC_MIXED] = "mixed", [SYNTHETIC_TCP] = "tcp", [SYNTHETIC_UDP] = "udp", NULL};

struct replay_options {
	char *path;
	uint64_t flows, frames, frame_size, seed;
	unsigned protocols, rounds, steer;
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
		.help = "flows of made-up frames"},
	{.name = "frames",
		.type = OPTION_UINT,
		AT(frames),
		.default_text = "0",
		.max = SYNTHETIC_FRAMES_MAX,
		.min = 0,
		.help = "frames in memory; 0: the whole file; made up: 1048576, doubled until each flow has one"},
	{.name = "frame_size",
		.type = OPTION_SIZE,
		AT(frame_size),
		.default_text = "64",
		.min = SYNTHETIC_SIZE_MIN,
		.max = SYNTHETIC_SIZE_MAX,
		.help = "bytes of a made-up frame"},
	{.name = "protocols",
		.type = OPTION_ENUM,
		AT(protocols),
		.default_text = "mixed",
		.choices = protocols_names,
		.help = "of made-up flows; mixed: half TCP, half UDP"},
	{.name = "rounds",
		.type = OPTION_ENUM,
		AT(rounds),
		.default_text = "repeat",
		.choices = rounds_names,
		.help = "what becomes of a made-up frame in the next round: the same, the answer to it, or a new flow"},
	{.name = "steer",
		.type = OPTION_ENUM,
		AT(steer),
		.default_text = "flow",
		.choices = steer_names,
		.help = "which instance sends a made-up flow: any one, or the one whose key groups it belongs to"},
	{.name = "seed", .type = OPTION_UINT, AT(seed), .default_text = "1", .help = "of made-up frames"},
	{.name = "loops", .type = OPTION_UINT, AT(loops), .default_text = "1", .help = "rounds; 0: until stopped"},
	{.name = "rate",
		.type = OPTION_RATE,
		AT(rate),
		.default_text = "0",
		.live = true,
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
	struct frame_store store; // a slice for each instance
};

// A slice, and how far it was sent.
struct replay_part {
	struct event_clock clock;
	struct frame_slice *slice;
	uint64_t next; // frame of it
	uint64_t round;
	uint64_t base_ns;
};

struct replay_state {
	unsigned part_count;       // one, unless the number of instances changed
	struct replay_part *parts; // [slices of the store]
	uint64_t rounds;           // 0: no end
	uint64_t span_ns;
	struct pacer pacer;
};

static uint64_t made_up_interval_ns(const struct replay_options *options) {
	if (options->interval_ns)
		return options->interval_ns;
	return options->rate && options->rate < SECOND_NS ? SECOND_NS / options->rate : INTERVAL_DEFAULT_NS;
}

// The instance that sends a made-up frame: all frames of a flow are sent by the same one, as RSS would have it.
static unsigned steer(const struct operator *op, const uint8_t *frame) {
	const struct replay_options *options = op->options;
	struct packet_meta meta;
	struct packet_fragment fragment;
	struct batch batch = {.count = 1, .packets = {&meta}};
	if (packet_parse(frame, options->frame_size, PACKET_LINK_ETHERNET, &meta, &fragment))
		return 0;
	flow_hash_batch(op->node, &batch);
	uint64_t hash = batch.hashes[0];
	// Key groups are the hash's top bits: these say who owns the group, the ones below it nothing of that.
	return (unsigned)((options->steer == STEER_GROUP ? hash >> 54 : hash >> 44 & 1023) * op->instance_count >> 10);
}

// Fill the store slice by slice, so that what an instance sends lies together.
static void make_frames(struct operator *op, const struct synthetic *settings, struct synthetic_talk *talks) {
	struct replay_shared *shared = op->shared;
	uint8_t scratch[SYNTHETIC_SIZE_MAX];
	uint64_t interval_ns = made_up_interval_ns(op->options);
	for (unsigned slice = 0; slice < op->instance_count; slice++) {
		if (slice > 0)
			frame_store_begin_slice(&shared->store);
		for (uint64_t i = 0; i < settings->frames; i++) {
			synthetic_frame(settings, i, scratch);
			if (op->instance_count > 1 && steer(op, scratch) != slice)
				continue;
			if (talks)
				synthetic_number(settings, i, talks, scratch);
			memcpy(frame_store_add(&shared->store, settings->size, i * interval_ns, PACKET_LINK_ETHERNET),
				scratch, settings->size);
		}
	}
}

static int load_synthetic(struct operator *op) {
	const struct replay_options *options = op->options;
	struct replay_shared *shared = op->shared;
	struct synthetic settings = {
		.flows = options->flows,
		.frames = options->frames ? options->frames : FRAMES_DEFAULT,
		.seed = options->seed,
		.size = (uint32_t)options->frame_size,
		.protocols = options->protocols,
	};
	while (!options->frames && settings.frames < settings.flows)
		settings.frames *= 2;
	size_t size = settings.frames * frame_store_footprint(settings.size);
	struct synthetic_talk *talks = calloc(settings.flows, sizeof(*talks));
	int ret = talks ? frame_store_init(&shared->store, settings.frames, size, op->instance_count) : -ENOMEM;
	if (ret) {
		operator_error(op, "no memory for %llu frames of %u bytes", (unsigned long long)settings.frames,
			settings.size);
		goto out;
	}
	bool is_numbered = synthetic_talk_init(&settings, talks) == 0;
	make_frames(op, &settings, is_numbered ? talks : NULL);
	shared->store.start_ns = options->rate ? clock_now_ns() : EPOCH_NS;
	shared->store.span_ns = settings.frames * made_up_interval_ns(options);
out:
	free(talks);
	return ret;
}

static int load_capture(struct operator *op) {
	const struct replay_options *options = op->options;
	struct replay_shared *shared = op->shared;
	char error[CAPTURE_ERROR_MAX];
	int ret = frame_store_read(&shared->store, options->path, options->frames, op->instance_count, error);
	if (ret)
		operator_error(op, "%s", error);
	return ret;
}

static int replay_check(const void *given, char *error, size_t size) {
	const struct replay_options *options = given;
	if (options->path && !strcmp(options->path, "-")) {
		snprintf(error, size, "path: \"-\": expected a file: standard input cannot be read twice");
		return -EINVAL;
	}
	if (options->rounds != ROUNDS_REPEAT && options->path) {
		snprintf(error, size, "rounds: %s: expected repeat: only made-up frames change",
			rounds_names[options->rounds]);
		return -EINVAL;
	}
	if (options->rounds == ROUNDS_CONVERSE && options->frame_size < SYNTHETIC_TALK_SIZE_MIN) {
		snprintf(error, size, "frame_size: %llu: expected at least %u where rounds is converse",
			(unsigned long long)options->frame_size, SYNTHETIC_TALK_SIZE_MIN);
		return -EINVAL;
	}
	return 0;
}

static int replay_open(struct operator *op) {
	const struct replay_options *options = op->options;
	struct replay_shared *shared = calloc(1, sizeof(*shared));
	op->shared = shared;
	if (!shared) {
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

static void replay_take_options(struct instance *self) {
	const struct replay_options *options = self->options;
	struct replay_state *state = self->state;
	pacer_init(&state->pacer, options->rate, self);
}

static int replay_init(struct instance *self) {
	const struct replay_options *options = self->options;
	const struct replay_shared *shared = self->op->shared;
	struct replay_state *state = self->state;
	*state = (struct replay_state){
		.parts = calloc(shared->store.slice_count, sizeof(*state->parts)),
		.rounds = options->loops,
		.span_ns = shared->store.span_ns,
	};
	if (!state->parts) {
		operator_error(self->op, "out of memory");
		return -ENOMEM;
	}
	if (!instance_joins(self))
		state->parts[state->part_count++] = (struct replay_part){
			.slice = &shared->store.slices[self->index],
			.base_ns = shared->store.start_ns,
		};
	replay_take_options(self);
	return 0;
}

static void replay_fini(struct instance *self) {
	free(((struct replay_state *)self->state)->parts);
}

static bool is_through(const struct replay_state *state, const struct replay_part *part) {
	return part->slice->count == 0 || (state->rounds != 0 && part->round >= state->rounds);
}

// The part whose next frame is the first in time.
//   return  NULL: all are through
static struct replay_part *find_next(const struct replay_state *state) {
	struct replay_part *found = NULL;
	uint64_t first_ns = UINT64_MAX;
	for (unsigned i = 0; i < state->part_count; i++) {
		struct replay_part *part = &state->parts[i];
		if (is_through(state, part))
			continue;
		uint64_t time_ns = part->base_ns + part->slice->frames[part->next].offset_ns;
		if (found == NULL || time_ns < first_ns) {
			found = part;
			first_ns = time_ns;
		}
	}
	return found;
}

static void next_round(struct instance *self, struct replay_part *part) {
	struct replay_state *state = self->state;
	part->next = 0;
	part->base_ns += state->span_ns;
	part->round++;
	self->finished = find_next(state) == NULL;
}

// Of several parts: none that is not through has sent more than what comes before.
static uint64_t time_of_parts(const struct replay_state *state, const struct replay_part *sent) {
	uint64_t least_ns = UINT64_MAX;
	for (unsigned i = 0; i < state->part_count; i++)
		if (!is_through(state, &state->parts[i]))
			least_ns = RTE_MIN(least_ns, state->parts[i].clock.now_ns);
	return least_ns < UINT64_MAX ? least_ns : sent->clock.now_ns;
}

// Made-up frames that have been sent before: make them what is to be sent in this round.
static void change_frames(enum rounds rounds, const struct batch *batch) {
	if (rounds == ROUNDS_CONVERSE)
		for (unsigned i = 0; i < batch->count; i++)
			synthetic_answer(rte_pktmbuf_mtod(batch->tuples[i], uint8_t *));
	if (rounds == ROUNDS_RENEW)
		for (unsigned i = 0; i < batch->count; i++)
			synthetic_renew(rte_pktmbuf_mtod(batch->tuples[i], uint8_t *));
}

// Take the next frames, and have some behind each fetched: by the end, the first ones of the next poll.
//   n       no more than are left in the round
//   return  bytes of the frames
static uint64_t take_frames(struct replay_part *part, unsigned n, struct batch *batch, struct packet_meta *fields) {
	const struct stored_frame *frames = part->slice->frames + part->next;
	uint64_t bytes = 0;
	for (unsigned i = 0; i < n; i++) {
		frame_store_prefetch(&frames[i + FRAME_STORE_AHEAD]);
		event_clock_stamp(&part->clock, part->base_ns + frames[i].offset_ns, &fields[i]);
		batch_add_packet(batch, frames[i].tuple, &fields[i]);
		bytes += frames[i].tuple->pkt_len;
	}
	part->next += n;
	part->slice->sent += n;
	return bytes;
}

static unsigned replay_poll(struct instance *self, unsigned room) {
	struct replay_state *state = self->state;
	struct batch batch;
	struct packet_meta fields[BATCH_MAX];
	struct replay_part *part = self->stopping ? NULL : find_next(state);
	if (part == NULL) {
		self->finished = true;
		return 0;
	}
	if (part->next == 0 && !frame_slice_is_home(part->slice))
		return 0;
	room = pacer_allow(&state->pacer, self, room);
	// A batch doesn't go beyond a round: a frame can't be in it twice.
	unsigned n = (unsigned)RTE_MIN(room, part->slice->count - part->next);
	if (n == 0)
		return 0;
	batch.count = 0;
	uint64_t bytes = take_frames(part, n, &batch, fields);
	state->pacer.sent += n;
	if (part->round > 0)
		change_frames(((const struct replay_options *)self->options)->rounds, &batch);
	if (part->next == part->slice->count)
		next_round(self, part);
	self->watermark_ns = state->part_count == 1 ? part->clock.now_ns : time_of_parts(state, part);
	instance_take_in(self, 0, &batch, bytes);
	return n;
}

static unsigned count_parts(const struct instance *self) {
	return ((const struct replay_state *)self->state)->part_count;
}

static void give_part(struct instance *to, struct instance *from) {
	struct replay_state *taker = to->state, *giver = from->state;
	taker->parts[taker->part_count++] = giver->parts[--giver->part_count];
	to->finished = find_next(taker) == NULL;
}

static unsigned replay_most(const struct operator *op) {
	return ((const struct replay_shared *)op->shared)->store.slice_count;
}

static void replay_share(struct operator *op, struct instance *const *before, unsigned count) {
	static const struct sharing sharing = {count_parts, give_part};
	sharing_deal(&sharing, op, before, count);
	for (unsigned i = 0; i < op->instance_count; i++)
		replay_take_options(op->instances[i]);
}

static const struct operator_sharing replay_sharing = {.parts = "slices of frames, which are made at the start",
	.most = replay_most,
	.is_timed = true,
	.share = replay_share};

// Of a slice; in their order.
struct replay_position {
	struct event_clock clock;
	uint64_t next, round, base_ns;
};
enum { STATE_POSITION = 1 };

static int replay_can_be_saved(const struct operator *op, char *error, size_t size) {
	const struct replay_options *options = op->options;
	if (replay_most(op) != op->instance_count) {
		snprintf(error, size, "its parallelism was changed while it ran; expected %u again", replay_most(op));
		return -ENOTSUP;
	}
	if (options->rounds == ROUNDS_REPEAT)
		return 0;
	snprintf(error, size, "rounds: %s: what becomes of its frames can't be saved; expected repeat",
		rounds_names[options->rounds]);
	return -ENOTSUP;
}

static const struct replay_part *find_part(const struct operator *op, const struct frame_slice *slice) {
	for (unsigned i = 0;; i++) {
		const struct replay_state *state = op->instances[i]->state;
		for (unsigned part = 0; part < state->part_count; part++)
			if (state->parts[part].slice == slice)
				return &state->parts[part];
	}
}

static void replay_save(const struct operator *op, struct state_writer *writer) {
	const struct replay_shared *shared = op->shared;
	for (unsigned i = 0; i < shared->store.slice_count; i++) {
		const struct replay_part *part = find_part(op, &shared->store.slices[i]);
		const struct replay_position position = {part->clock, part->next, part->round, part->base_ns};
		state_put(writer, STATE_POSITION, &position, sizeof(position));
	}
}

static int replay_restore(struct operator *op, struct state_reader *reader) {
	for (unsigned i = 0; i < op->instance_count; i++) {
		struct replay_part *part = ((struct replay_state *)op->instances[i]->state)->parts;
		struct replay_position position;
		if (state_take(reader, STATE_POSITION, &position, sizeof(position)) < 0 ||
			(position.next > 0 && position.next >= part->slice->count)) {
			operator_error(op, "the snapshot has no position in these frames");
			return -EINVAL;
		}
		part->clock = position.clock;
		part->next = position.next;
		part->round = position.round;
		part->base_ns = position.base_ns;
	}
	return 0;
}

static const struct operator_saving replay_saving = {
	.check = replay_can_be_saved, .save = replay_save, .restore = replay_restore};

static struct operator_type replay_type = {
	.name = "replay",
	.summary = "send frames from memory, for benchmarks",
	.manual =
		"Loads the frames of a capture file, or makes frames up (Ethernet, IPv4, TCP or UDP, both directions "
		"of "
		"each flow), and sends them as fast as they are taken, or at a rate. Made-up frames stand in random "
		"order, and so does the direction of each. With rounds: converse each round answers the one before: "
		"every "
		"TCP segment carries data not seen before and acknowledges all that came the other way. With rounds: "
		"renew "
		"each round opens flows of its own.\n\n"
		"Frames of a file keep the file's gaps; frames of no bytes, and of more than 65535, are left out. "
		"Made-up "
		"time starts in 2026, or now where a rate is given, so that the same options give the same records. "
		"Several "
		"instances share the frames, a slice each, and the rate. While it runs, they may become fewer, and as "
		"many again.\n\n"
		"The frames take 192 bytes each besides their own, outside the EAL's memory.",
	.options = replay_option_table,
	.options_size = sizeof(struct replay_options),
	.outputs = replay_outputs,
	.state_size = sizeof(struct replay_state),
	.saving = &replay_saving,
	.sharing = &replay_sharing,
	.restored = "It goes on with the frame after the last one before the snapshot.",
	.check = replay_check,
	.open = replay_open,
	.close = replay_close,
	.init = replay_init,
	.fini = replay_fini,
	.take_options = replay_take_options,
	.poll = replay_poll,
};
OPERATOR_REGISTER(replay_type);
