// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Numeric addresses of TCP: tcp://127.0.0.1:5000 or tcp://[::1]:5000.
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

//   address, size  filled
//   return         0 or -EINVAL
int stream_address_parse(const char *text, struct sockaddr_storage *address, socklen_t *size);
// Whether nobody but this host can reach it.
bool stream_address_is_loopback(const struct sockaddr_storage *address);
