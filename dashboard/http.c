// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/http.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dashboard/answer.h"
#include "api/clock.h"
#include "dashboard/events.h"
#include "dashboard/metrics.h"
#include "dashboard/request.h"

enum { DESCRIPTORS_BESIDE = 64 }; // that are no connections

static void connection_enter(struct connection *client, enum connection_state state) {
	client->state = state;
	client->since_mono_ns = clock_mono_ns();
}

static struct connection *connection_of(struct MHD_Connection *mhd) {
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void connection_open(struct server *server, struct MHD_Connection *mhd, void **context) {
	struct connection *client = calloc(1, sizeof(*client));
	int size = SERVER_SEND_BUFFER;
	*context = client;
	if (client == NULL)
		return;
	client->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	// Without a bound the kernel keeps megabytes for a client that does not read.
	if (setsockopt(client->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0)
		fprintf(stderr, "weir-dashboard: SO_SNDBUF: %s\n", strerror(errno));
	connection_enter(client, CONNECTION_WAITING);
	client->next = server->connections;
	client->place = &server->connections;
	if (client->next != NULL)
		client->next->place = &client->next;
	server->connections = client;
}

static void connection_close(struct connection *client) {
	if (client == NULL)
		return;
	events_forget_client(client->stream);
	*client->place = client->next;
	if (client->next != NULL)
		client->next->place = client->place;
	free(client);
}

static void on_connection(
	void *context, struct MHD_Connection *mhd, void **client, enum MHD_ConnectionNotificationCode code) {
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_open(context, mhd, client);
		return;
	}
	connection_close(*client);
	*client = NULL;
}

static void on_completed(
	void *context, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode code) {
	struct connection *client = connection_of(mhd);
	request_free(*request);
	*request = NULL;
	if (client != NULL)
		connection_enter(client, CONNECTION_KEPT);
}

// Called once when the headers are there, once per piece of a body, and once when all of it is.
static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_size, void **state) {
	struct connection *client = connection_of(mhd);
	if (client == NULL)
		return MHD_NO;
	if (*state == NULL) {
		connection_enter(client, CONNECTION_WAITING);
		return request_begin(context, mhd, (struct request_line){method, url}, (struct request **)state);
	}
	if (*upload_size > 0) {
		request_take(*state, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (client->state == CONNECTION_WAITING)
		connection_enter(client, CONNECTION_ANSWERING);
	return request_answer(*state, client);
}

// As many connections as there may be descriptors.
static unsigned connections_max(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return SERVER_CONNECTIONS_MAX / 16;
	rlim_t wanted = SERVER_CONNECTIONS_MAX + DESCRIPTORS_BESIDE;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			fprintf(stderr, "weir-dashboard: RLIMIT_NOFILE: %s\n", strerror(errno));
	}
	if (limit.rlim_cur >= wanted)
		return SERVER_CONNECTIONS_MAX;
	return limit.rlim_cur > 2 * DESCRIPTORS_BESIDE ? (unsigned)limit.rlim_cur - DESCRIPTORS_BESIDE
						       : DESCRIPTORS_BESIDE;
}

int http_start(struct server *server, int socket) {
	unsigned connections = connections_max();
	server->counters.events_max = connections / 2 < SERVER_EVENTS_MAX ? connections / 2 : SERVER_EVENTS_MAX;
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, server,
		MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT, connections,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_CONNECTION_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
	return server->daemon != NULL ? 0 : -ENOMEM;
}

void http_stop(struct server *server) {
	if (server->daemon == NULL)
		return;
	events_wake(server, true);
	MHD_run(server->daemon);
	events_wake(server, true);
	MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
}

int http_descriptor(const struct server *server) {
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int http_timeout_ms(const struct server *server) {
	MHD_UNSIGNED_LONG_LONG ms;
	if (MHD_get_timeout(server->daemon, &ms) != MHD_YES)
		return -1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

void http_work(struct server *server) {
	events_wake(server, false);
	MHD_run(server->daemon);
}

// libmicrohttpd sees the end of the connection and cleans up.
static void connection_drop(struct connection *client) {
	client->is_dropped = true;
	shutdown(client->fd, SHUT_RDWR);
}

static bool connection_is_late(const struct server *server, const struct connection *client, uint64_t now_ns) {
	if (client->state == CONNECTION_STREAMING && client->stream != NULL)
		return events_is_slow(client->stream, server->source.turn);
	bool asks = client->state == CONNECTION_WAITING || client->state == CONNECTION_KEPT;
	return (now_ns - client->since_mono_ns) / NS_PER_S >= (asks ? SERVER_REQUEST_S : SERVER_ANSWER_S);
}

// The counter of those that end so; NULL: to be kept no longer is no fault.
static uint64_t *counter_of(struct server *server, const struct connection *client) {
	if (client->state == CONNECTION_STREAMING && client->stream != NULL)
		return &server->counters.dropped_slow;
	return client->state != CONNECTION_KEPT ? &server->counters.refused : NULL;
}

// A stream does not outlive the session it was opened in.
static bool connection_is_logged_out(const struct server *server, const struct connection *client, uint64_t now_ns) {
	return client->state == CONNECTION_STREAMING && client->session != 0 &&
	       !session_is_open(&server->auth.sessions, client->session, now_ns / NS_PER_S);
}

void http_check(struct server *server) {
	uint64_t now_ns = clock_mono_ns();
	for (struct connection *client = server->connections; client != NULL; client = client->next) {
		if (client->is_dropped)
			continue;
		if (connection_is_logged_out(server, client, now_ns)) {
			connection_drop(client);
			continue;
		}
		if (!connection_is_late(server, client, now_ns))
			continue;
		uint64_t *counter = counter_of(server, client);
		if (counter != NULL)
			++*counter;
		connection_drop(client);
	}
}
