// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Nodes as the configuration lists them: a name, and the address that the others reach it by.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/stream_address.h"
#include "dataplane/switch/link.h"
#include "dataplane/text.h"

static int fail(char *error, const char *text, const char *message) {
	error[0] = '\0';
	text_append_quoted(error, LINK_ERROR_MAX, text);
	text_append(error, LINK_ERROR_MAX, ": %s", message);
	return -EINVAL;
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
	if (!text_is_node_name(node->name) || stream_address_parse(node->address, &address, &size) < 0)
		return fail(error, text, form);
	return 0;
}

int link_node_check(const struct link_node *node, bool has_keys, char *error) {
	struct sockaddr_storage address;
	socklen_t size;
	if (has_keys ||
		(stream_address_parse(node->address, &address, &size) == 0 && stream_address_is_loopback(&address)))
		return 0;
	fail(error, node->address,
		"others could read along and send; expected key and allowed_nodes as well, or "
		"an address of loopback");
	return -EACCES;
}
