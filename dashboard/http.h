// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// HTTP: libmicrohttpd as one descriptor of the loop, who may ask what, and the deadlines of connections.
#pragma once

#include "dashboard/server.h"

//   socket  listening; closed with the server
//   return  0; -ENOMEM: libmicrohttpd does not start
int http_start(struct server *server, int socket);
// After the link to Redis was closed: nothing is being read for anybody any more.
void http_stop(struct server *server);
// The descriptor to poll for input.
int http_descriptor(const struct server *server);
//   return  ms until http_work has something to do without input, -1: nothing
int http_timeout_ms(const struct server *server);
void http_work(struct server *server);
// Once a second: end connections that take too long.
void http_check(struct server *server);
