// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/weirctl_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "ctrlplane/clock.h"
#include "ctrlplane/message.h"
#include "ctrlplane/text.h"

struct connection {
	void *context, *socket;
	void *monitor; // tells a refused connection at once, where ZeroMQ alone would try for ever
};

static void connection_close(struct connection *connection) {
	if (connection->monitor != NULL)
		zmq_close(connection->monitor);
	if (connection->socket != NULL)
		zmq_close(connection->socket);
	if (connection->context != NULL)
		zmq_ctx_term(connection->context);
}

static int connection_open(struct connection *connection, const char *endpoint) {
	static const char events_at[] = "inproc://events";
	int linger_ms = 0, ipv6 = 1;
	int64_t size_max = 64 * MESSAGE_SIZE_MAX;
	connection->context = zmq_ctx_new();
	if (connection->context == NULL)
		return -zmq_errno();
	connection->socket = zmq_socket(connection->context, ZMQ_DEALER);
	connection->monitor = zmq_socket(connection->context, ZMQ_PAIR);
	if (connection->socket == NULL || connection->monitor == NULL)
		return -zmq_errno();
	if (zmq_setsockopt(connection->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)) != 0 ||
		zmq_setsockopt(connection->socket, ZMQ_IPV6, &ipv6, sizeof(ipv6)) != 0 ||
		zmq_setsockopt(connection->socket, ZMQ_MAXMSGSIZE, &size_max, sizeof(size_max)) != 0 ||
		zmq_socket_monitor(connection->socket, events_at, ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED) != 0 ||
		zmq_connect(connection->monitor, events_at) != 0 || zmq_connect(connection->socket, endpoint) != 0)
		return -zmq_errno();
	return 0;
}

static int connection_send(struct connection *connection, const Weir__Request *request) {
	Weir__Message message = WEIR__MESSAGE__INIT;
	message.version = MESSAGE_VERSION;
	message.body_case = WEIR__MESSAGE__BODY_REQUEST;
	message.request = (Weir__Request *)request;
	return message_send(connection->socket, NULL, &message);
}

//   return  a message that arrived, or NULL; *err: -ECONNREFUSED, -ETIMEDOUT, -EPROTO: not from a controller
static Weir__Message *connection_receive(struct connection *connection, uint32_t timeout_ms, int *err) {
	uint64_t end_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
	for (;;) {
		uint64_t now_ns = clock_mono_ns();
		zmq_pollitem_t items[] = {
			{.socket = connection->socket, .events = ZMQ_POLLIN},
			{.socket = connection->monitor, .events = ZMQ_POLLIN},
		};
		*err = -ETIMEDOUT;
		if (now_ns >= end_ns)
			return NULL;
		if (zmq_poll(items, 2, (long)((end_ns - now_ns) / NS_PER_MS) + 1) < 0 && zmq_errno() != EINTR)
			return NULL;
		if (items[0].revents != 0)
			break;
		*err = -ECONNREFUSED;
		if (items[1].revents != 0)
			return NULL;
	}
	zmq_msg_t frame;
	zmq_msg_init(&frame);
	Weir__Message *message = NULL;
	if (zmq_msg_recv(&frame, connection->socket, ZMQ_DONTWAIT) >= 0)
		message = weir__message__unpack(NULL, zmq_msg_size(&frame), zmq_msg_data(&frame));
	zmq_msg_close(&frame);
	*err = message != NULL ? 0 : -EPROTO;
	return message;
}

static int answer_take(const Weir__Message *message, json_t **out, char *error) {
	if (message->body_case == WEIR__MESSAGE__BODY_ERROR) {
		text_copy(error, WEIRCTL_ERROR_SIZE, message->error->text);
		return WEIRCTL_REFUSED;
	}
	if (message->body_case == WEIR__MESSAGE__BODY_REPLY)
		*out = json_loads(message->reply->json, 0, NULL);
	if (*out != NULL)
		return WEIRCTL_OK;
	snprintf(error, WEIRCTL_ERROR_SIZE, "the answer is not one of a controller");
	return WEIRCTL_REFUSED;
}

int weirctl_request(
	const char *endpoint, const Weir__Request *request, uint32_t timeout_ms, json_t **out, char *error) {
	struct connection connection = {0};
	Weir__Message *message = NULL;
	*out = NULL;
	int result = WEIRCTL_NO_CONTROLLER;
	int err = connection_open(&connection, endpoint);
	if (err == 0)
		err = connection_send(&connection, request);
	if (err == -EINVAL || err == -EPROTONOSUPPORT) {
		snprintf(error, WEIRCTL_ERROR_SIZE, "controller \"%.200s\": expected tcp://HOST:PORT or ipc://PATH",
			endpoint);
		result = WEIRCTL_USAGE;
		goto out;
	}
	if (err == 0)
		message = connection_receive(&connection, timeout_ms, &err);
	if (err == -ETIMEDOUT)
		snprintf(error, WEIRCTL_ERROR_SIZE, "no controller at %.200s: no answer within %g s", endpoint,
			timeout_ms / 1e3);
	else if (err != 0)
		snprintf(error, WEIRCTL_ERROR_SIZE, "no controller at %.200s: %s", endpoint, strerror(-err));
	else
		result = answer_take(message, out, error);
out:
	if (message != NULL)
		weir__message__free_unpacked(message, NULL);
	connection_close(&connection);
	return result;
}
