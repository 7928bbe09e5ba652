// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Nodes as the configuration lists them: a name, and the address that the others reach it by.
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/switch/link.h"
#include "dataplane/text.h"

static int fail(char *error, const char *text, const char *message) {
	error[0] = '\0';
	text_append_quoted(error, LINK_ERROR_MAX, text);
	text_append(error, LINK_ERROR_MAX, ": %s", message);
	return -EINVAL;
}

static bool is_loopback(const struct sockaddr_storage *address) {
	if (address->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

// tcp://127.0.0.1:5580 or tcp://[::1]:5580.
static bool split(const char *text, char host[64], char port[8]) {
	if (strncmp(text, "tcp://", 6) != 0)
		return false;
	text += 6;
	const char *colon = strrchr(text, ':');
	size_t size = colon == NULL ? 0 : (size_t)(colon - text);
	bool is_v6 = size > 2 && text[0] == '[' && text[size - 1] == ']';
	if (size == 0 || size >= 64 || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
		return false;
	*(char *)mempcpy(host, text + is_v6, size - 2 * is_v6) = '\0';
	strcpy(port, colon + 1);
	return is_v6 || strchr(host, ':') == NULL;
}

int link_node_address(const struct link_node *node, struct sockaddr_storage *address, socklen_t *size) {
	char host[64], port[8];
	struct addrinfo *found = NULL;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	if (!split(node->address, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
		return -EINVAL;
	memcpy(address, found->ai_addr, found->ai_addrlen);
	*size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int link_node_parse(const char *text, struct link_node *node, char *error) {
	static const char form[] = "expected {NAME: tcp://ADDRESS:PORT, ...}, such as {a: tcp://127.0.0.1:5580}";
	struct sockaddr_storage address;
	socklen_t size;
	int used = 0;
	if (sscanf(text, "%63s %n", node->name, &used) != 1)
		return fail(error, text, form);
	const char *rest = text + used + (strncmp(text + used, "= ", 2) == 0 ? 2 : 0);
	if (strlen(rest) >= sizeof(node->address))
		return fail(error, text, form);
	strcpy(node->address, rest);
	if (!text_is_node_name(node->name) || link_node_address(node, &address, &size) < 0)
		return fail(error, text, form);
	if (!is_loopback(&address))
		return fail(error, text,
			"others could read along and send: links are not encrypted yet; expected an address of "
			"loopback");
	return 0;
}
