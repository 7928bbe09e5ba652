// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/redis_endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool redis_host_is_numeric(const char *host) {
	uint8_t address[16];
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static int copy(char *out, size_t out_size, const char *text, size_t size) {
	if (size == 0 || size >= out_size)
		return -EINVAL;
	memcpy(out, text, size);
	out[size] = '\0';
	return 0;
}

// ADDRESS:PORT; an IPv6 address may stand in brackets.
static int parse_address(const char *text, size_t size, struct redis_address *out) {
	char copied[REDIS_PATH_SIZE], *end;
	if (copy(copied, sizeof(copied), text, size) != 0)
		return -EINVAL;
	char *colon = strrchr(copied, ':'), *host = copied;
	if (colon == NULL)
		return -EINVAL;
	*colon = '\0';
	if (*host == '[' && colon > host + 1 && colon[-1] == ']') {
		host++;
		colon[-1] = '\0';
	}
	long port = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535 || !redis_host_is_numeric(host))
		return -EINVAL;
	out->port = (int)port;
	return copy(out->host, sizeof(out->host), host, strlen(host));
}

static int parse_addresses(const char *text, size_t size, struct redis_endpoint *out) {
	for (const char *end = text + size; text <= end; out->length++) {
		const char *comma = memchr(text, ',', (size_t)(end - text));
		size_t length = (size_t)((comma != NULL ? comma : end) - text);
		if (out->length == REDIS_SENTINELS_MAX || parse_address(text, length, &out->addresses[out->length]))
			return -EINVAL;
		text += length + 1;
	}
	return 0;
}

static int parse_rest(const char *rest, struct redis_endpoint *out) {
	const char *slash = strchr(rest, '/');
	switch (out->kind) {
	case REDIS_UNIX:
		return *rest == '/' ? copy(out->path, sizeof(out->path), rest, strlen(rest)) : -EINVAL;
	case REDIS_TCP:
		out->length = 1;
		return parse_address(rest, strlen(rest), &out->addresses[0]);
	case REDIS_SENTINEL:
		if (slash == NULL || copy(out->path, sizeof(out->path), slash + 1, strlen(slash + 1)) != 0)
			return -EINVAL;
		return parse_addresses(rest, (size_t)(slash - rest), out);
	default:
		return *rest == '\0' ? 0 : -EINVAL;
	}
}

int redis_endpoint_parse(const char *text, struct redis_endpoint *out, char error[REDIS_ERROR_SIZE]) {
	static const struct {
		const char *prefix;
		enum redis_endpoint_kind kind;
	} kinds[] = {
		{"none", REDIS_NONE}, {"unix://", REDIS_UNIX}, {"tcp://", REDIS_TCP}, {"sentinel://", REDIS_SENTINEL}};
	*out = (struct redis_endpoint){.kind = REDIS_NONE};
	const char *scheme = strstr(text, "://"), *begin = scheme != NULL ? scheme + 3 : "";
	const char *at = memchr(begin, '@', strcspn(begin, "/"));
	if (at != NULL && memchr(begin, ':', (size_t)(at - begin)) != NULL) {
		snprintf(error, REDIS_ERROR_SIZE,
			"a password has no place in an endpoint; expected USER@ alone, and redis_password_file");
		return -EINVAL;
	}
	int err = -EINVAL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t size = strlen(kinds[i].prefix);
		if (strncmp(text, kinds[i].prefix, size) != 0)
			continue;
		const char *rest = text + size;
		out->kind = kinds[i].kind;
		err = at == NULL ? 0 : copy(out->user, sizeof(out->user), rest, (size_t)(at - rest));
		if (err == 0)
			err = parse_rest(at != NULL ? at + 1 : rest, out);
	}
	if (err != 0)
		snprintf(error, REDIS_ERROR_SIZE,
			"\"%s\": expected unix:///PATH, tcp://ADDRESS:PORT, sentinel://ADDRESS:PORT,.../NAME or none",
			text);
	return err;
}

int redis_password_read(const char *path, char out[REDIS_PASSWORD_SIZE], char error[REDIS_ERROR_SIZE]) {
	struct stat status;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t size = -1;
	if (fd < 0 || fstat(fd, &status) != 0)
		err = -errno;
	else if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		err = -EPERM;
	else if ((size = read(fd, out, REDIS_PASSWORD_SIZE - 1)) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (size >= 0) {
		out[size] = '\0';
		out[strcspn(out, "\r\n")] = '\0';
		err = out[0] != '\0' && size < REDIS_PASSWORD_SIZE - 1 ? 0 : -EINVAL;
	}
	if (err == -EPERM)
		snprintf(error, REDIS_ERROR_SIZE, "%s",
			"expected a file that others can't read or write (mode 0600 or 0640)");
	else if (err == -EINVAL)
		snprintf(error, REDIS_ERROR_SIZE, "expected a password of 1 to %d bytes in its first line",
			REDIS_PASSWORD_SIZE - 2);
	else if (err != 0)
		snprintf(error, REDIS_ERROR_SIZE, "%s", strerror(-err));
	return err;
}
