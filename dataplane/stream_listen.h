// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Listening sockets for sources that others write to: tcp://ADDRESS:PORT or unix:PATH.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { STREAM_LISTEN_ERROR_MAX = 256 };

// Open one, non-blocking. A Unix socket that a process left behind is replaced; it is for its owner alone.
//   text       tcp://127.0.0.1:5000, tcp://[::1]:5000 (numeric; port 0: any) or unix:/run/weir/lines.sock
//   is_public  addresses beyond loopback are allowed
//   error      [STREAM_LISTEN_ERROR_MAX] filled on failure
//   return     the socket; -EINVAL: no such address; others of bind(2)
int stream_listen(const char *text, bool is_public, char *error);

// The port of a TCP socket, 0 of another.
unsigned stream_listen_port(int fd);
