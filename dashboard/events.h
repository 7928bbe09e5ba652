// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Server-sent events: each client has a list of parts (API.md) and is sent those that changed, once per turn of the
// source. All share the same bytes. A client holds one turn's parts at most: while it is still being sent that turn it
// misses the next ones, and when it has missed SERVER_SLOW_TURNS it is disconnected.
#pragma once

#include "dashboard/server.h"

// Answer with an event stream.
//   parts   names with commas; NULL: not given
//   return  for the access handler to return
enum MHD_Result events_start(
	struct server *server, struct MHD_Connection *connection, struct connection *client, const char *parts);
// Wake every stream that has nothing to do; no more than once per turn, unless `always`.
void events_wake(struct server *server, bool always);
// Whether the client is too far behind.
bool events_is_slow(const struct stream *stream, uint64_t turn);
// The client's connection is gone before its stream; NULL is fine.
void events_forget_client(struct stream *stream);
