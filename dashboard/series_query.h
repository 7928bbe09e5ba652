// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a request for a time series asks: the parameters of API.md, read and checked, and turned into a grid of steps.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dashboard/snapshot.h"

enum {
	SERIES_FIELDS_MAX = 16,
	SERIES_POINTS_MAX = 2000,
	SERIES_ERROR_SIZE = 256,
	SERIES_READ_MAX = 8000, // entries of a history that one request may read
};

enum series_kind {
	SERIES_GROWTH,   // of a sum, per second: the difference to the entry before
	SERIES_AMOUNT,   // of an entry, per second
	SERIES_RATE,     // of an entry, for as long as it covers
	SERIES_GREATEST, // of the values stored
	SERIES_LEAST,
	SERIES_MEAN,
};

// A field of the answer and what of an entry it is made of.
struct series_field {
	const char *name;
	enum series_kind kind;
	const char *from;   // field of the entry
	const char *coarse; // that goes before it where the entry sums up others; NULL: none
	double factor;
};
extern const struct series_field series_fields[];
extern const size_t series_fields_length;

// Parameters as they were given; NULL: not given.
struct series_parameters {
	const char *last, *from, *to, *points, *resolution, *node, *fields;
};

struct series_query {
	int64_t from_ms, to_ms; // multiples of step_ms
	int64_t read_to_ms;     // ids of entries up to here may be of the range
	int64_t step_ms;
	uint32_t length;                                      // steps
	unsigned resolution;                                  // of snapshot_resolutions
	char node[SNAPSHOT_NAME_SIZE];                        // empty: all
	const struct series_field *fields[SERIES_FIELDS_MAX]; // [fields_length]
	size_t fields_length;
};

// What histories there are.
struct series_reach {
	int64_t first_ms[SNAPSHOT_RESOLUTIONS]; // the oldest entry of each; 0: there is none
	int64_t interval_ms;                    // of the finest
	int64_t last_ms;                        // its newest entry; 0: none
};

//   error   [SERIES_ERROR_SIZE], set where the return is not 0
//   return  0; -EINVAL
int series_query_parse(const struct series_parameters *parameters, const struct series_reach *reach, int64_t now_ms,
	struct series_query *out, char *error);
// Time between entries of the history it is read from.
int64_t series_query_spacing_ms(const struct series_query *query, const struct series_reach *reach);
