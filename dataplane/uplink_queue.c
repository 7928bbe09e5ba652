// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/uplink_queue.h"

#include <stdlib.h>
#include <string.h>

void uplink_queue_init(struct uplink_queue *queue, uint64_t limit_bytes) {
	*queue = (struct uplink_queue){.end = &queue->first, .limit_bytes = limit_bytes};
}

void uplink_queue_fini(struct uplink_queue *queue) {
	while (queue->first != NULL) {
		struct uplink_entry *entry = queue->first;
		queue->first = entry->next;
		uplink_entry_free(entry);
	}
	uplink_queue_init(queue, queue->limit_bytes);
}

struct uplink_entry *uplink_entry_new(const struct uplink_summary *summary) {
	size_t pipeline_size = strlen(summary->pipeline) + 1, operator_size = strlen(summary->operator) + 1;
	struct uplink_entry *entry = calloc(1, sizeof(*entry) + pipeline_size + operator_size);

	if (entry == NULL)
		return NULL;
	entry->summary = *summary;
	entry->summary.pipeline = memcpy(entry->names, summary->pipeline, pipeline_size);
	entry->summary.operator = memcpy(entry->names + pipeline_size, summary->operator, operator_size);
	return entry;
}

void uplink_entry_free(struct uplink_entry *entry) {
	if (entry == NULL)
		return;
	free(entry->summary.packed);
	free(entry);
}

static uint64_t entry_size(const struct uplink_entry *entry) {
	return sizeof(*entry) + entry->summary.size;
}

// Unlink and free the entry that *link points to.
static void remove_at(struct uplink_queue *queue, struct uplink_entry **link, bool in_flight) {
	struct uplink_entry *entry = *link;

	*link = entry->next;
	if (queue->end == &entry->next)
		queue->end = link;
	if (queue->to_send == entry)
		queue->to_send = entry->next;
	queue->in_flight -= in_flight;
	queue->length--;
	queue->size_bytes -= entry_size(entry);
	uplink_entry_free(entry);
}

unsigned uplink_queue_push(struct uplink_queue *queue, struct uplink_entry *entry) {
	unsigned discarded = 0;

	if (entry_size(entry) > queue->limit_bytes) {
		uplink_entry_free(entry);
		return 1;
	}
	entry->next = NULL;
	*queue->end = entry;
	queue->end = &entry->next;
	if (queue->to_send == NULL)
		queue->to_send = entry;
	queue->length++;
	queue->size_bytes += entry_size(entry);
	for (; queue->size_bytes > queue->limit_bytes; discarded++)
		remove_at(queue, &queue->first, queue->in_flight > 0);
	return discarded;
}

struct uplink_entry *uplink_queue_next(const struct uplink_queue *queue) {
	return queue->in_flight < UPLINK_WINDOW ? queue->to_send : NULL;
}

bool uplink_queue_sent(struct uplink_queue *queue) {
	struct uplink_entry *entry = queue->to_send;
	bool again = entry->was_sent;

	entry->was_sent = true;
	queue->in_flight++;
	queue->to_send = entry->next;
	return again;
}

static bool is_acknowledged(const struct uplink_entry *entry, const Weir__SummaryAck *ack) {
	const struct uplink_summary *summary = &entry->summary;

	return summary->sequence <= ack->sequence && summary->instance == ack->instance &&
	       strcmp(summary->operator, ack->operator_) == 0 && strcmp(summary->pipeline, ack->pipeline) == 0;
}

unsigned uplink_queue_acknowledge(struct uplink_queue *queue, const Weir__SummaryAck *ack) {
	unsigned released = 0;
	unsigned left_in_flight = queue->in_flight;

	// What was sent is the front of the queue: in flight, then what a rewind took back.
	for (struct uplink_entry **link = &queue->first; *link != NULL && (*link)->was_sent;) {
		bool in_flight = left_in_flight > 0;
		left_in_flight -= in_flight;
		if (!is_acknowledged(*link, ack)) {
			link = &(*link)->next;
			continue;
		}
		remove_at(queue, link, in_flight);
		released++;
	}
	return released;
}

void uplink_queue_rewind(struct uplink_queue *queue) {
	queue->to_send = queue->first;
	queue->in_flight = 0;
}
