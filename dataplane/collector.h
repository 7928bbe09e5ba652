// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A connection to a collector, by UDP or TCP: whole messages go out, and nothing comes back. It connects again by
// itself, waits at most 50 ms in any call, and knows how much of a message is out when a stream stalls.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum collector_transport { COLLECTOR_UDP, COLLECTOR_TCP };
extern const char *const collector_transport_names[];

enum { COLLECTOR_ERROR_MAX = 256 };

struct collector {
	enum collector_transport transport;
	char host[256], port[16];
	int fd; // -1: none
	bool connected;
	uint64_t due_ns;   // not connected: when to try again, or to give the attempt up; of the monotonic clock
	size_t written;    // of the message that is being sent
	unsigned failures; // attempts that came to nothing: the next begins with another address of the host
};

// Take an endpoint apart: HOST, HOST:PORT, [IPV6]:PORT.
//   error   [COLLECTOR_ERROR_MAX] filled on failure with what was given and what is allowed
//   return  0 or -EINVAL
int collector_init(struct collector *collector, const char *endpoint, enum collector_transport transport, char *error);
void collector_close(struct collector *collector);

// Get on with connecting, if it is time to.
//   return  1: a new connection has just been made; 0: it stands; -EAGAIN: not yet; another negative errno: an attempt
//           failed, and the next is a second away
int collector_connect(struct collector *collector);

// Send the rest of a message; by UDP a message is one datagram.
//   return  0: all of it is with the kernel; -EAGAIN: call again with the same message; another negative errno: by TCP
//           the connection is lost, and with it what it had of this message; by UDP this datagram is
int collector_send(struct collector *collector, const void *message, size_t size);
