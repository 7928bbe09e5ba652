// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Mailboxes: messages from any number of threads to one (workers, manager, uplink). A message is a struct of the
// caller's with a mailbox_node in it; nothing is copied or allocated. The queue is liburcu's wait-free concurrent
// queue (urcu/wfcqueue.h); an eventfd, which can be polled beside sockets, wakes a consumer that sleeps.
//
// A consumer sleeps safely like this:
//
//	poll({mailbox_fd(m), POLLIN}, …);
//	mailbox_clear(m);
//	while ((node = mailbox_take(m)) != NULL)
//		…
//
// One that polls anyway (a worker) only takes; it clears and takes once more before it sleeps.
//
// Order      each producer's messages arrive in the order posted; between producers, in the order in which the posts
//            took their place. What a producer wrote before the post is visible to the taker.
// Progress   a post is wait-free: one exchange, one store, one exchange, and a write to the eventfd where the consumer
//            has cleared since the last one. A take never waits: while a post is half done, nothing behind it is taken,
//            and its end wakes the consumer.
// Lifetime   a node is the mailbox's from post to take, and may be freed or posted anew at once after the take. A post
//            touches the mailbox to its very end: fini only after every producer has returned from its last post.
#pragma once

#include <stddef.h>

#include <urcu/wfcqueue.h>

struct mailbox_node {
	struct cds_wfcq_node queued;
};

struct mailbox {
	struct __cds_wfcq_head head;                            // consumer: rw; the first producer after empty: w
	struct cds_wfcq_tail tail __attribute__((aligned(64))); // producers: rw; consumer: rw when it empties
	unsigned signalled __attribute__((aligned(64)));        // producers: set; consumer: clear; atomic
	int event_fd;                                           // constant
};

// The message that a node lies in.
#define mailbox_entry(node, type, member) ((type *)((char *)(node)-offsetof(type, member)))

//   return  0, or a negative errno: no eventfd
int mailbox_init(struct mailbox *mailbox);

// The mailbox must be empty: take everything first.
void mailbox_fini(struct mailbox *mailbox);

// Hand a message over.
//   thread  any
void mailbox_post(struct mailbox *mailbox, struct mailbox_node *node);

//   return  the oldest message, or NULL: none can be taken now
//   thread  the consumer
struct mailbox_node *mailbox_take(struct mailbox *mailbox);

// Readable when there may be messages that came after the last mailbox_clear.
static inline int mailbox_fd(const struct mailbox *mailbox) {
	return mailbox->event_fd;
}

// Make the fd quiet until the next post. What has been posted so far must then be taken: it wakes nobody again.
//   thread  the consumer
void mailbox_clear(struct mailbox *mailbox);
