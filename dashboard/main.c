// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// weir-dashboard: the one loop that Redis, HTTP and the clock meet in. docs/man/weir-dashboard.1 is its manual.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api/listen.h"
#include "api/clock.h"
#include "dashboard/events.h"
#include "dashboard/http.h"
#include "dashboard/options.h"

static int open_signals(void) {
	sigset_t set;
	signal(SIGPIPE, SIG_IGN); // a client or Redis going away is an error of write(2), no end
	signal(SIGHUP, SIG_IGN);  // what the controller reads again by; here there is nothing to read again
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int sooner_ms(int timeout_ms, uint64_t mono_ns, uint64_t next_ns) {
	int left_ms = next_ns > mono_ns ? (int)((next_ns - mono_ns) / NS_PER_MS) + 1 : 0;
	return timeout_ms >= 0 && timeout_ms < left_ms ? timeout_ms : left_ms;
}

static int run(struct server *server, int signals) {
	uint64_t next_ns = clock_mono_ns();
	for (;;) {
		struct pollfd items[] = {
			{.fd = signals, .events = POLLIN},
			{.fd = http_descriptor(server), .events = POLLIN},
			{.fd = -1},
		};
		items[2].fd = redis_link_descriptor(server->source.link, &items[2].events);
		int timeout_ms = sooner_ms(http_timeout_ms(server), clock_mono_ns(), next_ns);
		// An away Redis is tried again between ticks.
		if (items[2].fd < 0 && timeout_ms > 100)
			timeout_ms = 100;
		if (poll(items, sizeof(items) / sizeof(*items), timeout_ms) < 0 && errno != EINTR)
			return -errno;
		if (items[0].revents != 0)
			return 0;
		redis_link_work(server->source.link);
		if (clock_mono_ns() >= next_ns) {
			source_tick(&server->source);
			http_check(server);
			next_ns = source_next_tick(&server->source, clock_mono_ns());
		}
		http_work(server);
	}
}

static void load_page(struct server *server, const struct options *options) {
	char error[PAGE_ERROR_SIZE];
	for (size_t i = 0; i < options->pages_length; i++) {
		if (access(options->pages[i], R_OK) != 0 && i + 1 < options->pages_length)
			continue;
		if (page_load(&server->page, options->pages[i], error) != 0) {
			page_fini(&server->page);
			fprintf(stderr, "weir-dashboard: %s; going on without the page\n", error);
		}
		return;
	}
}

static int start(struct server *server, const struct options *options) {
	char error[AUTH_ERROR_SIZE], bound[LISTEN_TEXT_SIZE];
	struct redis_link *link;
	int socket = listen_open(options->listen, &server->auth.is_loopback, bound, error);
	if (socket < 0) {
		fprintf(stderr, "weir-dashboard: --listen: %s\n", error);
		return socket;
	}
	int err = options_check_access(options, server->auth.is_loopback, error);
	if (err == 0)
		err = redis_link_new(&link, &options->endpoint, options->redis, options->password);
	if (err != 0) {
		fprintf(stderr, "weir-dashboard: %s\n", err == -ENOMEM ? "out of memory" : error);
		close(socket);
		return err;
	}
	source_init(&server->source, link);
	series_reader_init(&server->series, &server->source);
	server->parts = (struct parts){.source = &server->source,
		.counters = &server->counters,
		.attempts = &server->auth.attempts,
		.endpoint = options->redis,
		.has_login = server->auth.token[0] != '\0'};
	load_page(server, options);
	err = http_start(server, socket);
	if (err != 0) {
		fprintf(stderr, "weir-dashboard: the HTTP server does not start\n");
		close(socket);
		return err;
	}
	fprintf(stderr, "weir-dashboard: http://%s/\n", bound);
	return 0;
}

static void stop(struct server *server) {
	// What came in meanwhile is still answered, from what the link last was.
	redis_link_close(server->source.link);
	http_stop(server);
	parts_fini(&server->parts);
	series_reader_fini(&server->series);
	redis_link_free(server->source.link);
	source_fini(&server->source);
	page_fini(&server->page);
}

int main(int argc, char **argv) {
	static struct server server;
	static struct options options;
	int code = options_parse(argc, argv, &options);
	if (code >= 0)
		return code;
	strcpy(server.auth.token, options.token);
	server.auth.hosts = options.hosts;
	server.auth.hosts_length = options.hosts_length;
	int signals = open_signals();
	int err = signals < 0 ? signals : start(&server, &options);
	if (err == 0)
		err = run(&server, signals);
	stop(&server);
	if (signals >= 0)
		close(signals);
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
