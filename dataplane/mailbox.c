// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Why no wake-up is lost: a post links its node and then sets `signalled`; a clear resets `signalled` and then the
// consumer looks for nodes. Both are sequentially consistent exchanges on one word. If the post's comes first, its
// node is visible to the looks after the clear; if the clear's comes first, the post finds 0 and writes to the
// eventfd.
#include "dataplane/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include <sys/eventfd.h>

// liburcu's barriers are inline assembly in a library that ThreadSanitizer does not see; tell it what they order.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MAILBOX_TSAN
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(MAILBOX_TSAN)
#include <sanitizer/tsan_interface.h>
#else
#define __tsan_release(address) ((void)(address))
#define __tsan_acquire(address) ((void)(address))
#endif

int mailbox_init(struct mailbox *mailbox) {
	mailbox->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mailbox->event_fd < 0)
		return -errno;
	__cds_wfcq_init(&mailbox->head, &mailbox->tail);
	mailbox->signalled = 0;
	return 0;
}

void mailbox_fini(struct mailbox *mailbox) {
	close(mailbox->event_fd);
	mailbox->event_fd = -1;
}

void mailbox_post(struct mailbox *mailbox, struct mailbox_node *node) {
	const uint64_t one = 1;

	cds_wfcq_node_init(&node->queued);
	__tsan_release(node);
	cds_wfcq_enqueue(&mailbox->head, &mailbox->tail, &node->queued);
	// From here on the node is the consumer's.
	if (__atomic_exchange_n(&mailbox->signalled, 1, __ATOMIC_SEQ_CST) != 0)
		return;
	// A counter that is never above 1 cannot be full, so the write cannot fail but for a signal.
	while (write(mailbox->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

struct mailbox_node *mailbox_take(struct mailbox *mailbox) {
	struct cds_wfcq_node *queued = __cds_wfcq_dequeue_nonblocking(&mailbox->head, &mailbox->tail);

	if (queued == NULL || queued == CDS_WFCQ_WOULDBLOCK)
		return NULL;
	struct mailbox_node *node = mailbox_entry(queued, struct mailbox_node, queued);
	__tsan_acquire(node);
	return node;
}

void mailbox_clear(struct mailbox *mailbox) {
	uint64_t count;

	while (read(mailbox->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	__atomic_exchange_n(&mailbox->signalled, 0, __ATOMIC_SEQ_CST);
}
