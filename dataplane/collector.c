// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/collector.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

enum {
	WAIT_MS = 50,
	CONNECT_S = 5,         // an attempt
	RETRY_S = 1,           // between attempts
	SILENCE_MS = 10000,    // a peer that acknowledges nothing for so long is gone
	SEND_BUFFER = 4 << 20, // a burst of datagrams waits here rather than nowhere
};

static const char default_port[] = "4739";
const char *const collector_transport_names[] = {"udp", "tcp", NULL};

static uint64_t now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

int collector_init(struct collector *collector, const char *endpoint, enum collector_transport transport, char *error) {
	*collector = (struct collector){.transport = transport, .fd = -1};
	bool is_bracketed = endpoint[0] == '[';
	const char *host = endpoint + is_bracketed;
	const char *end = is_bracketed ? strchr(host, ']') : strchr(host, ':');
	if (!is_bracketed && end != NULL && strchr(end + 1, ':') != NULL)
		end = NULL; // an IPv6 address alone
	size_t size = end != NULL ? (size_t)(end - host) : strlen(host);
	const char *rest = end != NULL ? end + is_bracketed : "";
	const char *port = *rest == ':' ? rest + 1 : default_port;
	char *port_end;
	unsigned long number = strtoul(port, &port_end, 10);
	bool is_whole = !is_bracketed || end != NULL;
	if (!is_whole || size == 0 || size >= sizeof(collector->host) || (*rest != '\0' && *rest != ':') ||
		*port_end != '\0' || number == 0 || number > UINT16_MAX) {
		snprintf(error, COLLECTOR_ERROR_MAX,
			"\"%.128s\": expected HOST, HOST:PORT or [IPV6]:PORT (port 1..65535)", endpoint);
		return -EINVAL;
	}
	snprintf(collector->host, sizeof(collector->host), "%.*s", (int)size, host);
	snprintf(collector->port, sizeof(collector->port), "%lu", number);
	return 0;
}

void collector_close(struct collector *collector) {
	if (collector->fd >= 0)
		close(collector->fd);
	collector->fd = -1;
	collector->connected = false;
	collector->written = 0;
}

static int set_options(int fd, enum collector_transport transport) {
	int on = 1, silence_ms = SILENCE_MS, size = SEND_BUFFER;
	int rc = 0;
	if (transport == COLLECTOR_TCP) {
		rc |= setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		rc |= setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
		rc |= setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	} else {
		rc |= setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	return rc == 0 ? 0 : -errno;
}

// Begin an attempt at one address.
static int begin(struct collector *collector, const struct addrinfo *address) {
	int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
	if (fd < 0)
		return -errno;
	int rc = set_options(fd, collector->transport);
	if (rc == 0 && connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)
		rc = -errno;
	if (rc == 0)
		collector->fd = fd;
	else
		close(fd);
	return rc;
}

// Of a circle.
static const struct addrinfo *nth(const struct addrinfo *addresses, unsigned n) {
	const struct addrinfo *address = addresses;
	for (; n > 0; n--)
		address = address->ai_next != NULL ? address->ai_next : addresses;
	return address;
}

// Begin an attempt at the first address of the host that takes one. Attempts that failed later on moved the first one
// forward: each of the addresses has its turn.
static int begin_any(struct collector *collector) {
	struct addrinfo *addresses,
		hints = {
			.ai_socktype = collector->transport == COLLECTOR_TCP ? SOCK_STREAM : SOCK_DGRAM,
			.ai_flags = AI_NUMERICSERV,
		};
	int rc = getaddrinfo(collector->host, collector->port, &hints, &addresses);
	if (rc != 0)
		return rc == EAI_SYSTEM ? -errno : -EHOSTUNREACH;
	rc = -EHOSTUNREACH;
	unsigned tried = 0;
	for (const struct addrinfo *each = addresses; each != NULL && rc != 0; each = each->ai_next)
		rc = begin(collector, nth(addresses, collector->failures + tried++));
	freeaddrinfo(addresses);
	return rc;
}

// Whether the attempt that was begun has come to its end.
//   return  0: connected; -EAGAIN: not yet; another negative errno: it failed
static int look(const struct collector *collector) {
	struct pollfd event = {.fd = collector->fd, .events = POLLOUT};
	if (poll(&event, 1, WAIT_MS) <= 0)
		return now() < collector->due_ns ? -EAGAIN : -ETIMEDOUT;
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(collector->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	return -error;
}

int collector_connect(struct collector *collector) {
	int rc = 0;
	if (collector->connected)
		return 0;
	if (collector->fd < 0) {
		if (now() < collector->due_ns)
			return -EAGAIN;
		rc = begin_any(collector);
		collector->due_ns = now() + CONNECT_S * SECOND_NS;
	}
	if (rc == 0)
		rc = look(collector);
	if (rc == 0) {
		collector->connected = true;
		return 1;
	}
	if (rc != -EAGAIN) {
		collector_close(collector);
		collector->failures++;
		collector->due_ns = now() + RETRY_S * SECOND_NS;
	}
	return rc;
}

// A collector never writes: what can be read is its end of the stream.
static bool is_closed_by_peer(const struct collector *collector) {
	char byte;
	return recv(collector->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

int collector_send(struct collector *collector, const void *message, size_t size) {
	bool is_stream = collector->transport == COLLECTOR_TCP;
	ssize_t n = -1;
	errno = EPIPE;
	if (!is_stream || collector->written > 0 || !is_closed_by_peer(collector))
		n = send(collector->fd, (const char *)message + collector->written, size - collector->written,
			MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
		poll(&(struct pollfd){.fd = collector->fd, .events = POLLOUT}, 1, WAIT_MS);
		return -EAGAIN;
	}
	if (n < 0) {
		int rc = -errno;
		if (is_stream)
			collector_close(collector);
		return rc;
	}
	collector->written += (size_t)n;
	if (is_stream && collector->written < size)
		return -EAGAIN;
	collector->written = 0;
	return 0;
}
