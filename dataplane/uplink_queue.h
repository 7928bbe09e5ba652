// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink's memory: summaries in the order submitted, kept until acknowledged. The first ones are in flight (sent
// and unanswered, at most UPLINK_WINDOW), the others wait. One thread uses it; no sockets here.
#pragma once

#include "api/weir.pb-c.h"
#include "dataplane/mailbox.h"
#include "dataplane/uplink.h"

// Messages in flight: enough for any delay at a few summaries a second, few enough that a resend is no burst.
enum { UPLINK_WINDOW = 64 };

struct uplink_entry {
	struct mailbox_node node; // on its way from the worker
	struct uplink_entry *next;
	bool was_sent; // at least once
	struct uplink_summary summary;
	char names[]; // of its pipeline and operator, which may be gone before it is acknowledged
};

struct uplink_queue {
	struct uplink_entry *first;
	struct uplink_entry **end;    // where the next entry is linked
	struct uplink_entry *to_send; // first one not in flight
	uint64_t size_bytes, limit_bytes;
	unsigned length;
	unsigned in_flight;
};

void uplink_queue_init(struct uplink_queue *queue, uint64_t limit_bytes);
void uplink_queue_fini(struct uplink_queue *queue);

// An entry with a copy of *summary and its names, or NULL; on success summary->packed is the entry's.
struct uplink_entry *uplink_entry_new(const struct uplink_summary *summary);
void uplink_entry_free(struct uplink_entry *entry);

// Append an entry; it is the queue's from now on. The oldest go until all fit into limit_bytes.
//   return  entries discarded; the new one is among them where it alone is too big
unsigned uplink_queue_push(struct uplink_queue *queue, struct uplink_entry *entry);

//   return  the entry to send next, or NULL: none waits, or the window is full
struct uplink_entry *uplink_queue_next(const struct uplink_queue *queue);

// The entry of uplink_queue_next has been sent.
//   return  true if it had been sent before
bool uplink_queue_sent(struct uplink_queue *queue);

// Release what *ack covers. Only what was sent can be acknowledged.
//   return  entries released
unsigned uplink_queue_acknowledge(struct uplink_queue *queue, const Weir__SummaryAck *ack);

// Nothing is in flight any more: all is to be sent again, in order.
void uplink_queue_rewind(struct uplink_queue *queue);
