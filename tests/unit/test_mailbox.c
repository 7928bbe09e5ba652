// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Mailboxes: order, waking, reuse, and many producers against a consumer that sleeps whenever it can (for TSan too).
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/mailbox.h"

enum {
	PRODUCERS = 4,
	MESSAGES = 20000, // of each
	LIMIT_MS = 20000,
};

struct message {
	struct mailbox_node node;
	unsigned producer;
	uint64_t number;
};

static bool is_readable(const struct mailbox *mailbox, int limit_ms) {
	struct pollfd fd = {.fd = mailbox_fd(mailbox), .events = POLLIN};
	return poll(&fd, 1, limit_ms) == 1;
}

static void takes_in_order(void **state) {
	struct mailbox mailbox;
	struct message messages[100];

	assert_int_equal(mailbox_init(&mailbox), 0);
	assert_null(mailbox_take(&mailbox));
	for (unsigned i = 0; i < 100; i++)
		mailbox_post(&mailbox, &messages[i].node);
	for (unsigned i = 0; i < 100; i++)
		assert_ptr_equal(mailbox_take(&mailbox), &messages[i].node);
	assert_null(mailbox_take(&mailbox));
	mailbox_fini(&mailbox);
}

static void wakes_once_per_clear(void **state) {
	struct mailbox mailbox;
	struct message first, second;

	assert_int_equal(mailbox_init(&mailbox), 0);
	assert_false(is_readable(&mailbox, 0));
	mailbox_post(&mailbox, &first.node);
	mailbox_post(&mailbox, &second.node);
	assert_true(is_readable(&mailbox, 0));
	mailbox_clear(&mailbox);
	assert_false(is_readable(&mailbox, 0));
	assert_ptr_equal(mailbox_take(&mailbox), &first.node);
	assert_ptr_equal(mailbox_take(&mailbox), &second.node);

	// A consumer that took without a clear is still woken by what comes next.
	mailbox_post(&mailbox, &first.node);
	assert_ptr_equal(mailbox_take(&mailbox), &first.node);
	mailbox_post(&mailbox, &first.node);
	assert_true(is_readable(&mailbox, 0));
	mailbox_clear(&mailbox);
	assert_ptr_equal(mailbox_take(&mailbox), &first.node);
	assert_null(mailbox_take(&mailbox));
	mailbox_fini(&mailbox);
}

struct producer {
	struct mailbox *mailbox;
	unsigned index;
};

static void *produce(void *context) {
	struct producer *self = context;

	for (uint64_t number = 0; number < MESSAGES; number++) {
		struct message *message = malloc(sizeof(*message));
		message->producer = self->index;
		message->number = number;
		mailbox_post(self->mailbox, &message->node);
	}
	return NULL;
}

// Every message arrives once, in its producer's order, with what was written into it; the consumer sleeps with a limit
// that only a lost wake-up can reach.
static void many_producers(void **state) {
	struct mailbox mailbox;
	struct producer producers[PRODUCERS];
	pthread_t threads[PRODUCERS];
	uint64_t next[PRODUCERS] = {0};
	unsigned taken = 0;

	assert_int_equal(mailbox_init(&mailbox), 0);
	for (unsigned i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){.mailbox = &mailbox, .index = i};
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	}
	while (taken < PRODUCERS * MESSAGES) {
		struct mailbox_node *node;
		assert_true(is_readable(&mailbox, LIMIT_MS));
		mailbox_clear(&mailbox);
		while ((node = mailbox_take(&mailbox)) != NULL) {
			struct message *message = mailbox_entry(node, struct message, node);
			assert_true(message->producer < PRODUCERS);
			assert_int_equal(message->number, next[message->producer]);
			next[message->producer]++;
			taken++;
			free(message);
		}
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_null(mailbox_take(&mailbox));
	mailbox_fini(&mailbox);
}

struct pong {
	struct mailbox *in, *out;
};

static void *answer(void *context) {
	struct pong *pong = context;

	for (unsigned taken = 0; taken < MESSAGES;) {
		struct mailbox_node *node;
		if (!is_readable(pong->in, LIMIT_MS))
			return NULL;
		mailbox_clear(pong->in);
		for (; (node = mailbox_take(pong->in)) != NULL; taken++) {
			mailbox_entry(node, struct message, node)->number++;
			mailbox_post(pong->out, node);
		}
	}
	return NULL;
}

// A node is posted anew as soon as it is taken: both mailboxes are empty but for it, so each post meets a sleeper.
static void node_is_reused_at_once(void **state) {
	struct mailbox there, back;
	struct pong pong = {.in = &there, .out = &back};
	struct message message = {.number = 0};
	pthread_t thread;

	assert_int_equal(mailbox_init(&there), 0);
	assert_int_equal(mailbox_init(&back), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer, &pong), 0);
	for (uint64_t i = 0; i < MESSAGES; i++) {
		struct mailbox_node *node = NULL;
		mailbox_post(&there, &message.node);
		// A wake-up may be for a message already taken.
		while (node == NULL) {
			assert_true(is_readable(&back, LIMIT_MS));
			mailbox_clear(&back);
			node = mailbox_take(&back);
		}
		assert_ptr_equal(node, &message.node);
		assert_int_equal(message.number, i + 1);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	mailbox_fini(&there);
	mailbox_fini(&back);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_in_order),
		cmocka_unit_test(wakes_once_per_clear),
		cmocka_unit_test(many_producers),
		cmocka_unit_test(node_is_reused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
