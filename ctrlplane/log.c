// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "api/clock.h"

static uint64_t lost, untold; // lines that could not be written: ever, and since the last that could

uint64_t log_lost(void) {
	return lost;
}

static bool log_write(const char *line) {
	bool is_written = fprintf(stderr, "weir-controller: %s\n", line) >= 0;
	clearerr(stderr);
	return is_written;
}

static void log_arguments(const char *format, va_list arguments) {
	char line[1024], loss[64];
	vsnprintf(line, sizeof(line), format, arguments);
	snprintf(loss, sizeof(loss), "%" PRIu64 " lines of this log are lost", untold);
	if (untold > 0 && log_write(loss))
		untold = 0;
	bool is_written = untold == 0 && log_write(line);
	lost += !is_written;
	untold += !is_written;
}

void log_line(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	log_arguments(format, arguments);
	va_end(arguments);
}

static bool is_within_limit(void) {
	static uint64_t second_ns, lines, left_out;
	uint64_t now_ns = clock_mono_ns();
	if (second_ns == 0 || now_ns - second_ns >= NS_PER_S) {
		if (left_out > 0)
			log_line("%" PRIu64 " lines about peers left out", left_out);
		second_ns = now_ns;
		lines = left_out = 0;
	}
	bool is_within = lines < LOG_LIMIT;
	lines += is_within;
	left_out += !is_within;
	return is_within;
}

void log_line_limited(const char *format, ...) {
	if (!is_within_limit())
		return;
	va_list arguments;
	va_start(arguments, format);
	log_arguments(format, arguments);
	va_end(arguments);
}
