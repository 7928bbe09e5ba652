// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/remote_receiver.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/switch/link_switch.h"

enum {
	FRAME_HEAD = LINK_HEADER_SIZE + LINK_DATA_SIZE,
	ACK_PART = 8, // of the window: so much is acknowledged at once while there is more
};

int remote_receiver_init(struct remote_receiver *receiver, const struct schema *schema, size_t queue_size) {
	receiver->event_fd = -1;
	int rc = tuple_layout_init(&receiver->layout, schema);
	size_t least = 2 * (FRAME_HEAD + LINK_TUPLES_MAX * receiver->layout.size_max);
	if (rc == 0)
		rc = byte_ring_init(&receiver->ring, queue_size > least ? queue_size : least);
	if (rc < 0)
		return rc;
	receiver->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return receiver->event_fd < 0 ? -errno : 0;
}

void remote_receiver_fini(struct remote_receiver *receiver) {
	if (receiver->event_fd >= 0)
		close(receiver->event_fd);
	byte_ring_fini(&receiver->ring);
	tuple_layout_fini(&receiver->layout);
}

static uint64_t head_of(const struct remote_receiver *receiver) {
	return atomic_load_explicit(&receiver->head, memory_order_acquire);
}

static uint64_t tail_of(const struct remote_receiver *receiver) {
	return atomic_load_explicit(&receiver->tail, memory_order_acquire);
}

struct link_resume remote_receiver_open(struct remote_receiver *receiver, uint64_t incarnation, uint64_t position) {
	bool is_same = receiver->incarnation == incarnation;
	int64_t given_up = (int64_t)(position - (receiver->base + head_of(receiver)));
	if (is_same)
		atomic_fetch_add_explicit(&receiver->reopened, 1, memory_order_relaxed);
	if (!is_same || given_up > 0) // a sender that took this process for dead goes on behind what it had sent
		receiver->base = position - head_of(receiver);
	receiver->incarnation = incarnation;
	receiver->told = receiver->base + tail_of(receiver);
	receiver->told_final = false;
	return (struct link_resume){
		.received = receiver->base + head_of(receiver),
		.consumed = receiver->told,
		.window = receiver->ring.size,
	};
}

static void wake_worker(struct remote_receiver *receiver) {
	const uint64_t one = 1;
	if (!atomic_load(&receiver->waits) || !atomic_exchange(&receiver->waits, false))
		return;
	if (write(receiver->event_fd, &one, sizeof(one)) < 0)
		abort(); // an eventfd that is emptied before it is written again
}

void remote_receiver_tend(struct remote_receiver *receiver) {
	if (!atomic_load_explicit(&receiver->is_stopping, memory_order_acquire) ||
		atomic_load_explicit(&receiver->is_closed, memory_order_relaxed))
		return;
	atomic_store(&receiver->is_closed, true);
	wake_worker(receiver);
}

int remote_receiver_begin(struct remote_receiver *receiver, const struct link_header *header, uint8_t **place) {
	uint64_t head = head_of(receiver), size = LINK_HEADER_SIZE + (uint64_t)header->size;
	int64_t ahead = (int64_t)(header->position - (receiver->base + head));
	*place = NULL;
	remote_receiver_tend(receiver);
	if (atomic_load_explicit(&receiver->is_closed, memory_order_relaxed))
		return 0;
	if (ahead < 0) {
		atomic_fetch_add_explicit(&receiver->duplicates, 1, memory_order_relaxed);
		return 0;
	}
	if (ahead > 0 || head + size - tail_of(receiver) > receiver->ring.size)
		return -EPROTO;
	*place = byte_ring_at(&receiver->ring, head);
	return 0;
}

void remote_receiver_publish(struct remote_receiver *receiver, const struct link_header *header) {
	struct link_data data;
	uint64_t head = head_of(receiver);
	const uint8_t *frame = byte_ring_at(&receiver->ring, head);
	if (atomic_load_explicit(&receiver->is_closed, memory_order_relaxed))
		return; // since it began: the sender may have heard by now that nothing more is taken
	if (link_data_parse(frame + LINK_HEADER_SIZE, header->size, &data) == 0)
		atomic_fetch_add_explicit(&receiver->received, data.tuples, memory_order_relaxed);
	// Ordered before the look at `waits`, as the worker's `waits` is before its last look at `head`.
	atomic_store(&receiver->head, head + LINK_HEADER_SIZE + header->size);
	wake_worker(receiver);
}

