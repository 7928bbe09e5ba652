// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 511 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

//   return  size of the address, 0: it is none
static socklen_t parse(const char *text, union address *out) {
	char host[LISTEN_TEXT_SIZE];
	const char *colon = strrchr(text, ':');
	memset(out, 0, sizeof(*out));
	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return 0;
	char *end;
	long port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port < 0 || port > UINT16_MAX)
		return 0;
	size_t length = (size_t)(colon - text);
	bool is_v6 = length > 2 && text[0] == '[' && text[length - 1] == ']';
	snprintf(host, sizeof(host), "%.*s", (int)(length - (is_v6 ? 2 : 0)), text + is_v6);
	if (is_v6) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1 ? sizeof(out->v6) : 0;
	}
	out->v4.sin_family = AF_INET;
	out->v4.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 ? sizeof(out->v4) : 0;
}

static bool address_is_loopback(const union address *address) {
	if (address->any.sa_family == AF_INET)
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static void format(const union address *address, char *out) {
	char host[INET6_ADDRSTRLEN] = "";
	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(out, LISTEN_TEXT_SIZE, "%s:%u", host, ntohs(address->v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
		snprintf(out, LISTEN_TEXT_SIZE, "[%s]:%u", host, ntohs(address->v6.sin6_port));
	}
}

int listen_open(const char *text, bool *is_loopback, char *bound, char *error) {
	union address address;
	int yes = 1;
	socklen_t size = parse(text, &address);
	if (size == 0) {
		snprintf(error, LISTEN_ERROR_SIZE,
			"\"%.80s\": expected ADDRESS:PORT or [ADDRESS]:PORT with a numeric address", text);
		return -EINVAL;
	}
	*is_loopback = address_is_loopback(&address);
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
		bind(fd, &address.any, size) != 0 || listen(fd, BACKLOG) != 0 ||
		getsockname(fd, &address.any, &size) != 0) {
		int err = -errno;
		snprintf(error, LISTEN_ERROR_SIZE, "%.80s: %s", text, strerror(errno));
		if (fd >= 0)
			close(fd);
		return err;
	}
	format(&address, bound);
	return fd;
}

// The name of a Host header without its port and brackets.
//   return  false: it is none
static bool host_name(const char *host, char *out, size_t size) {
	bool is_bracketed = host[0] == '[';
	const char *start = host + is_bracketed;
	size_t length = strcspn(start, is_bracketed ? "]" : ":");
	if (length == 0 || length >= size || (is_bracketed && start[length] != ']'))
		return false;
	const char *rest = start + length + is_bracketed;
	if (rest[0] != '\0' && rest[0] != ':')
		return false;
	memcpy(out, start, length);
	out[length] = '\0';
	return true;
}

static bool is_loopback_name(const char *name) {
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, name, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	if (inet_pton(AF_INET6, name, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(name, "localhost") == 0;
}

bool listen_serves_host(const char *host, bool is_loopback, const char *const *names, size_t length) {
	char name[256];
	if (host == NULL || !host_name(host, name, sizeof(name)))
		return false;
	for (size_t i = 0; i < length; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return is_loopback && is_loopback_name(name);
}
