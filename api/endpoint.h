// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// ZeroMQ endpoints of a controller: what they look like, and which of them stay on this machine.
#pragma once

#include <stdbool.h>

// Whether it is tcp://HOST:PORT (1..65534: summaries go to the next one) or ipc://PATH. The host is not looked at.
bool endpoint_is_valid(const char *endpoint);
// Whether what is said there can't leave this machine: ipc://PATH, tcp://127.x.y.z:PORT, tcp://[::1]:PORT or
// tcp://localhost:PORT. All others need keys.
bool endpoint_is_local(const char *endpoint);
