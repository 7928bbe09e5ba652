// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines on standard error: "weir-controller: …", one event each. Writing them may block: those that peers can cause as
// often as they like have a limit. What can't be
// written (a full disk) is counted, and told of with the next line that can. One thread.
#pragma once

#include <stdint.h>

enum { LOG_LIMIT = 20 };

__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);
// For what a peer causes: LOG_LIMIT lines a second for all of them; how many were left out is told with the next one.
__attribute__((format(printf, 1, 2))) void log_line_limited(const char *format, ...);
// Lines that could not be written.
uint64_t log_lost(void);
