// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tables on a terminal: columns as wide as their widest cell, figures to the right, colour where it helps and is
// wanted.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum table_style {
	TABLE_PLAIN,
	TABLE_GOOD,
	TABLE_BAD,
	TABLE_DIM,
	TABLE_BOLD,
};

enum {
	TABLE_COLUMNS_MAX = 16,
	TABLE_CELL_SIZE = 128,
};

struct table_cell {
	char text[TABLE_CELL_SIZE];
	enum table_style style;
};

struct table {
	// Heads, one per column; one that starts with '>' is of a column of figures.
	const char *const *heads; // ended by NULL
	size_t columns;
	struct table_cell *cells; // [length], row by row
	size_t length, allocated;
};

void table_init(struct table *table, const char *const *heads);
// Add the next cell; cells fill rows from left to right.
__attribute__((format(printf, 3, 4))) void table_cell(
	struct table *table, enum table_style style, const char *format, ...);
// Print and free.
void table_print(struct table *table, FILE *file);

// Whether output has colours: a terminal, and NO_COLOR not set.
void table_use_colour(bool use);
const char *table_colour(enum table_style style);
