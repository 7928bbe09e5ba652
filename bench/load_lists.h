// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The lists of made-up summaries, for controller_load: packed fields that are put behind a summary's head.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	LOAD_FLOWS_MAX = 256, // of one summary
	LOAD_LISTED = 20,     // hosts; half as many of services and prefixes
	LOAD_PACKETS = 10,    // of a flow
	LOAD_BYTES = 8000,
};

struct load_made {
	unsigned node;     // whose hosts they are
	unsigned flows;    // up to LOAD_FLOWS_MAX
	uint64_t start_ns; // of all of them
};

struct load_lists {
	uint8_t *bytes; // [size], by malloc
	size_t size;
};

// Lists, and what they leave out. Not for two threads.
void load_lists_make(struct load_lists *lists, const struct load_made *made);
