// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What windows there are: of which kind and length, and which of them a time lies in (window_panes.h keeps them).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum window_kind {
	WINDOW_TUMBLING,
	WINDOW_SLIDING,
	WINDOW_SESSION,
	WINDOW_COUNT,
};
extern const char *const window_kind_names[];

enum {
	WINDOW_PANES_MAX = 4096,   // of a window
	WINDOW_PANES_COUNTED = 64, // of a window, where room is taken for all keys' panes
};

struct window_shape {
	enum window_kind kind;
	uint64_t size_ns, slide_ns; // tumbling, sliding: size_ns a multiple of slide_ns
	uint64_t gap_ns;            // session
	uint64_t size, slide;       // by count, in tuples; size a multiple of slide
	uint64_t lateness_ns;       // how long after its end a window is kept open
};

// As configured; 0: not given.
struct window_shape_options {
	unsigned kind;
	uint64_t size_ns, slide_ns, gap_ns, lateness_ns;
	uint64_t count, every;
};

// Whether what the kind needs is given, nothing else is, and slides divide their windows.
//   return  0, or -EINVAL with error[size] filled
int window_shape_check(const struct window_shape_options *options, char *error, size_t size);
struct window_shape window_shape_of(const struct window_shape_options *options);

// Whether `part`, the option of that name, divides a whole that may consist of WINDOW_PANES_MAX of them.
//   unit    behind its number in the message
//   return  0, or -EINVAL with error[size] filled
struct window_part {
	const char *name, *unit;
	uint64_t whole, part;
};
int window_part_check(const struct window_part *part, char *error, size_t size);

// Panes that a slab needs for so many keys besides each key's newest, where nobody says.
uint64_t window_shape_panes(const struct window_shape *shape, uint64_t keys);

// Where the pane of a time begins; tumbling, sliding.
static inline uint64_t window_pane_start(const struct window_shape *shape, uint64_t time_ns) {
	return time_ns - time_ns % shape->slide_ns;
}

// Whether a tuple comes too late for a pane: as a whole, so with sliding windows when the first window is told.
//   start_ns  window_pane_start of its time; by session, its time
static inline bool window_shape_is_late(const struct window_shape *shape, uint64_t start_ns, uint64_t clock_ns) {
	uint64_t span_ns = shape->kind == WINDOW_SESSION ? shape->gap_ns : shape->slide_ns;
	return shape->kind != WINDOW_COUNT && start_ns + span_ns + shape->lateness_ns <= clock_ns;
}
