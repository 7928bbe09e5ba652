// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Views: a list as somebody wants it, made of the windows when asked for: filtered, and with hosts and prefixes put
// together to shorter prefixes. A stage `aggregate` is a named view, and alert rules look through views.
#pragma once

#include "ctrlplane/aggregate.h"
#include "ctrlplane/filter.h"

enum { VIEWS_MAX = 16 };

struct view {
	char name[NODE_NAME_SIZE];
	enum list_kind kind;
	struct filter filter;
	uint8_t v4, v6; // bits of prefixes that addresses are put together to; 0: as they are
	uint32_t window_s, list_length;
};

// Whether they show the same, whatever their names, windows and lengths.
bool view_is_same(const struct view *a, const struct view *b);

// Named views, as stages define them.
struct views {
	struct view list[VIEWS_MAX]; // [length]
	size_t length;
};
const struct view *views_find(const struct views *views, const char *name);

// The list over the scope's window, unsorted; the caller calls topn_fini. The scope's node, or all that the filter has.
//   out  what the filter leaves out is in neither its entries nor its remainder
void view_list(const struct view *view, const struct aggregate_scope *scope, struct topn *out);
// The list type that describes its keys.
const struct list_type *view_key_type(const struct view *view);
