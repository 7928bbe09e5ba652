// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/remote_sender.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/operator.h"

enum {
	FRAME_HEAD = LINK_HEADER_SIZE + LINK_DATA_SIZE,
	END_ROOM = FRAME_HEAD,      // kept for the end
	TELL_NS = 10 * 1000 * 1000, // time passes in steps of this much where no records tell it
	RELEASE_SIZE = 1 << 20,
};

int remote_sender_init(struct remote_sender *sender, const struct schema *schema, size_t queue_size) {
	int rc = tuple_layout_init(&sender->layout, schema);
	if (rc == 0 && remote_sender_frame_max(sender) > LINK_FRAME_MAX)
		rc = -E2BIG;
	size_t least = 2 * (size_t)remote_sender_frame_max(sender);
	sender->capacity = queue_size > least ? queue_size : least;
	if (rc == 0)
		rc = byte_ring_init(&sender->ring, sender->capacity + (sender->spills ? 2 * RELEASE_SIZE : 0));
	if (!sender->spills)
		sender->capacity = sender->ring.size;
	return rc;
}

void remote_sender_fini(struct remote_sender *sender) {
	byte_ring_fini(&sender->ring);
	tuple_layout_fini(&sender->layout);
}

uint32_t remote_sender_frame_max(const struct remote_sender *sender) {
	return (uint32_t)(FRAME_HEAD + LINK_TUPLES_MAX * sender->layout.size_max);
}

static size_t free_bytes(struct remote_sender *sender, size_t wanted) {
	uint64_t head = atomic_load_explicit(&sender->head, memory_order_relaxed);
	if (sender->capacity - (head - sender->tail_seen) < wanted)
		sender->tail_seen = atomic_load_explicit(&sender->tail, memory_order_acquire);
	return sender->capacity - (head - sender->tail_seen);
}

// Note for how long the operator could not send what it had.
static void note_blocked(struct remote_sender *sender, bool is_blocked) {
	bool was_blocked = sender->blocked_since_ns != 0;
	if (!is_blocked && !was_blocked)
		return;
	uint64_t now_ns = clock_monotonic_ns();
	if (was_blocked)
		atomic_fetch_add_explicit(&sender->blocked_ns, now_ns - sender->blocked_since_ns, memory_order_relaxed);
	sender->blocked_since_ns = is_blocked ? now_ns : 0;
}

static unsigned count_room(struct remote_sender *sender) {
	size_t left = free_bytes(sender, remote_sender_frame_max(sender) + END_ROOM);
	size_t room = left < FRAME_HEAD + END_ROOM ? 0 : (left - FRAME_HEAD - END_ROOM) / sender->layout.size_max;
	return room < BATCH_MAX ? (unsigned)room : BATCH_MAX;
}

