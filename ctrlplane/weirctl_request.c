// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/weirctl_request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "api/endpoint.h"
#include "api/clock.h"
#include "ctrlplane/message.h"
#include "ctrlplane/text.h"

struct connection {
	void *context, *socket;
	void *monitor; // tells a refused connection at once, where ZeroMQ alone would try for ever
	bool has_keys;
};

static void connection_close(struct connection *connection) {
	// The events end before their reader does: ZeroMQ loses the memory of one that finds no reader.
	if (connection->socket != NULL)
		zmq_socket_monitor(connection->socket, NULL, 0);
	if (connection->monitor != NULL)
		zmq_close(connection->monitor);
	if (connection->socket != NULL)
		zmq_close(connection->socket);
	if (connection->context != NULL)
		zmq_ctx_term(connection->context);
}

enum {
	REFUSALS = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
		   ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
};

// The keys of the conversation; none are needed on this machine.
//   return  0; a negative errno, with a line in error
static int connection_set_keys(struct connection *connection, const struct weirctl_target *target, char *error) {
	struct key own = {.name = ""}, controller = {.name = ""};
	if (target->key == NULL && target->controller_key == NULL && endpoint_is_local(target->endpoint))
		return 0;
	if (target->key == NULL || target->controller_key == NULL) {
		snprintf(error, WEIRCTL_ERROR_SIZE, "controller %.200s: %s: expected both --key and --controller-key",
			target->endpoint,
			endpoint_is_local(target->endpoint) ? "one of two keys" : "beyond loopback keys are required");
		return -EACCES;
	}
	int err = key_file_read_secret(target->key, &own, error);
	if (err == 0)
		err = key_file_read_public(target->controller_key, &controller, error);
	if (err == 0 &&
		(zmq_setsockopt(connection->socket, ZMQ_CURVE_SERVERKEY, controller.public, KEY_TEXT_SIZE) != 0 ||
			zmq_setsockopt(connection->socket, ZMQ_CURVE_PUBLICKEY, own.public, KEY_TEXT_SIZE) != 0 ||
			zmq_setsockopt(connection->socket, ZMQ_CURVE_SECRETKEY, own.secret, KEY_TEXT_SIZE) != 0)) {
		err = -zmq_errno();
		snprintf(error, WEIRCTL_ERROR_SIZE, "keys: %s", zmq_strerror(-err));
	}
	explicit_bzero(&own, sizeof(own));
	connection->has_keys = true;
	return err;
}

static int connection_open(struct connection *connection, const struct weirctl_target *target, char *error) {
	static const char events_at[] = "inproc://events";
	const int events = ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECT_RETRIED | REFUSALS;
	int linger_ms = 0, ipv6 = 1;
	int64_t size_max = 64 * MESSAGE_SIZE_MAX;
	connection->context = zmq_ctx_new();
	if (connection->context == NULL)
		return -zmq_errno();
	connection->socket = zmq_socket(connection->context, ZMQ_DEALER);
	connection->monitor = zmq_socket(connection->context, ZMQ_PAIR);
	if (connection->socket == NULL || connection->monitor == NULL)
		return -zmq_errno();
	int err = connection_set_keys(connection, target, error);
	if (err != 0)
		return err;
	if (zmq_setsockopt(connection->socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)) != 0 ||
		zmq_setsockopt(connection->socket, ZMQ_IPV6, &ipv6, sizeof(ipv6)) != 0 ||
		zmq_setsockopt(connection->socket, ZMQ_MAXMSGSIZE, &size_max, sizeof(size_max)) != 0 ||
		zmq_socket_monitor(connection->socket, events_at, events) != 0 ||
		zmq_connect(connection->monitor, events_at) != 0 ||
		zmq_connect(connection->socket, target->endpoint) != 0)
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

// Why there is no connection, by what the monitor tells.
static int connection_refusal(const struct connection *connection) {
	zmq_msg_t event;
	uint16_t number = 0;
	zmq_msg_init(&event);
	if (zmq_msg_recv(&event, connection->monitor, ZMQ_DONTWAIT) >= (int)sizeof(number))
		memcpy(&number, zmq_msg_data(&event), sizeof(number));
	zmq_msg_close(&event);
	return number & REFUSALS ? -EACCES : -ECONNREFUSED;
}

//   return  a message that arrived, or NULL; *err: -ECONNREFUSED, -EACCES: refused by its keys, -ETIMEDOUT, -EPROTO:
//           not from a controller
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
		if (items[1].revents != 0) {
			*err = connection_refusal(connection);
			return NULL;
		}
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

// Why nobody answered.
static void failure_describe(
	const struct connection *connection, const struct weirctl_target *target, int err, char *error) {
	if (err == -ETIMEDOUT)
		snprintf(error, WEIRCTL_ERROR_SIZE, "no controller at %.200s: no answer within %g s", target->endpoint,
			target->timeout_ms / 1e3);
	else if (err == -EACCES)
		snprintf(error, WEIRCTL_ERROR_SIZE, "no controller at %.200s: %s", target->endpoint,
			connection->has_keys ? "it does not allow this key, or its own is another"
					     : "it does not answer without keys, or is none");
	else
		snprintf(error, WEIRCTL_ERROR_SIZE, "no controller at %.200s: %s", target->endpoint, strerror(-err));
}

int weirctl_request(const struct weirctl_target *target, const Weir__Request *request, json_t **out, char *error) {
	struct connection connection = {0};
	Weir__Message *message = NULL;
	*out = NULL;
	error[0] = '\0';
	int result = WEIRCTL_NO_CONTROLLER;
	int err = endpoint_is_valid(target->endpoint) ? connection_open(&connection, target, error) : -EINVAL;
	if (err != 0 && error[0] != '\0') { // a key
		result = WEIRCTL_USAGE;
		goto out;
	}
	if (err == 0)
		err = connection_send(&connection, request);
	if (err == -EINVAL || err == -EPROTONOSUPPORT) {
		snprintf(error, WEIRCTL_ERROR_SIZE,
			"controller \"%.200s\": expected tcp://HOST:PORT (1..65534) or ipc://PATH", target->endpoint);
		result = WEIRCTL_USAGE;
		goto out;
	}
	if (err == 0)
		message = connection_receive(&connection, target->timeout_ms, &err);
	if (err != 0)
		failure_describe(&connection, target, err, error);
	else
		result = answer_take(message, out, error);
out:
	if (message != NULL)
		weir__message__free_unpacked(message, NULL);
	connection_close(&connection);
	return result;
}
