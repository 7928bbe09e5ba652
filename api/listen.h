// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Where HTTP is served: a listening socket from an address as it is configured, and the Hosts it is for.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	LISTEN_ERROR_SIZE = 256,
	LISTEN_TEXT_SIZE = 64,
};

// Open a listening socket.
//   text         ADDRESS:PORT, numeric; [ADDRESS]:PORT for IPv6; port 0: any
//   is_loopback  set: nobody else can reach it
//   bound        [LISTEN_TEXT_SIZE], set to the address as it is
//   error        [LISTEN_ERROR_SIZE], one line, set where there is one
//   return       the socket; -EINVAL: no such address; others of bind(2)
int listen_open(const char *text, bool *is_loopback, char *bound, char *error);

// Whether a request for this Host is meant for us. A page elsewhere can make its own name lead to loopback, and would
// then be let in by the browser: only names that are loopback's count there (DNS rebinding).
//   host         of the header; NULL: not sent
//   is_loopback  localhost and loopback addresses are served
//   names        [length] that are served besides
bool listen_serves_host(const char *host, bool is_loopback, const char *const *names, size_t length);
