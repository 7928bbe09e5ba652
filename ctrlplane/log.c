// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_line(const char *format, ...) {
	char line[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	fprintf(stderr, "weir-controller: %s\n", line);
}
