// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/window_shape.h"

#include <errno.h>
#include <stdio.h>

const char *const window_kind_names[] = {[WINDOW_TUMBLING] = "tumbling",
	[WINDOW_SLIDING] = "sliding",
	[WINDOW_SESSION] = "session",
	[WINDOW_COUNT] = "count",
	NULL};

// An option, and which kinds have it.
struct use {
	const char *name;
	bool is_given, is_needed;
};

static int check_use(const struct window_shape_options *options, const struct use *use, char *error, size_t size) {
	if (use->is_given == use->is_needed)
		return 0;
	snprintf(error, size, use->is_needed ? "%s: missing; kind %s needs it" : "%s: kind %s has none", use->name,
		window_kind_names[options->kind]);
	return -EINVAL;
}

int window_part_check(const struct window_part *part, char *error, size_t size) {
	if (part->part != 0 && part->whole % part->part == 0 && part->whole / part->part <= WINDOW_PANES_MAX)
		return 0;
	snprintf(error, size, "%s: %llu%s; expected a part of %llu that divides it, at most %u times smaller",
		part->name, (unsigned long long)part->part, part->unit, (unsigned long long)part->whole,
		WINDOW_PANES_MAX);
	return -EINVAL;
}

int window_shape_check(const struct window_shape_options *options, char *error, size_t size) {
	const unsigned kind = options->kind;
	const struct use uses[] = {
		{"size", options->size_ns != 0, kind == WINDOW_TUMBLING || kind == WINDOW_SLIDING},
		{"slide", options->slide_ns != 0, kind == WINDOW_SLIDING},
		{"gap", options->gap_ns != 0, kind == WINDOW_SESSION},
		{"count", options->count != 0, kind == WINDOW_COUNT},
		{"every", options->every != 0, kind == WINDOW_COUNT && options->every != 0},
	};
	const struct window_part slide = {"slide", " ns", options->size_ns, options->slide_ns};
	const struct window_part every = {"every", "", options->count, options->every};
	int ret = 0;
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]) && ret == 0; i++)
		ret = check_use(options, &uses[i], error, size);
	if (ret == 0 && kind == WINDOW_SLIDING)
		ret = window_part_check(&slide, error, size);
	if (ret == 0 && options->every != 0)
		ret = window_part_check(&every, error, size);
	return ret;
}

struct window_shape window_shape_of(const struct window_shape_options *options) {
	return (struct window_shape){
		.kind = options->kind,
		.size_ns = options->size_ns,
		.slide_ns = options->kind == WINDOW_SLIDING ? options->slide_ns : options->size_ns,
		.gap_ns = options->gap_ns,
		.size = options->count,
		.slide = options->every != 0 ? options->every : options->count,
		.lateness_ns = options->lateness_ns,
	};
}

uint64_t window_shape_panes(const struct window_shape *shape, uint64_t keys) {
	uint64_t per_window = shape->slide_ns != 0 ? shape->size_ns / shape->slide_ns : 1;
	if (per_window > WINDOW_PANES_COUNTED)
		per_window = WINDOW_PANES_COUNTED;
	return per_window > 1 ? keys * per_window : keys;
}
