// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/uplink_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

enum { MESSAGE_MAX_BYTES = 1 << 20 };

// What is set on each socket. The rest of ZeroMQ's defaults suit us.
static const struct {
	int option;
	int value;
} socket_options[] = {
	{ZMQ_IMMEDIATE, 1}, // nothing queues for a controller that isn't there: the uplink's own queue is bounded
	{ZMQ_SNDHWM, 128},  // above the uplink's window, so that only a peer that does not read blocks us
	{ZMQ_RCVHWM, 256},  // a controller that floods a node fills this much memory
	{ZMQ_MAXMSGSIZE, MESSAGE_MAX_BYTES}, // and no message may be greater
	{ZMQ_RECONNECT_IVL, 100},            // ms: found again within a beat or two when it comes back …
	{ZMQ_RECONNECT_IVL_MAX, 1000},       // … without many nodes knocking ten times a second meanwhile
	{ZMQ_CONNECT_TIMEOUT, 2000}, // ms: a host that swallows SYNs is tried anew; the kernel would take minutes
	{ZMQ_HANDSHAKE_IVL, 2000},   // ms: the same for one that accepts and says nothing
	{ZMQ_TCP_KEEPALIVE, 1},      // the summary socket may be silent for long; without it a NAT or firewall …
	{ZMQ_TCP_KEEPALIVE_IDLE, 5}, // … forgets the connection, and a peer that lost power is never noticed
	{ZMQ_TCP_KEEPALIVE_INTVL, 1}, {ZMQ_TCP_KEEPALIVE_CNT, 3}, {ZMQ_IPV6, 1},
	{ZMQ_LINGER, 0}, // a dropped socket takes its messages along: whatever matters is sent again on the next one
};

// The decimal port at the end of tcp://HOST:PORT.
//   return  1..65535, or 0 where there is none
static unsigned endpoint_port(const char *endpoint) {
	const char *colon = strrchr(endpoint, ':');
	char *end;

	if (colon[1] < '0' || colon[1] > '9')
		return 0;
	unsigned long port = strtoul(colon + 1, &end, 10);
	return *end == 0 && end - colon <= 6 && port <= UINT16_MAX ? (unsigned)port : 0;
}

int uplink_endpoint_check(const char *command) {
	char summaries[UPLINK_ENDPOINT_MAX];

	return uplink_endpoint_summaries(command, 0, summaries);
}

int uplink_endpoint_summaries(const char *command, uint32_t port, char *out) {
	size_t length = strlen(command);
	int written = -1;

	if (strncmp(command, "ipc://", 6) == 0 && length > 6) {
		written = snprintf(out, UPLINK_ENDPOINT_MAX, "%s-summaries", command);
	} else if (strncmp(command, "tcp://", 6) == 0) {
		size_t host_end = (size_t)(strrchr(command, ':') - command);
		unsigned command_port = endpoint_port(command);
		if (host_end <= 6 || command_port == 0 || command_port == UINT16_MAX || port > UINT16_MAX)
			return -EINVAL;
		if (port == 0)
			port = command_port + 1;
		written = snprintf(out, UPLINK_ENDPOINT_MAX, "%.*s:%u", (int)host_end, command, port);
	}
	return written > 0 && written < UPLINK_ENDPOINT_MAX ? 0 : -EINVAL;
}

static int set_keys(void *socket, const struct uplink_keys *keys) {
	if (keys->own.secret[0] == '\0')
		return 0;
	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, keys->controller, KEY_TEXT_SIZE) < 0 ||
		zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->own.public, KEY_TEXT_SIZE) < 0 ||
		zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->own.secret, KEY_TEXT_SIZE) < 0)
		return -1;
	return 0;
}

int uplink_socket_open(void *zmq, const char *endpoint, const struct uplink_keys *keys, void **out) {
	void *socket = zmq_socket(zmq, ZMQ_DEALER);

	if (socket == NULL)
		return -errno;
	for (unsigned i = 0; i < sizeof(socket_options) / sizeof(socket_options[0]); i++) {
		int64_t wide = socket_options[i].value;
		bool is_wide = socket_options[i].option == ZMQ_MAXMSGSIZE;
		const void *value = is_wide ? (const void *)&wide : &socket_options[i].value;
		if (zmq_setsockopt(socket, socket_options[i].option, value, is_wide ? sizeof(wide) : sizeof(int)) < 0)
			goto err;
	}
	if (set_keys(socket, keys) < 0 || zmq_connect(socket, endpoint) < 0)
		goto err;
	*out = socket;
	return 0;
err:;
	int error = errno;
	zmq_close(socket);
	return -error;
}

void uplink_socket_close(void *socket, int linger_ms) {
	if (socket == NULL)
		return;
	zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms));
	zmq_close(socket);
}

int uplink_socket_send_packed(void *socket, const uint8_t *packed, size_t size) {
	return zmq_send(socket, packed, size, ZMQ_DONTWAIT) < 0 ? -errno : 0;
}

int uplink_socket_send(void *socket, const Weir__Message *message) {
	size_t size = weir__message__get_packed_size(message);
	zmq_msg_t frame;

	if (zmq_msg_init_size(&frame, size) < 0)
		return -errno;
	weir__message__pack(message, zmq_msg_data(&frame));
	if (zmq_msg_send(&frame, socket, ZMQ_DONTWAIT) >= 0)
		return 0;
	int error = errno;
	zmq_msg_close(&frame);
	return -error;
}

// Throw away the rest of a message of several frames. They arrive together, so there is nothing to wait for.
static void skip_further_frames(void *socket, zmq_msg_t *frame) {
	while (zmq_msg_more(frame) && zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0)
		;
}

int uplink_socket_receive(void *socket, Weir__Message **out) {
	zmq_msg_t frame;

	zmq_msg_init(&frame);
	if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
		int error = errno;
		zmq_msg_close(&frame);
		return -error;
	}
	*out = NULL;
	if (!zmq_msg_more(&frame))
		*out = weir__message__unpack(NULL, zmq_msg_size(&frame), zmq_msg_data(&frame));
	else
		skip_further_frames(socket, &frame);
	zmq_msg_close(&frame);
	if (*out == NULL)
		return -EBADMSG;
	if ((*out)->version == 1 && (*out)->body_case != WEIR__MESSAGE__BODY__NOT_SET)
		return 0;
	weir__message__free_unpacked(*out, NULL);
	*out = NULL;
	return -EBADMSG;
}
