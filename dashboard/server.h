// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What requests are answered from, and what of it outlives a request. One thread, one loop (main.c).
#pragma once

#include <microhttpd.h>

#include "dashboard/auth.h"
#include "dashboard/page.h"
#include "dashboard/part.h"
#include "dashboard/series_reader.h"

enum {
	SERVER_CONNECTIONS_MAX = 4096,
	SERVER_EVENTS_MAX = 2000,         // event streams; no more than half of the connections
	SERVER_CONNECTION_MEMORY = 16384, // bytes of a connection: headers that need more are refused
	SERVER_SEND_BUFFER = 64 << 10,    // bytes the kernel keeps for a client
	SERVER_REQUEST_S = 20,            // for a request to come in whole, or for the next one to begin
	SERVER_ANSWER_S = 60,             // for an answer to be taken
	SERVER_SLOW_TURNS = 10,           // seconds that an event stream may be behind
	SERVER_UPLOAD_MAX = 4096,         // bytes of a body
};

enum connection_state {
	CONNECTION_WAITING,   // for its first request, or for all of one
	CONNECTION_KEPT,      // after an answer, for the next request to begin
	CONNECTION_ANSWERING, // one
	CONNECTION_STREAMING, // events
};

struct stream;

struct connection {
	int fd;
	enum connection_state state;
	uint64_t since_mono_ns; // of the state
	struct stream *stream;  // CONNECTION_STREAMING
	uint64_t session;       // of its latest request; 0: it came without one
	bool is_dropped;
	struct connection *next, **place; // in server.connections
};

struct server {
	struct source source;
	struct parts parts;
	struct series_reader series;
	struct auth auth;
	struct page page;
	struct server_counters counters;
	struct MHD_Daemon *daemon;
	struct connection *connections;
	uint64_t streamed_turn; // of the source, that streams were woken for
};
