// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A controller for tests of the uplink, driven step by step by the test: two ROUTERs on ipc:// in a directory of its
// own.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "api/weir.pb-c.h"

enum { LIMIT_MS = 10000 }; // until a condition that never comes true fails a test

struct controller {
	char directory[32];
	char endpoint[64];
	void *zmq, *command, *summaries;
	uint64_t epoch;
	bool answers_beats; // to registered nodes, while it waits for something
	bool knows_node;    // else it answers heartbeats with UNREGISTERED
	uint8_t peer[64];   // routing id of the last message's sender
	size_t peer_size;
	unsigned summaries_seen, beats_seen;
};

static inline uint64_t monotonic_ms(void) {
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void controller_init(struct controller *controller) {
	*controller = (struct controller){.directory = "/tmp/weir-uplink-XXXXXX", .epoch = 1};
	assert_non_null(mkdtemp(controller->directory));
	snprintf(controller->endpoint, sizeof(controller->endpoint), "ipc://%s/command", controller->directory);
	controller->zmq = zmq_ctx_new();
	assert_non_null(controller->zmq);
}

static inline void controller_up(struct controller *controller) {
	char summaries[80];
	int linger_ms = 0;

	controller->command = zmq_socket(controller->zmq, ZMQ_ROUTER);
	controller->summaries = zmq_socket(controller->zmq, ZMQ_ROUTER);
	zmq_setsockopt(controller->command, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	zmq_setsockopt(controller->summaries, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	snprintf(summaries, sizeof(summaries), "%s-summaries", controller->endpoint);
	assert_int_equal(zmq_bind(controller->command, controller->endpoint), 0);
	assert_int_equal(zmq_bind(controller->summaries, summaries), 0);
	controller->answers_beats = true;
}

static inline void controller_down(struct controller *controller) {
	assert_int_equal(zmq_close(controller->command), 0);
	assert_int_equal(zmq_close(controller->summaries), 0);
	controller->knows_node = false;
}

static inline void controller_fini(struct controller *controller) {
	char path[64];

	controller_down(controller);
	zmq_ctx_term(controller->zmq);
	snprintf(path, sizeof(path), "%s/command", controller->directory);
	unlink(path);
	snprintf(path, sizeof(path), "%s/command-summaries", controller->directory);
	unlink(path);
	assert_int_equal(rmdir(controller->directory), 0);
}

// Bytes to the peer that spoke last.
static inline void controller_send_raw(struct controller *controller, void *socket, const void *data, size_t size) {
	assert_true(zmq_send(socket, controller->peer, controller->peer_size, ZMQ_SNDMORE) >= 0);
	assert_true(zmq_send(socket, data, size, 0) >= 0);
}

static inline void controller_send(struct controller *controller, void *socket, const Weir__Message *message) {
	uint8_t data[1024];

	assert_true(weir__message__get_packed_size(message) <= sizeof(data));
	controller_send_raw(controller, socket, data, weir__message__pack(message, data));
}

static inline void controller_send_error(struct controller *controller, void *socket, Weir__ErrorCode code) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Error error = WEIR__ERROR__INIT;

	error.code = code;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_ERROR;
	message.error = &error;
	controller_send(controller, socket, &message);
}

static inline void controller_answer_register(struct controller *controller, bool accepted) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__Registered registered = WEIR__REGISTERED__INIT;

	registered.accepted = accepted;
	registered.epoch = controller->epoch;
	registered.reason = accepted ? "" : "the name is in use";
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_REGISTERED;
	message.registered = &registered;
	controller_send(controller, controller->command, &message);
	controller->knows_node = accepted;
}

static inline void controller_answer_beat(struct controller *controller, const Weir__Heartbeat *heartbeat) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__HeartbeatReply reply = WEIR__HEARTBEAT_REPLY__INIT;

	if (!controller->knows_node) {
		controller_send_error(controller, controller->command, WEIR__ERROR_CODE__ERROR_UNREGISTERED);
		return;
	}
	reply.sequence = heartbeat->sequence;
	reply.epoch = controller->epoch;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_HEARTBEAT_REPLY;
	message.heartbeat_reply = &reply;
	controller_send(controller, controller->command, &message);
}

static inline void controller_acknowledge(
	struct controller *controller, const Weir__Summary *summary, uint64_t sequence) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	Weir__SummaryAck ack = WEIR__SUMMARY_ACK__INIT;

	ack.pipeline = summary->pipeline;
	ack.operator_ = summary->operator_;
	ack.instance = summary->instance;
	ack.sequence = sequence;
	ack.incarnation = summary->incarnation;
	message.version = 1;
	message.body_case = WEIR__MESSAGE__BODY_SUMMARY_ACK;
	message.summary_ack = &ack;
	controller_send(controller, controller->summaries, &message);
}

// One message from a socket, whose sender becomes the peer; NULL if there is none.
static inline Weir__Message *controller_receive(struct controller *controller, void *socket) {
	uint8_t data[4096];
	int size = zmq_recv(socket, controller->peer, sizeof(controller->peer), ZMQ_DONTWAIT);

	if (size < 0)
		return NULL;
	controller->peer_size = (size_t)size;
	size = zmq_recv(socket, data, sizeof(data), 0);
	assert_true(size >= 0 && (size_t)size <= sizeof(data));
	Weir__Message *message = weir__message__unpack(NULL, (size_t)size, data);
	assert_non_null(message);
	assert_int_equal(message->version, 1);
	return message;
}

// Whether the message is of the wanted kind. Heartbeats are answered on the way, and a node that was accepted and
// registers again, because this process was not run for a while, is accepted again.
static inline bool controller_look(struct controller *controller, Weir__Message *message, int wanted) {
	bool is_beat = message->body_case == WEIR__MESSAGE__BODY_HEARTBEAT;

	controller->beats_seen += is_beat;
	controller->summaries_seen += message->body_case == WEIR__MESSAGE__BODY_SUMMARY;
	if (is_beat && controller->answers_beats)
		controller_answer_beat(controller, message->heartbeat);
	if (message->body_case == WEIR__MESSAGE__BODY_REGISTER && wanted != WEIR__MESSAGE__BODY_REGISTER &&
		controller->answers_beats && controller->knows_node)
		controller_answer_register(controller, true);
	return wanted == 0 || (int)message->body_case == wanted;
}

// Wait for a message of a kind (0: any), answering heartbeats; others are dropped.
//   return  released with weir__message__free_unpacked
static inline Weir__Message *controller_await(struct controller *controller, int wanted) {
	void *sockets[2] = {controller->command, controller->summaries};
	uint64_t start_ms = monotonic_ms();

	while (monotonic_ms() - start_ms < LIMIT_MS) {
		zmq_pollitem_t items[2] = {{sockets[0], -1, ZMQ_POLLIN, 0}, {sockets[1], -1, ZMQ_POLLIN, 0}};
		zmq_poll(items, 2, 100);
		for (unsigned i = 0; i < 2; i++) {
			Weir__Message *message = controller_receive(controller, sockets[i]);
			if (message == NULL)
				continue;
			if (controller_look(controller, message, wanted))
				return message;
			weir__message__free_unpacked(message, NULL);
		}
	}
	fail_msg("no message of kind %d within %d ms", wanted, LIMIT_MS);
	return NULL;
}

// Wait for a message of a kind, and forget it.
static inline void controller_see(struct controller *controller, int wanted) {
	weir__message__free_unpacked(controller_await(controller, wanted), NULL);
}

static inline void controller_accept(struct controller *controller) {
	controller_see(controller, WEIR__MESSAGE__BODY_REGISTER);
	controller_answer_register(controller, true);
}
