// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/export_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/control_thread.h"
#include "dataplane/idle.h"
#include "dataplane/record_ring.h"

const char *const export_gauges[EXPORT_GAUGES + 1] = {
	[EXPORT_GAUGE_QUEUED] = "queued",
	[EXPORT_GAUGE_SENT] = "sent",
	[EXPORT_GAUGE_FAILED] = "failed",
	[EXPORT_GAUGE_RECONNECTS] = "reconnects",
};
const char *const export_when_full_names[] = {"auto", "drop", "wait", NULL};

struct export_queue {
	struct record_ring ring;
	// the worker's
	struct instance *instance;
	const struct schema *schema;
	bool waits;
	bool is_live;         // records are wanted as soon as they are there
	bool warned;          // of the first record that found no place
	bool joined;          // the sender's thread has ended
	uint64_t drain_ns;    // how long the end may take
	uint64_t deadline_ns; // when it is over, of the monotonic clock; 0: not yet begun
	uint64_t handed;      // records put into the ring
	uint64_t unsent;      // of those, counted as such
	uint64_t written_off; // of the unsent, those of which the sender may have word yet: it counts no more
	uint64_t seen_sent, seen_failed;
	// the sender's
	const struct export_sender *sender;
	void *context;
	pthread_t thread;
	struct idle idle;
	// sender: wo, worker: ro
	_Alignas(64) _Atomic uint64_t sent, failed, reconnects;
	_Atomic bool stop; // worker: wo, sender: ro
};

static void *run_sender(void *argument) {
	struct export_queue *queue = argument;
	while (!atomic_load_explicit(&queue->stop, memory_order_acquire)) {
		const void *records;
		unsigned count = record_ring_peek(&queue->ring, &records);
		unsigned done = queue->sender->send(queue->context, records, count);
		record_ring_release(&queue->ring, done);
		if (done > 0) {
			idle_reset(&queue->idle);
			continue;
		}
		uint64_t sleep_ns = idle_step(&queue->idle, IDLE_SLEEP_MAX_NS);
		if (sleep_ns == 0)
			continue;
		idle_prepare(&queue->idle);
		if (record_ring_peek(&queue->ring, &records) > count)
			idle_cancel(&queue->idle);
		else
			idle_sleep(&queue->idle, sleep_ns, NULL, 0);
	}
	return NULL;
}

static int begin_sender(struct export_queue *queue) {
	atomic_store_explicit(&queue->stop, false, memory_order_relaxed);
	int ret = control_thread_new(&queue->thread, queue->sender->name, run_sender, queue);
	queue->joined = ret < 0;
	return ret;
}

int export_queue_new(struct export_queue **out, struct instance *self, const struct export_options *options,
	const struct export_sender *sender, void *context) {
	struct export_queue *queue = aligned_alloc(_Alignof(struct export_queue), sizeof(*queue));
	int ret = -ENOMEM;
	if (queue == NULL)
		goto err;
	*queue = (struct export_queue){
		.instance = self,
		.schema = self->op->input,
		.is_live = operator_has_live_source(self->op),
		.joined = true,
		.drain_ns = options->drain_timeout_ns,
		.sender = sender,
		.context = context,
		.idle = {.event_fd = -1},
	};
	queue->waits = options->when_full == EXPORT_WAIT || (options->when_full == EXPORT_AUTO && !queue->is_live);
	ret = record_ring_init(&queue->ring, (unsigned)options->queue_size,
		sender->pack != NULL ? sender->record_size : queue->schema->size);
	if (ret == 0)
		ret = idle_init(&queue->idle, false);
	// The sink may be used by the new thread before this call returns to it.
	*out = queue;
	if (ret == 0)
		ret = begin_sender(queue);
	if (ret == 0)
		return 0;
err:
	operator_error(self->op, "queue_size: %" PRIu64 ": no queue of so many records: %s", options->queue_size,
		strerror(-ret));
	export_queue_free(queue);
	*out = NULL;
	return ret;
}

static void end_sender(struct export_queue *queue) {
	if (queue->joined)
		return;
	atomic_store_explicit(&queue->stop, true, memory_order_release);
	idle_wake(&queue->idle);
	pthread_join(queue->thread, NULL);
	queue->joined = true;
}

// More comes after the end: a plan can join a source to the sink that has just begun.
static void begin_again(struct export_queue *queue) {
	int ret = begin_sender(queue);
	queue->deadline_ns = 0;
	if (ret < 0)
		instance_fail(queue->instance,
			"its sender can't go on: %s: records are dropped (counted as queue_full)", strerror(-ret));
}

void export_queue_free(struct export_queue *queue) {
	if (queue == NULL)
		return;
	end_sender(queue);
	record_ring_fini(&queue->ring);
	idle_fini(&queue->idle);
	free(queue);
}

// Whether the time that the end may take is over. It begins when this is first asked.
static bool is_overdue(struct export_queue *queue) {
	uint64_t now_ns = clock_monotonic_ns();
	if (queue->deadline_ns == 0)
		queue->deadline_ns = now_ns + queue->drain_ns;
	return now_ns >= queue->deadline_ns;
}

static struct export_queue *queue_of(const struct instance *self) {
	return *(struct export_queue **)self->state;
}

