// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Text for messages: what the user wrote, quoted so that a message stays one line, and lists of what is allowed.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_NAMES_MAX = 256 };

// Names to choose from. Borrowed, each once, in the order added; more than TEXT_NAMES_MAX are left out.
struct text_names {
	unsigned count;
	const char *names[TEXT_NAMES_MAX];
};

void text_names_add(struct text_names *names, const char *name);

// Add formatted text to the string in `text`, cut where `size` ends.
void text_append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Add `raw` with control characters as \n or \xNN, those of Unicode too, cut where a character ends.
//   bytes  of `raw` at most; "..." stands for more
void text_append_escaped(char *text, size_t size, const char *raw, size_t bytes);

// Add `raw` in double quotes, escaped, cut after 60 bytes.
void text_append_quoted(char *text, size_t size, const char *raw);

// Add "a, b or c".
void text_append_names(char *text, size_t size, const struct text_names *names);

//   return  the name that `text` probably stands for, or NULL if none is near
const char *text_nearest(const char *text, const struct text_names *names);

// Whether `text` may name a pipeline or an operator: 1..63 letters, digits, _ and -. (. / = separate names in --set)
bool text_is_name(const char *text);
// The same for a node, which may also have dots, as host names have.
bool text_is_node_name(const char *text);