unsigned remote_sender_room(struct remote_sender *sender) {
	unsigned room = count_room(sender);
	if (sender->spills)
		return room;
	if (room < BATCH_MAX) {
		// Before the last look: whoever makes room after it sees that it is waited for.
		atomic_store_explicit(&sender->waits, true, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
		room = count_room(sender);
	}
	note_blocked(sender, room == 0);
	return room;
}

static uint8_t *next_frame(const struct remote_sender *sender) {
	return byte_ring_at(&sender->ring, atomic_load_explicit(&sender->head, memory_order_relaxed));
}

static void publish(struct remote_sender *sender, size_t size, uint8_t flags, const struct link_data *data) {
	uint8_t *frame = next_frame(sender);
	uint64_t head = atomic_load_explicit(&sender->head, memory_order_relaxed);
	const struct link_header header = {
		.size = (uint32_t)(size - LINK_HEADER_SIZE),
		.type = LINK_DATA,
		.flags = flags,
		.channel = sender->id,
		.position = head,
	};
	link_header_pack(&header, frame);
	link_data_pack(data, frame + LINK_HEADER_SIZE);
	atomic_fetch_add_explicit(&sender->handed, data->tuples, memory_order_relaxed);
	atomic_store_explicit(&sender->head, head + size, memory_order_release);
}

void remote_sender_put(
	struct remote_sender *sender, const struct batch *batch, uint64_t watermark_ns, uint64_t since_ns) {
	uint8_t *frame = next_frame(sender), *at = frame + FRAME_HEAD;
	for (unsigned i = 0; i < batch->count; i++) {
		const struct packet_meta *fields = tuple_stored_packet(batch->tuples[i]);
		const struct tuple_time time = {fields->timestamp_ns, fields->late_ms};
		at += tuple_pack(&sender->layout, tuple_record(batch->tuples[i]), time, at);
	}
	if (watermark_ns > sender->watermark_ns)
		sender->watermark_ns = watermark_ns;
	const struct link_data data = {sender->watermark_ns, since_ns, batch->count};
	publish(sender, (size_t)(at - frame), 0, &data);
}

void remote_sender_tell(struct remote_sender *sender, uint64_t watermark_ns) {
	if (sender->ended || watermark_ns < sender->watermark_ns || watermark_ns - sender->watermark_ns < TELL_NS ||
		free_bytes(sender, FRAME_HEAD + END_ROOM) < FRAME_HEAD + END_ROOM)
		return;
	sender->watermark_ns = watermark_ns;
	publish(sender, FRAME_HEAD, 0, &(struct link_data){.watermark_ns = watermark_ns});
}

void remote_sender_end(struct remote_sender *sender, uint64_t watermark_ns) {
	if (watermark_ns > sender->watermark_ns)
		sender->watermark_ns = watermark_ns;
	if (!sender->ended)
		publish(sender, FRAME_HEAD, LINK_END, &(struct link_data){.watermark_ns = sender->watermark_ns});
	sender->ended = true;
}

// A frame of the queue, which this node wrote.
//   return  its size
static size_t frame_at(const struct remote_sender *sender, uint64_t position, uint32_t *tuples) {
	struct link_header header;
	struct link_data data;
	const uint8_t *frame = byte_ring_at(&sender->ring, position);
	if (link_header_parse(frame, &header) < 0 || link_data_parse(frame + LINK_HEADER_SIZE, header.size, &data) < 0)
		abort();
	*tuples = data.tuples;
	return LINK_HEADER_SIZE + header.size;
}

// Tuples of the frames of [from, to).
//   return  -1: `to` is inside of a frame
static int64_t count_tuples(const struct remote_sender *sender, uint64_t from, uint64_t to) {
	int64_t count = 0;
	uint32_t tuples;
	while (from < to) {
		from += frame_at(sender, from, &tuples);
		count += tuples;
	}
	return from == to ? count : -1;
}

size_t remote_sender_take(
	struct remote_sender *sender, size_t most, uint64_t now_ns, const uint8_t **data, uint64_t *wait_ns) {
	uint64_t sent = atomic_load_explicit(&sender->sent, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&sender->head, memory_order_acquire);
	size_t taken = 0;
	uint64_t tuples = 0;
	if (!sender->is_open || sender->is_final)
		return 0;
	while (sent + taken < head && token_bucket_may(&sender->bucket, now_ns, wait_ns)) {
		uint32_t count;
		size_t size = frame_at(sender, sent + taken, &count);
		bool has_credit = (int64_t)(sender->limit - (sent + taken + size)) >= 0;
		if (!has_credit || (taken > 0 && taken + size > most))
			break;
		token_bucket_take(&sender->bucket, size);
		taken += size;
		tuples += count;
	}
	*data = byte_ring_at(&sender->ring, sent);
	atomic_store_explicit(&sender->sent, sent + taken, memory_order_relaxed);
	atomic_fetch_add_explicit(&sender->sent_tuples, tuples, memory_order_relaxed);
	return taken;
}

// What lies before `tail` is the worker's: for more frames, where it spills only once it is 2 * RELEASE_SIZE behind, so
// that no memory is given back that is in use again.
static void move_tail(struct remote_sender *sender, uint64_t tail) {
	if (sender->spills && tail - sender->released >= RELEASE_SIZE)
		sender->released = byte_ring_release(&sender->ring, sender->released, tail);
	atomic_store_explicit(&sender->tail, tail, memory_order_release);
}

// Once there is room for more than the next batch.
static void wake_worker(struct remote_sender *sender, uint64_t tail) {
	uint64_t used = atomic_load_explicit(&sender->head, memory_order_relaxed) - tail;
	bool has_room = used <= sender->capacity - sender->capacity / 4;
	atomic_thread_fence(memory_order_seq_cst);
	if (has_room && atomic_exchange_explicit(&sender->waits, false, memory_order_relaxed) && sender->wake != NULL)
		sender->wake(sender->context);
}

int remote_sender_acknowledge(struct remote_sender *sender, uint64_t consumed, bool is_final) {
	uint64_t tail = atomic_load_explicit(&sender->tail, memory_order_relaxed);
	uint64_t sent = atomic_load_explicit(&sender->sent, memory_order_relaxed);
	if (is_final)
		atomic_store_explicit(&sender->is_final, true, memory_order_relaxed);
	// A receiver that had some of an earlier sender's left began behind us.
	if ((int64_t)(consumed - tail) > 0) {
		int64_t tuples = (int64_t)(sent - consumed) < 0 ? -1 : count_tuples(sender, tail, consumed);
		if (tuples < 0)
			return -EPROTO;
		atomic_fetch_add_explicit(&sender->acknowledged, (uint64_t)tuples, memory_order_relaxed);
		move_tail(sender, consumed);
	}
	if ((int64_t)(consumed + sender->window - sender->limit) > 0)
		sender->limit = consumed + sender->window;
	wake_worker(sender, consumed);
	return 0;
}

// What was sent from `position` on will be sent again.
static int go_back(struct remote_sender *sender, uint64_t position) {
	uint64_t sent = atomic_load_explicit(&sender->sent, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&sender->tail, memory_order_relaxed);
	if ((int64_t)(position - tail) < 0 || (int64_t)(sent - position) < 0 ||
		count_tuples(sender, tail, position) < 0)
		return -EPROTO;
	int64_t tuples = count_tuples(sender, position, sent);
	atomic_fetch_sub_explicit(&sender->sent_tuples, (uint64_t)tuples, memory_order_relaxed);
	atomic_fetch_add_explicit(&sender->resent_bytes, sent - position, memory_order_relaxed);
	atomic_store_explicit(&sender->sent, position, memory_order_relaxed);
	return 0;
}

int remote_sender_resume(struct remote_sender *sender, const struct link_resume *resume) {
	int rc = resume->window >= remote_sender_frame_max(sender) ? go_back(sender, resume->received) : -EPROTO;
	sender->window = resume->window;
	sender->limit = resume->consumed + resume->window;
	if (rc == 0)
		rc = remote_sender_acknowledge(sender, resume->consumed, false);
	if (rc < 0)
		return rc;
	sender->is_opening = false;
	if (sender->was_open)
		atomic_fetch_add_explicit(&sender->reopened, 1, memory_order_relaxed);
	sender->was_open = true;
	atomic_store_explicit(&sender->is_open, true, memory_order_relaxed);
	atomic_store_explicit(&sender->is_final, false, memory_order_relaxed);
	return 0;
}

void remote_sender_close(struct remote_sender *sender) {
	atomic_store_explicit(&sender->is_open, false, memory_order_relaxed);
	sender->is_opening = false;
}

uint64_t remote_sender_forget(struct remote_sender *sender) {
	uint64_t sent = atomic_load_explicit(&sender->sent, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&sender->tail, memory_order_relaxed);
	remote_sender_close(sender);
	if (atomic_load_explicit(&sender->is_final, memory_order_relaxed)) {
		go_back(sender, tail);
		return 0;
	}
	uint64_t lost = (uint64_t)count_tuples(sender, tail, sent);
	atomic_fetch_add_explicit(&sender->lost, lost, memory_order_relaxed);
	move_tail(sender, sent);
	wake_worker(sender, sent);
	return lost;
}

// So far; what there was no room for was never packed.
static double bytes_per_tuple(const struct remote_sender *sender, uint64_t head) {
	uint64_t handed = atomic_load_explicit(&sender->handed, memory_order_relaxed);
	return handed > 0 ? (double)head / (double)handed : 0;
}

void remote_sender_measure(struct remote_sender *sender, uint64_t interval_ns) {
	struct remote_sample *sample = &sender->sample;
	uint64_t head = atomic_load_explicit(&sender->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&sender->tail, memory_order_relaxed);
	uint64_t blocked_ns = atomic_load_explicit(&sender->blocked_ns, memory_order_relaxed);
	uint64_t was_blocked_ns = blocked_ns - sender->sampled_blocked_ns;
	uint64_t free_ns = was_blocked_ns < interval_ns ? interval_ns - was_blocked_ns : 0;
	// Blocked (almost) all the time, it can't be told what it would have sent: at least what it did.
	if (free_ns < interval_ns / 20)
		free_ns = interval_ns / 20;
	sample->interval_ns = interval_ns;
	sample->begin_bytes = sample->end_bytes;
	sample->begin_records = sample->end_records;
	sample->end_bytes = head - tail;
	sample->end_records = atomic_load_explicit(&sender->handed, memory_order_relaxed) -
			      atomic_load_explicit(&sender->acknowledged, memory_order_relaxed) -
			      atomic_load_explicit(&sender->lost, memory_order_relaxed);
	sample->volume_bytes = tail - sender->sampled_tail;
	uint64_t overflowed = atomic_load_explicit(&sender->overflowed, memory_order_relaxed);
	double offered = (double)(head - sender->sampled_head) +
			 (double)(overflowed - sender->sampled_overflowed) * bytes_per_tuple(sender, head);
	sample->offered_bps = (uint64_t)(offered * 8e9 / (double)(free_ns > 0 ? free_ns : 1));
	sender->sampled_overflowed = overflowed;
	sender->sampled_head = head;
	sender->sampled_tail = tail;
	sender->sampled_blocked_ns = blocked_ns;
}
