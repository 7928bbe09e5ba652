// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Options: one table per operator (and one for the node) that the YAML reader, --set, --help, the manual pages
// and the checks are driven by.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
	OPTION_BOOL,     // bool: true, false, yes, no, on, off
	OPTION_UINT,     // uint64_t: 1048576, also 1k = 1000, 1M, 1G
	OPTION_DURATION, // uint64_t nanoseconds: 30s, 500ms, 2m, 1h, 7d, 10us, 5ns
	OPTION_SIZE,     // uint64_t bytes: 64, 10KiB, 1MiB, 2GiB, 10kB, 1MB
	OPTION_RATE,     // uint64_t per second: 1000, 10k, 1.5M (0 where the option allows it: no limit)
	OPTION_ENUM,     // unsigned, an index into `choices`
	OPTION_STRING,   // char *, owned by the options struct
	OPTION_LIST,     // struct option_list: YAML sequence, or text with commas
};

struct option_list {
	unsigned count;
	char **items;
};

struct option {
	const char *name; // ends the table where NULL
	enum option_type type;
	size_t offset;              // into the operator's options struct
	const char *default_text;   // parsed as if given; NULL: zero or empty
	uint64_t min, max;          // numbers, after conversion; both 0: no bounds; strings and lists: max length
	const char *const *choices; // OPTION_ENUM: names, ended by NULL
	bool required;
	bool live;        // may change while the node runs: read in init and take_options alone; a scalar
	const char *help; // one line, for --help and the manual page
};

// Set one option from text.
//   options  the struct that `option->offset` points into
//   error    [size], filled on failure: `"banana": expected a duration such as 30s, 500ms (1ms..7d)`
//   return   0, or -EINVAL (not of the type), -ERANGE (out of bounds), -ENOMEM
int option_set(const struct option *option, void *options, const char *text, char *error, size_t size);

// Set an OPTION_LIST from items, which may contain commas. In text an item's commas are written "\,".
int option_set_list(
	const struct option *option, void *options, const struct option_list *items, char *error, size_t size);

// Set every default of a table. The struct must be zeroed.
//   return  0 or -ENOMEM; a default that does not parse is a broken invariant and aborts
int option_set_defaults(const struct option *table, void *options);

// Release what strings and lists own.
void option_free(const struct option *table, void *options);

//   return  the option of that name, or NULL
const struct option *option_lookup(const struct option *table, const char *name);

// The values that an option takes, in words: `a duration such as 30s, 500ms (1ms..7d)`.
void option_format_expected(const struct option *option, char *text, size_t size);

// The value that an option has, as text that option_set takes back.
void option_format_value(const struct option *option, const void *options, char *text, size_t size);

// Print a table for --help, one option a line with its default, bounds and help.
void option_print_help(const struct option *table, FILE *out);
