// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool host_is_loopback(const char *host, size_t size) {
	static const char *const names[] = {"localhost", "[::1]"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (size == strlen(names[i]) && strncmp(host, names[i], size) == 0)
			return true;
	int octets[4], end = 0;
	if (sscanf(host, "%3d.%3d.%3d.%3d%n", &octets[0], &octets[1], &octets[2], &octets[3], &end) != 4)
		return false;
	return octets[0] == 127 && (size_t)end == size;
}

bool endpoint_is_valid(const char *endpoint) {
	if (strncmp(endpoint, "ipc://", 6) == 0)
		return endpoint[6] != '\0';
	if (strncmp(endpoint, "tcp://", 6) != 0)
		return false;
	const char *host = endpoint + 6, *colon = strrchr(host, ':');
	if (colon == NULL || colon == host || colon[1] < '0' || colon[1] > '9')
		return false;
	char *end;
	unsigned long port = strtoul(colon + 1, &end, 10);
	return *end == '\0' && port > 0 && port < 65535;
}

bool endpoint_is_local(const char *endpoint) {
	if (strncmp(endpoint, "tcp://", 6) != 0)
		return strncmp(endpoint, "ipc://", 6) == 0;
	const char *host = endpoint + 6, *colon = strrchr(host, ':');
	return colon != NULL && host_is_loopback(host, (size_t)(colon - host));
}
