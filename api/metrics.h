// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Prometheus text format 0.0.4: families of samples, written in order into a text that grows. Names follow its
// conventions: base units, _total for what only grows.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics {
	char *text; // [size], and a zero
	size_t size, allocated;
	const char *family;
	int err; // -ENOMEM: once, for all
};

// Begin a family: the samples that follow are of it.
//   type  "counter" or "gauge"
//   help  without line breaks
void metrics_family(struct metrics *metrics, const char *name, const char *type, const char *help);
// Add a sample.
//   ...  names and values of labels, ended by NULL; values may be any text
__attribute__((sentinel)) void metrics_count(struct metrics *metrics, uint64_t value, ...);
__attribute__((sentinel)) void metrics_real(struct metrics *metrics, double value, ...);
// The text, for the caller to free; NULL: no memory.
char *metrics_finish(struct metrics *metrics, size_t *size);
