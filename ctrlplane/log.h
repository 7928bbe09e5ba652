// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines on standard error: "weir-controller: …", one event each.
#pragma once

__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);
