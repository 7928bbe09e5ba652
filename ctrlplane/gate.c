// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/gate.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ctrlplane/log.h"
#include "ctrlplane/text.h"

enum {
	GATE_BURST = 256, // questions, and events of each socket, before others get their turn
	ZAP_FRAMES = 7,   // version, request, domain, address, identity, mechanism, key
	ZAP_FRAME_SIZE = 256,
	ADDRESS_SIZE = 80,
	EVENT_SIZE = 6, // uint16_t event, uint32_t value
	FAILURES = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
	EVENTS = FAILURES | ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED,
};

struct zap_frame {
	size_t size;
	char bytes[ZAP_FRAME_SIZE];
};

int gate_init(struct gate *gate, void *context, struct access *access) {
	*gate = (struct gate){.access = access, .context = context};
	if (!access->is_guarded)
		return 0;
	if (!zmq_has("curve"))
		return -ENOTSUP;
	gate->zap = zmq_socket(context, ZMQ_REP);
	if (gate->zap == NULL || zmq_bind(gate->zap, "inproc://zeromq.zap.01") != 0)
		return -zmq_errno();
	return 0;
}

void gate_fini(struct gate *gate) {
	for (size_t i = 0; i < gate->length; i++)
		zmq_close(gate->monitors[i]);
	if (gate->zap != NULL)
		zmq_close(gate->zap);
	*gate = (struct gate){.length = 0};
}

int gate_guard(struct gate *gate, void *socket) {
	char events_at[40];
	int is_server = 1;
	if (gate->zap != NULL &&
		(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &is_server, sizeof(is_server)) != 0 ||
			zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, gate->access->own.secret, KEY_TEXT_SIZE) != 0 ||
			zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "weir", strlen("weir")) != 0))
		return -zmq_errno();
	snprintf(events_at, sizeof(events_at), "inproc://handshakes-%zu", gate->length);
	void *monitor = zmq_socket(gate->context, ZMQ_PAIR);
	if (monitor == NULL)
		return -zmq_errno();
	gate->monitors[gate->length++] = monitor;
	if (zmq_socket_monitor(socket, events_at, EVENTS) != 0 || zmq_connect(monitor, events_at) != 0)
		return -zmq_errno();
	return 0;
}

// To close a listener takes the connections that it made with it. One that gets no packets makes none.
void gate_shut(struct gate *gate) {
	struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
	const struct sock_fprog program = {.len = 1, .filter = &nothing};
	for (size_t i = 0; i < gate->listeners_length; i++)
		if (setsockopt(gate->listeners[i], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0)
			log_line("listener %zu: %s", i, strerror(errno));
}

void gate_leave(void *socket) {
	zmq_socket_monitor(socket, NULL, 0);
}

int gate_poll_items(const struct gate *gate, zmq_pollitem_t *items) {
	int length = 0;
	if (gate->zap != NULL)
		items[length++] = (zmq_pollitem_t){.socket = gate->zap, .events = ZMQ_POLLIN};
	for (size_t i = 0; i < gate->length; i++)
		items[length++] = (zmq_pollitem_t){.socket = gate->monitors[i], .events = ZMQ_POLLIN};
	return length;
}

// Receive all frames of a message; those past `max`, and what is too long of one, are left out.
//   return  how many there were; 0: nothing is waiting
static size_t receive_frames(void *socket, struct zap_frame *frames, size_t max) {
	size_t count = 0;
	bool has_more = true;
	while (has_more) {
		zmq_msg_t frame;
		zmq_msg_init(&frame);
		if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0)
			return 0;
		has_more = zmq_msg_more(&frame);
		if (count < max) {
			size_t size = zmq_msg_size(&frame);
			frames[count].size = size < ZAP_FRAME_SIZE ? size : ZAP_FRAME_SIZE - 1;
			memcpy(frames[count].bytes, zmq_msg_data(&frame), frames[count].size);
			frames[count].bytes[frames[count].size] = '\0';
		}
		count++;
		zmq_msg_close(&frame);
	}
	return count;
}

// The answer names the key as user, so that each message is held against the list as it is then.
static void zap_answer(struct gate *gate, const struct zap_frame *request, const char *public) {
	const char *words[] = {"1.0", NULL, public != NULL ? "200" : "400", public != NULL ? "OK" : "not allowed",
		public != NULL ? public : "", ""};
	const size_t length = sizeof(words) / sizeof(*words);
	for (size_t i = 0; i < length; i++) {
		const void *data = words[i] != NULL ? words[i] : request->bytes;
		size_t size = words[i] != NULL ? strlen(words[i]) : request->size;
		if (zmq_send(gate->zap, data, size, ZMQ_DONTWAIT | (i + 1 < length ? ZMQ_SNDMORE : 0)) < 0)
			return; // the connection that asked is gone
	}
}

//   return  false: no question is waiting
static bool zap_work(struct gate *gate) {
	struct zap_frame frames[ZAP_FRAMES];
	size_t count = receive_frames(gate->zap, frames, ZAP_FRAMES);
	if (count == 0)
		return false;
	char public[KEY_TEXT_SIZE] = "", who[ADDRESS_SIZE + KEY_TEXT_SIZE + 8];
	bool is_curve = count == ZAP_FRAMES && strcmp(frames[5].bytes, "CURVE") == 0 && frames[6].size == 32;
	if (is_curve)
		zmq_z85_encode(public, (const uint8_t *)frames[6].bytes, 32);
	bool is_allowed = is_curve && access_lookup(gate->access, public) != NULL;
	if (!is_allowed) {
		snprintf(who, sizeof(who), "%.*s, key %s", ADDRESS_SIZE - 1, count > 3 ? frames[3].bytes : "", public);
		text_clean(who);
		access_refuse(gate->access, ACCESS_UNKNOWN_KEY, who);
	}
	zap_answer(gate, &frames[1], is_allowed ? public : NULL);
	return true;
}

static enum access_refusal failure_reason(uint16_t event, uint32_t value) {
	if (event != ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
		return ACCESS_BAD_HANDSHAKE;
	switch (value) {
	case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
		return ACCESS_NOT_ENCRYPTED;
	case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
	case ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE:
		return ACCESS_OTHER_CONTROLLER;
	default:
		return ACCESS_BAD_HANDSHAKE;
	}
}

//   return  false: no event is waiting
static bool monitor_work(struct gate *gate, void *monitor) {
	struct zap_frame frames[2];
	size_t count = receive_frames(monitor, frames, 2);
	uint16_t event;
	uint32_t value;
	if (count == 0)
		return false;
	if (count != 2 || frames[0].size != EVENT_SIZE)
		return true;
	memcpy(&event, frames[0].bytes, sizeof(event));
	memcpy(&value, frames[0].bytes + sizeof(event), sizeof(value));
	if (event == ZMQ_EVENT_LISTENING && gate->listeners_length < GATE_SOCKETS_MAX)
		gate->listeners[gate->listeners_length++] = (int)value;
	gate->access->accepted += event == ZMQ_EVENT_ACCEPTED;
	gate->access->ended += event == ZMQ_EVENT_DISCONNECTED;
	if (event & FAILURES)
		access_refuse(gate->access, failure_reason(event, value), "a connection");
	return true;
}

void gate_work(struct gate *gate) {
	for (int i = 0; gate->zap != NULL && i < GATE_BURST && zap_work(gate); i++)
		;
	for (size_t m = 0; m < gate->length; m++)
		for (int i = 0; i < GATE_BURST && monitor_work(gate, gate->monitors[m]); i++)
			;
}
