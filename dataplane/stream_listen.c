// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/stream_listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/stream_address.h"
#include "dataplane/text.h"

enum { BACKLOG = 64 };

static int fail(const char *text, char *error, int code, const char *message) {
	error[0] = '\0';
	text_append(error, STREAM_LISTEN_ERROR_MAX, "listen: ");
	text_append_quoted(error, STREAM_LISTEN_ERROR_MAX, text);
	text_append(error, STREAM_LISTEN_ERROR_MAX, ": %s", message);
	return code;
}

static int fail_form(const char *text, char *error) {
	return fail(text, error, -EINVAL, "expected tcp://ADDRESS:PORT, tcp://[ADDRESS]:PORT or unix:PATH");
}

static int open_bound(const char *text, const struct sockaddr *address, socklen_t size, char *error) {
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
	if (fd < 0)
		return fail(text, error, -errno, strerror(errno));
	if (address->sa_family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0)
		goto err;
	if (bind(fd, address, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
err:;
	int code = -errno;
	close(fd);
	return fail(text, error, code, strerror(-code));
}

static int listen_tcp(const char *text, bool is_public, char *error) {
	struct sockaddr_storage address;
	socklen_t size;
	if (stream_address_parse(text, &address, &size) != 0)
		return fail_form(text, error);
	if (!is_public && !stream_address_is_loopback(&address))
		return fail(text, error, -EINVAL,
			"others than this host could send; expected an address of loopback, or public: yes beside it");
	return open_bound(text, (const struct sockaddr *)&address, size, error);
}

// Whether the path is a socket that nobody listens on.
static bool is_left_behind(const struct sockaddr_un *address) {
	struct stat status;
	if (stat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool is_refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

static int listen_unix(const char *text, const char *path, char *error) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return fail_form(text, error);
	strcpy(address.sun_path, path);
	if (is_left_behind(&address))
		unlink(path);
	mode_t mask = umask(S_IRWXG | S_IRWXO);
	int ret = open_bound(text, (const struct sockaddr *)&address, sizeof(address), error);
	umask(mask);
	return ret;
}

int stream_listen(const char *text, bool is_public, char *error) {
	if (strncmp(text, "tcp://", 6) == 0)
		return listen_tcp(text, is_public, error);
	if (strncmp(text, "unix:", 5) == 0)
		return listen_unix(text, strncmp(text, "unix://", 7) == 0 ? text + 7 : text + 5, error);
	return fail_form(text, error);
}

unsigned stream_listen_port(int fd) {
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t size = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&address)->sin_port);
	return address.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&address)->sin6_port) : 0;
}
