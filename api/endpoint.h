// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// ZeroMQ endpoints: which of them stay on this machine.
#pragma once

#include <stdbool.h>

// Whether what is said there can't leave this machine: ipc://PATH, tcp://127.x.y.z:PORT, tcp://[::1]:PORT or
// tcp://localhost:PORT. All others need keys.
bool endpoint_is_local(const char *endpoint);
