// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Any bytes as messages of a controller to a node that has registered and has a summary to send: for each message two
// bytes of length, one with the milliseconds that pass before it (times 16), and the message. They come by a real
// socket, as the node reads them. Whatever they say, what the node keeps makes sense, and nothing is left in the end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/uplink_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATIENCE_MS = 5000, MESSAGES_MAX = 64, INCARNATION = 77 };

static void *zmq, *controller; // a ROUTER that the node connects to
static char endpoint[64];
static uint8_t peer[256];
static size_t peer_size;

static void require(bool holds) {
	if (!holds)
		abort();
}

static void describe(void *context, Weir__Register *message) {
	message->host = strdup("here");
}

static void measure(void *context, Weir__Heartbeat *message) {
}

static void open_controller(void) {
	if (zmq != NULL)
		return;
	zmq = zmq_ctx_new();
	require(zmq != NULL);
	controller = zmq_socket(zmq, ZMQ_ROUTER);
	snprintf(endpoint, sizeof(endpoint), "ipc://@weir-fuzz-%d", (int)getpid());
	require(controller != NULL && zmq_bind(controller, endpoint) == 0);
}

static bool await(void *socket) {
	zmq_pollitem_t item = {socket, -1, ZMQ_POLLIN, 0};
	return zmq_poll(&item, 1, PATIENCE_MS) == 1;
}

// Wait for the node's Register: what comes before it was sent by the nodes of the inputs before.
static void await_register(const char *node) {
	uint8_t body[1 << 16];
	bool is_register = false;
	while (!is_register) {
		require(await(controller));
		int size = zmq_recv(controller, peer, sizeof(peer), 0);
		require(size > 0);
		peer_size = (size_t)size;
		size = zmq_recv(controller, body, sizeof(body), 0);
		require(size >= 0 && size <= (int)sizeof(body));
		Weir__Message *message = weir__message__unpack(NULL, (size_t)size, body);
		is_register = message != NULL && message->body_case == WEIR__MESSAGE__BODY_REGISTER &&
			      strcmp(message->register_->node, node) == 0;
		weir__message__free_unpacked(message, NULL);
	}
}

static void check(const struct uplink_session *session) {
	require(session->state <= UPLINK_REFUSED);
	require(session->queue.in_flight <= session->queue.length);
	require(session->beat_ms >= 10 && session->beat_ms <= 60000);
	require(session->counters->acknowledged <= 1);
}

static void say(struct uplink_session *session, const uint8_t *data, size_t size) {
	uint64_t now_ms = 0;
	// After a silence the node begins anew with another socket, which is the beginning of another input.
	for (unsigned n = 0; size >= 3 && n < MESSAGES_MAX && !session->told_unreachable; n++) {
		size_t length = (size_t)data[0] << 8 | data[1];
		now_ms += (uint64_t)data[2] << 4;
		data += 3;
		size -= 3;
		length = length < size ? length : size;
		require(zmq_send(controller, peer, peer_size, ZMQ_SNDMORE) >= 0);
		require(zmq_send(controller, data, length, 0) >= 0);
		require(await(session->command));
		uplink_session_run(session, now_ms);
		check(session);
		data += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct uplink_counters counters = {0};
	bool is_refused = false, is_registered = false;
	static struct uplink_session session;
	static unsigned inputs;
	char node[24];
	snprintf(node, sizeof(node), "node-%u", inputs++);
	struct uplink_summary summary = {"p", "report", 0, 1, 4, calloc(1, 4)};
	open_controller();
	session = (struct uplink_session){
		.controller = endpoint,
		.node = node,
		.incarnation = INCARNATION,
		.source = {.describe = describe, .measure = measure},
		.zmq = zmq,
		.counters = &counters,
		.is_refused = &is_refused,
		.is_registered = &is_registered,
		.beat_ms = 500,
	};
	uplink_queue_init(&session.queue, 1 << 20);
	uplink_session_push(&session, uplink_entry_new(&summary));
	uplink_session_start(&session, 0);
	for (unsigned i = 0; session.state != UPLINK_WAITING && i < PATIENCE_MS; i++) {
		zmq_pollitem_t items[2];
		uplink_session_run(&session, 0);
		uplink_session_wait(&session, 0, items);
		zmq_poll(items, 1, 1);
	}
	require(session.state == UPLINK_WAITING);
	await_register(node);
	say(&session, data, size);
	uplink_session_end(&session);
	uplink_queue_fini(&session.queue);
	return 0;
}
