// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink's thread and what others see of it. The conversation itself is in uplink_session.c, what waits for an
// acknowledgement in uplink_queue.c.
#include "dataplane/uplink.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/uplink_session.h"
#include "dataplane/uplink_socket.h"

struct uplink {
	char *controller, *node;         // constant
	struct uplink_counters counters; // relaxed atomics
	bool is_refused, is_registered;  // uplink thread: w, any: r
	uint64_t stop_at_ms;             // uplink_free: w, uplink thread: r; 0: go on
	struct mailbox mailbox;          // any thread posts, the uplink's takes
	struct mailbox_node wake;        // posted once, by uplink_free
	pthread_t thread;
	struct uplink_session session; // the thread's own
};

static uint64_t now_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void take_summaries(struct uplink *uplink) {
	struct mailbox_node *node;

	mailbox_clear(&uplink->mailbox);
	while ((node = mailbox_take(&uplink->mailbox)) != NULL) {
		if (node != &uplink->wake)
			uplink_session_push(&uplink->session, mailbox_entry(node, struct uplink_entry, node));
	}
}

// Wait until something arrives or is due.
static void wait_for_work(const struct uplink *uplink, uint64_t time_ms, uint64_t stop_at_ms) {
	zmq_pollitem_t items[3] = {{NULL, mailbox_fd(&uplink->mailbox), ZMQ_POLLIN, 0}};
	zmq_pollitem_t sockets[2];
	int length = 1;
	long wait_ms = uplink_session_wait(&uplink->session, time_ms, sockets);

	if (stop_at_ms != 0 && stop_at_ms - time_ms < (uint64_t)wait_ms)
		wait_ms = (long)(stop_at_ms - time_ms);
	for (unsigned i = 0; i < 2; i++) {
		if (sockets[i].socket != NULL)
			items[length++] = sockets[i];
	}
	zmq_poll(items, length, wait_ms);
}

static void *uplink_run(void *context) {
	struct uplink *uplink = context;
	struct uplink_session *session = &uplink->session;

	pthread_setname_np(pthread_self(), "weir-uplink");
	uplink_session_start(session, now_ms());
	for (;;) {
		// Looked at before the mailbox: what was submitted before the end is told before the end.
		uint64_t stop_at_ms = __atomic_load_n(&uplink->stop_at_ms, __ATOMIC_ACQUIRE);
		uint64_t time_ms = now_ms();
		take_summaries(uplink);
		uplink_session_run(session, time_ms);
		bool is_drained = session->queue.length == 0 || session->state == UPLINK_REFUSED;
		if (stop_at_ms != 0 && (is_drained || time_ms >= stop_at_ms))
			break;
		wait_for_work(uplink, time_ms, stop_at_ms);
	}
	uplink_session_end(session);
	zmq_ctx_term(session->zmq);
	return NULL;
}

static int start_thread(struct uplink *uplink) {
	sigset_t all, before;

	// Signals are for the manager; the thread inherits the mask.
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int ret = -pthread_create(&uplink->thread, NULL, uplink_run, uplink);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int uplink_new(struct uplink **out, const struct uplink_options *options, const struct uplink_source *source) {
	int ret = uplink_endpoint_check(options->controller);

	if (ret < 0)
		return ret;
	struct uplink *uplink = aligned_alloc(_Alignof(struct uplink), sizeof(*uplink)); // its mailbox has cache lines
	if (uplink == NULL)
		return -ENOMEM;
	memset(uplink, 0, sizeof(*uplink));
	uplink->mailbox.event_fd = -1;
	uplink->controller = strdup(options->controller);
	uplink->node = strdup(options->node);
	ret = -ENOMEM;
	if (uplink->controller == NULL || uplink->node == NULL)
		goto err;
	ret = mailbox_init(&uplink->mailbox);
	if (ret < 0)
		goto err;
	uplink->session = (struct uplink_session){
		.controller = uplink->controller,
		.node = uplink->node,
		.incarnation = options->incarnation,
		.keys = options->keys,
		.source = *source,
		.zmq = zmq_ctx_new(),
		.counters = &uplink->counters,
		.is_refused = &uplink->is_refused,
		.is_registered = &uplink->is_registered,
		.beat_ms = options->beat_ms != 0 ? options->beat_ms : UPLINK_BEAT_MS,
	};
	ret = -ENOMEM;
	if (uplink->session.zmq == NULL)
		goto err;
	uplink_queue_init(&uplink->session.queue, options->queue_size);
	ret = start_thread(uplink);
	if (ret < 0)
		goto err;
	*out = uplink;
	return 0;
err:
	if (uplink->session.zmq != NULL)
		zmq_ctx_term(uplink->session.zmq);
	if (uplink->mailbox.event_fd >= 0)
		mailbox_fini(&uplink->mailbox);
	free(uplink->node);
	free(uplink->controller);
	free(uplink);
	return ret;
}

void uplink_free(struct uplink *uplink, unsigned drain_ms) {
	if (uplink == NULL)
		return;
	__atomic_store_n(&uplink->stop_at_ms, now_ms() + drain_ms, __ATOMIC_RELEASE);
	mailbox_post(&uplink->mailbox, &uplink->wake);
	pthread_join(uplink->thread, NULL);
	take_summaries(uplink);
	uplink_queue_fini(&uplink->session.queue);
	mailbox_fini(&uplink->mailbox);
	free(uplink->node);
	free(uplink->controller);
	free(uplink);
}

void uplink_submit(struct uplink *uplink, const struct uplink_summary *summary) {
	if (uplink == NULL) {
		free(summary->packed);
		return;
	}
	struct uplink_entry *entry = uplink_entry_new(summary);
	__atomic_fetch_add(&uplink->counters.submitted, 1, __ATOMIC_RELAXED);
	if (entry == NULL) {
		__atomic_fetch_add(&uplink->counters.discarded, 1, __ATOMIC_RELAXED);
		free(summary->packed);
		return;
	}
	mailbox_post(&uplink->mailbox, &entry->node);
}

bool uplink_is_refused(const struct uplink *uplink) {
	return __atomic_load_n(&uplink->is_refused, __ATOMIC_RELAXED);
}

bool uplink_is_registered(const struct uplink *uplink) {
	return __atomic_load_n(&uplink->is_registered, __ATOMIC_ACQUIRE);
}

void uplink_read_counters(const struct uplink *uplink, struct uplink_counters *out) {
	const struct uplink_counters *counters = &uplink->counters;

	*out = (struct uplink_counters){
		.submitted = __atomic_load_n(&counters->submitted, __ATOMIC_RELAXED),
		.acknowledged = __atomic_load_n(&counters->acknowledged, __ATOMIC_RELAXED),
		.resent = __atomic_load_n(&counters->resent, __ATOMIC_RELAXED),
		.discarded = __atomic_load_n(&counters->discarded, __ATOMIC_RELAXED),
		.queued = __atomic_load_n(&counters->queued, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&counters->bytes, __ATOMIC_RELAXED),
		.malformed = __atomic_load_n(&counters->malformed, __ATOMIC_RELAXED),
		.stale = __atomic_load_n(&counters->stale, __ATOMIC_RELAXED),
	};
}