bool remote_receiver_is_ack_due(const struct remote_receiver *receiver) {
	uint64_t tail = tail_of(receiver), untold = receiver->base + tail - receiver->told;
	bool is_closed = atomic_load_explicit(&receiver->is_closed, memory_order_acquire);
	if (is_closed && !receiver->told_final && tail == head_of(receiver))
		return true;
	return untold > 0 && (untold >= receiver->ring.size / ACK_PART || tail == head_of(receiver));
}

uint64_t remote_receiver_tell(struct remote_receiver *receiver, bool *is_final) {
	bool is_closed = atomic_load_explicit(&receiver->is_closed, memory_order_acquire);
	uint64_t tail = tail_of(receiver);
	*is_final = is_closed && tail == head_of(receiver);
	receiver->told_final |= *is_final;
	receiver->told = receiver->base + tail;
	return receiver->told;
}

void remote_receiver_measure(struct remote_receiver *receiver, uint64_t interval_ns) {
	struct remote_sample *sample = &receiver->sample;
	sample->interval_ns = interval_ns;
	uint64_t head = head_of(receiver);
	sample->begin_bytes = sample->end_bytes;
	sample->begin_records = sample->end_records;
	sample->end_bytes = head - tail_of(receiver);
	sample->end_records = atomic_load_explicit(&receiver->received, memory_order_relaxed) -
			      atomic_load_explicit(&receiver->processed, memory_order_relaxed);
	sample->volume_bytes = head - receiver->sampled_head;
	receiver->sampled_head = head;
}

// A frame that makes no sense counts for nothing: it is passed over whole.
bool remote_receiver_next(struct remote_receiver *receiver) {
	struct link_header header;
	struct link_data data;
	receiver->frame_begin = receiver->read = receiver->frame_end;
	if (receiver->read == head_of(receiver))
		return false;
	const uint8_t *frame = byte_ring_at(&receiver->ring, receiver->read);
	if (link_header_parse(frame, &header) < 0)
		abort(); // it was parsed when it came
	receiver->frame_end = receiver->read + LINK_HEADER_SIZE + header.size;
	receiver->read += FRAME_HEAD;
	receiver->tuples_left = 0;
	receiver->since_ns = 0;
	if (link_data_parse(frame + LINK_HEADER_SIZE, header.size, &data) < 0)
		return true;
	receiver->tuples_left = data.tuples;
	receiver->since_ns = data.since_ns;
	receiver->ended |= (header.flags & LINK_END) != 0;
	if (data.watermark_ns > receiver->watermark_ns)
		receiver->watermark_ns = data.watermark_ns;
	return true;
}

bool remote_receiver_unpack(struct remote_receiver *receiver, void *body, struct tuple_time *time, uint32_t *dropped) {
	size_t left = receiver->frame_end - receiver->read;
	size_t used = tuple_unpack(&receiver->layout, byte_ring_at(&receiver->ring, receiver->read), left, body, time);
	if (used == 0) {
		*dropped = receiver->tuples_left;
		receiver->tuples_left = 0;
		return false;
	}
	receiver->read += used;
	receiver->tuples_left--;
	return true;
}

void remote_receiver_release(struct remote_receiver *receiver) {
	uint64_t tail = atomic_load_explicit(&receiver->tail, memory_order_relaxed);
	// Of a frame that is not read whole nothing is acknowledged: its end is a bound for the sender.
	uint64_t passed = receiver->tuples_left > 0 ? receiver->frame_begin : receiver->frame_end;
	if (passed == tail)
		return;
	atomic_store_explicit(&receiver->tail, passed, memory_order_release);
	link_switch_wake(receiver->owner);
}

void remote_receiver_wait(struct remote_receiver *receiver) {
	uint64_t count;
	if (receiver->is_armed && !atomic_load(&receiver->waits))
		receiver->is_armed = read(receiver->event_fd, &count, sizeof(count)) != (ssize_t)sizeof(count);
	if (receiver->is_armed)
		return;
	receiver->is_armed = true;
	atomic_store(&receiver->waits, true);
}

bool remote_receiver_stop(struct remote_receiver *receiver) {
	if (!atomic_exchange_explicit(&receiver->is_stopping, true, memory_order_acq_rel))
		link_switch_wake(receiver->owner);
	return atomic_load_explicit(&receiver->is_closed, memory_order_acquire) &&
	       receiver->frame_end == head_of(receiver) && receiver->tuples_left == 0;
}