unsigned export_queue_room(struct instance *self) {
	struct export_queue *queue = queue_of(self);
	if (!queue->waits)
		return BATCH_MAX;
	unsigned room = record_ring_room(&queue->ring, BATCH_MAX);
	if (room < BATCH_MAX && queue->joined && !instance_is_stopping(self))
		begin_again(queue); // what was unsent takes the place
	if (room < BATCH_MAX && instance_is_stopping(self) && is_overdue(queue))
		return BATCH_MAX; // nobody takes them: what does not fit is dropped, so that the node ends
	return room;
}

// Bring the instance's account up to date with what the sender did. What was counted as unsent and comes to an end
// after all stays so: counters never run back.
static void settle(struct export_queue *queue) {
	struct instance *self = queue->instance;
	uint64_t sent = atomic_load_explicit(&queue->sent, memory_order_acquire);
	uint64_t failed = atomic_load_explicit(&queue->failed, memory_order_acquire);
	uint64_t newly_sent = sent - queue->seen_sent, newly_failed = failed - queue->seen_failed;
	uint64_t late_sent = RTE_MIN(newly_sent, queue->written_off);
	uint64_t late_failed = RTE_MIN(newly_failed, queue->written_off - late_sent);
	queue->written_off -= late_sent + late_failed;
	queue->seen_sent = sent;
	queue->seen_failed = failed;
	self->counters.absorbed += newly_sent - late_sent;
	self->counters.drops[EXPORT_DROP_FAILED] += newly_failed - late_failed;
	self->counters.held =
		queue->handed - queue->unsent - self->counters.absorbed - self->counters.drops[EXPORT_DROP_FAILED];
	self->gauges[EXPORT_GAUGE_QUEUED] = self->counters.held;
	self->gauges[EXPORT_GAUGE_SENT] = sent;
	self->gauges[EXPORT_GAUGE_FAILED] = failed;
	self->gauges[EXPORT_GAUGE_RECONNECTS] = atomic_load_explicit(&queue->reconnects, memory_order_relaxed);
}

static void store(const struct export_queue *queue, const struct batch *batch, unsigned i, void *record) {
	if (queue->sender->pack != NULL)
		queue->sender->pack(queue->context, batch, i, record);
	else
		memcpy(record, batch_body(batch, i, queue->schema), queue->schema->size);
}

void export_queue_process(struct instance *self, struct batch *batch) {
	struct export_queue *queue = queue_of(self);
	if (queue->joined)
		begin_again(queue);
	unsigned taken = queue->joined ? 0 : record_ring_room(&queue->ring, batch->count);
	for (unsigned i = 0; i < taken; i++)
		store(queue, batch, i, record_ring_slot(&queue->ring, i));
	if (taken > 0) {
		record_ring_publish(&queue->ring, taken);
		rte_pktmbuf_free_bulk(batch->tuples, taken);
		queue->handed += taken;
	}
	for (unsigned i = taken; i < batch->count; i++)
		instance_drop(self, EXPORT_DROP_QUEUE_FULL, batch->tuples[i]);
	if (taken < batch->count && !queue->warned) {
		operator_warn(self->op, "the queue is full: records are dropped (counted as queue_full)");
		queue->warned = true;
	}
	batch->count = 0;
	settle(queue);
	// A sender that sleeps looks again soon by itself. That may be too late where the queue fills, and where live
	// traffic is watched: the first record after a silence wakes it.
	if (self->counters.held > queue->ring.length / 4 || (queue->is_live && self->counters.held <= taken))
		idle_wake(&queue->idle);
}

bool export_queue_tick(struct instance *self, unsigned room) {
	struct export_queue *queue = queue_of(self);
	settle(queue);
	bool is_waited_for = atomic_load_explicit(&self->pace, memory_order_relaxed) == INSTANCE_PAUSES;
	if (is_waited_for && self->counters.held > 0)
		idle_wake(&queue->idle);
	return false;
}

bool export_queue_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	struct export_queue *queue = queue_of(self);
	settle(queue);
	bool bounded = why == END_OF_SHUTDOWN || !queue->waits;
	if (self->counters.held > 0 && !(bounded && is_overdue(queue))) {
		idle_wake(&queue->idle);
		return true;
	}
	if (self->counters.held == 0) {
		queue->deadline_ns = 0; // more may come: a plan can join a source to it that has just begun
		return false;
	}
	end_sender(queue);
	settle(queue);
	uint64_t unsent = self->counters.held;
	queue->unsent += unsent;
	queue->written_off += unsent;
	self->counters.drops[EXPORT_DROP_UNSENT] += unsent;
	self->counters.held = 0;
	if (unsent > 0)
		instance_fail(self, "the end came before %" PRIu64 " records were sent (counted as unsent)", unsent);
	return false;
}

size_t export_queue_stride(const struct export_queue *queue) {
	return queue->ring.record_size;
}

void export_queue_sent(struct export_queue *queue, unsigned n) {
	atomic_fetch_add_explicit(&queue->sent, n, memory_order_release);
}

void export_queue_failed(struct export_queue *queue, unsigned n) {
	atomic_fetch_add_explicit(&queue->failed, n, memory_order_release);
}

void export_queue_reconnected(struct export_queue *queue) {
	atomic_fetch_add_explicit(&queue->reconnects, 1, memory_order_relaxed);
}
