// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The gate of both sockets: answers ZeroMQ's question whether a key is allowed (ZAP, RFC 27: inproc://zeromq.zap.01),
// and listens to what the sockets tell of connections, and of handshakes that failed. Nothing here waits.
#pragma once

#include <stddef.h>
#include <zmq.h>

#include "ctrlplane/access.h"

enum {
	GATE_SOCKETS_MAX = 2,
	GATE_ITEMS = GATE_SOCKETS_MAX + 1,
};

struct gate {
	struct access *access;
	void *context;
	void *zap;                        // REP; NULL: no keys are demanded
	void *monitors[GATE_SOCKETS_MAX]; // PAIR
	size_t length;
	int listeners[GATE_SOCKETS_MAX]; // [listeners_length], descriptors of ZeroMQ's
	size_t listeners_length;
};

// Call before any socket of this context is bound.
//   return  0 or a negative errno
int gate_init(struct gate *gate, void *context, struct access *access);
void gate_fini(struct gate *gate);

// Have a socket, which is not bound yet, ask for keys where they are demanded, and tell of failures.
//   return  0 or a negative errno; -ENOTSUP: this libzmq has no CURVE
int gate_guard(struct gate *gate, void *socket);
// Call before a guarded socket is closed: ZeroMQ loses the memory of an event that finds no reader any more.
void gate_leave(void *socket);

// Let nobody connect over TCP any more; who is connected stays. Call once.
void gate_shut(struct gate *gate);

//   items   [GATE_ITEMS], filled
//   return  how many
int gate_poll_items(const struct gate *gate, zmq_pollitem_t *items);

// Handle what has arrived, up to a bound.
void gate_work(struct gate *gate);
