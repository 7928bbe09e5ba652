// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The two sockets of collect.h: where they listen, who may connect, how much may wait.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "api/clock.h"
#include "api/endpoint.h"
#include "ctrlplane/collect.h"
#include "ctrlplane/message.h"

enum {
	COLLECT_QUEUE = 64,     // messages of one node that wait here; a node has as many under way
	COLLECT_LEAVE_MS = 500, // at the end, at most,
	COLLECT_QUIET_MS = 20,  // until this long nobody has come or gone
};

int collect_summary_endpoint(const char *commands, char *out, size_t size) {
	int written = -1;
	if (strncmp(commands, "ipc://", 6) == 0 && commands[6] != '\0') {
		written = snprintf(out, size, "%s-summaries", commands);
	} else if (strncmp(commands, "tcp://", 6) == 0) {
		const char *host = commands + 6, *colon = strrchr(host, ':');
		if (colon == NULL || colon == host)
			return -EINVAL;
		char *end;
		unsigned long port = strtoul(colon + 1, &end, 10);
		if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port == 0 || port > 65534)
			return -EINVAL;
		written = snprintf(out, size, "%.*s:%lu", (int)(colon - commands), commands, port + 1);
	}
	return written > 0 && (size_t)written < size ? 0 : -EINVAL;
}

// ZeroMQ takes the path of an ipc endpoint away from whoever listens there, and removes a file: look first.
static bool ipc_is_in_use(const char *endpoint) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	if (strncmp(endpoint, "ipc://", 6) != 0 || strlen(endpoint + 6) >= sizeof(address.sun_path))
		return false;
	strcpy(address.sun_path, endpoint + 6);
	if (lstat(address.sun_path, &status) == 0 && !S_ISSOCK(status.st_mode))
		return true;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_in_use = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return is_in_use;
}

static int collect_bind(struct collect *collect, const char *endpoint, void **out, char *error) {
	int linger_ms = 0, mandatory = 1, handshake_ms = 2000, queue = COLLECT_QUEUE;
	int64_t size_max = MESSAGE_SIZE_READ_MAX;
	void *socket = zmq_socket(collect->context, ZMQ_ROUTER);
	if (socket == NULL)
		return -zmq_errno();
	*out = socket;
	// A mandatory ROUTER tells when a peer is gone.
	bool is_set = zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof(linger_ms)) == 0 &&
		      zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &mandatory, sizeof(mandatory)) == 0 &&
		      zmq_setsockopt(socket, ZMQ_HANDSHAKE_IVL, &handshake_ms, sizeof(handshake_ms)) == 0 &&
		      zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof(queue)) == 0 &&
		      zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof(size_max)) == 0;
	if (is_set && strchr(endpoint, '[') != NULL)
		is_set = zmq_setsockopt(socket, ZMQ_IPV6, &mandatory, sizeof(mandatory)) == 0;
	int err = gate_guard(&collect->gate, socket);
	if (err != 0) {
		snprintf(error, KEY_FILE_ERROR_SIZE, "key: %s", zmq_strerror(-err));
		return err;
	}
	bool is_in_use = ipc_is_in_use(endpoint);
	if (is_set && !is_in_use && zmq_bind(socket, endpoint) == 0)
		return 0;
	err = is_in_use ? -EADDRINUSE : -zmq_errno();
	snprintf(error, KEY_FILE_ERROR_SIZE, "listen: \"%s\": %s", endpoint,
		err == -ENODEV ? "expected an address of this machine, as a number" : zmq_strerror(-err));
	return err;
}

// Beyond this machine nobody talks to anybody without keys.
static int collect_check_endpoint(struct collect *collect, const char *listen, char *error) {
	int err = collect_summary_endpoint(listen, collect->summaries_at, sizeof(collect->summaries_at));
	if (err != 0) {
		snprintf(error, KEY_FILE_ERROR_SIZE,
			"listen: \"%.90s\": expected tcp://127.0.0.1:PORT, tcp://ADDRESS:PORT (1..65534) or ipc://PATH",
			listen);
		return err;
	}
	if (endpoint_is_local(listen) || collect->state->access.is_guarded)
		return 0;
	snprintf(error, KEY_FILE_ERROR_SIZE,
		"listen: \"%.90s\": beyond loopback keys are required: set key, allowed_nodes and allowed_users in the "
		"configuration (weirctl keygen makes keys), or expected tcp://127.0.0.1:PORT or ipc://PATH",
		listen);
	return -EACCES;
}

int collect_init(struct collect *collect, struct state *state, char *error) {
	*collect = (struct collect){.state = state};
	const char *listen = state->config.listen;
	int err = collect_check_endpoint(collect, listen, error);
	if (err != 0)
		return err;
	snprintf(collect->commands_at, sizeof(collect->commands_at), "%s", listen);
	collect->context = zmq_ctx_new();
	err = collect->context == NULL ? -zmq_errno() : gate_init(&collect->gate, collect->context, &state->access);
	if (err != 0) {
		snprintf(error, KEY_FILE_ERROR_SIZE, "keys: %s", zmq_strerror(-err));
		return err;
	}
	err = collect_bind(collect, collect->commands_at, &collect->commands, error);
	if (err == 0)
		err = collect_bind(collect, collect->summaries_at, &collect->summaries, error);
	return err;
}

int collect_poll_items(const struct collect *collect, zmq_pollitem_t *items) {
	items[0] = (zmq_pollitem_t){.socket = collect->commands, .events = ZMQ_POLLIN};
	items[1] = (zmq_pollitem_t){.socket = collect->summaries, .events = ZMQ_POLLIN};
	return 2 + gate_poll_items(&collect->gate, items + 2);
}

static void close_guarded(void *socket) {
	if (socket == NULL)
		return;
	gate_leave(socket);
	zmq_close(socket);
}

// ZeroMQ aborts where a peer's handshake ends while its socket is being closed, and waits for ever where events of a
// flood of them find no reader: nobody is let in any more, and those that are at the door come to an end.
static void collect_leave(struct collect *collect) {
	zmq_pollitem_t items[GATE_ITEMS];
	uint64_t end_ns = clock_mono_ns() + COLLECT_LEAVE_MS * NS_PER_MS;
	int length = gate_poll_items(&collect->gate, items);
	gate_work(&collect->gate);
	gate_shut(&collect->gate);
	while (length > 0 && clock_mono_ns() < end_ns && zmq_poll(items, length, COLLECT_QUIET_MS) > 0)
		gate_work(&collect->gate);
}

void collect_fini(struct collect *collect) {
	collect_leave(collect);
	close_guarded(collect->commands);
	close_guarded(collect->summaries);
	gate_fini(&collect->gate);
	if (collect->context != NULL)
		zmq_ctx_term(collect->context);
}
