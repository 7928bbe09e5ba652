// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/stream_address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

static bool split(const char *text, char host[64], char port[8]) {
	static const char scheme[] = "tcp://";
	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return false;
	text += strlen(scheme);
	const char *colon = strrchr(text, ':');
	size_t size = colon == NULL ? 0 : (size_t)(colon - text);
	bool is_v6 = size > 2 && text[0] == '[' && text[size - 1] == ']';
	if (size == 0 || size >= 64 || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
		return false;
	*(char *)mempcpy(host, text + is_v6, size - 2 * is_v6) = '\0';
	strcpy(port, colon + 1);
	return is_v6 || strchr(host, ':') == NULL;
}

int stream_address_parse(const char *text, struct sockaddr_storage *address, socklen_t *size) {
	char host[64], port[8];
	struct addrinfo *found = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	if (!split(text, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
		return -EINVAL;
	memcpy(address, found->ai_addr, found->ai_addrlen);
	*size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

bool stream_address_is_loopback(const struct sockaddr_storage *address) {
	if (address->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}
