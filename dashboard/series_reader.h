// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Time series for requests: read from Redis in pieces between everything else the loop does, one reading for all who
// ask for the same, and kept for the moment it is true.
#pragma once

#include "dashboard/part.h"
#include "dashboard/series_query.h"

enum {
	SERIES_JOBS_MAX = 64, // readings under way
	SERIES_CACHED = 64,   // answers kept
};

// Somebody who waits for a series.
struct series_waiter {
	// The body's reference goes to the callee; NULL: no memory.
	void (*ready)(struct series_waiter *waiter, unsigned status, struct body *body);
	struct series_waiter *next;
};

struct series_job;
struct series_answer {
	char *key;
	struct body *body;
	uint64_t turn; // of the source when it was made
};

struct series_reader {
	const struct source *source;
	struct series_job *jobs; // under way
	size_t jobs_length;
	struct series_answer answers[SERIES_CACHED]; // ring, the next goes to answers_next
	size_t answers_next;
};

void series_reader_init(struct series_reader *reader, const struct source *source);
// After the link was closed: nothing is under way any more.
void series_reader_fini(struct series_reader *reader);
// Ask for a series.
//   status  of HTTP
//   body    the answer, or what is wrong; NULL: no memory
//   return  true: both are set; false: waiter->ready is called later, once
bool series_reader_get(struct series_reader *reader, const struct series_parameters *parameters,
	struct series_waiter *waiter, unsigned *status, struct body **body);
