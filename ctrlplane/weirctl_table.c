// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/weirctl_table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool has_colour;

void table_use_colour(bool use) {
	has_colour = use;
}

const char *table_colour(enum table_style style) {
	static const char *const codes[] = {
		[TABLE_PLAIN] = "\033[0m",
		[TABLE_GOOD] = "\033[32m",
		[TABLE_BAD] = "\033[1;31m",
		[TABLE_DIM] = "\033[2m",
		[TABLE_BOLD] = "\033[1m",
	};
	return has_colour ? codes[style] : "";
}

void table_init(struct table *table, const char *const *heads) {
	*table = (struct table){.heads = heads};
	while (heads[table->columns] != NULL)
		table->columns++;
}

void table_cell(struct table *table, enum table_style style, const char *format, ...) {
	if (table->length == table->allocated) {
		size_t allocated = table->allocated == 0 ? 64 : 2 * table->allocated;
		struct table_cell *cells = realloc(table->cells, allocated * sizeof(*cells));
		if (cells == NULL)
			return;
		table->cells = cells;
		table->allocated = allocated;
	}
	struct table_cell *cell = &table->cells[table->length++];
	cell->style = style;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(cell->text, sizeof(cell->text), format, arguments);
	va_end(arguments);
}

static bool is_figure(const struct table *table, size_t column) {
	return table->heads[column][0] == '>';
}

// The characters of a text in UTF-8.
static int text_width(const char *text) {
	int width = 0;
	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(const struct table *table, size_t column, int width, const char *text, FILE *file) {
	bool is_last = column + 1 == table->columns;
	int blanks = width - text_width(text);
	if (is_figure(table, column))
		fprintf(file, "%*s%s", blanks, "", text);
	else
		fprintf(file, "%s%*s", text, is_last ? 0 : blanks, "");
	if (!is_last)
		fputs("  ", file);
}

static size_t next_column(const struct table *table, size_t column) {
	return column + 1 < table->columns ? column + 1 : 0;
}

void table_print(struct table *table, FILE *file) {
	int widths[TABLE_COLUMNS_MAX] = {0};
	for (size_t c = 0; c < table->columns; c++)
		widths[c] = (int)strlen(table->heads[c]) - is_figure(table, c);
	for (size_t i = 0, c = 0; i < table->length; i++, c = next_column(table, c)) {
		int width = text_width(table->cells[i].text);
		if (width > widths[c])
			widths[c] = width;
	}
	fputs(table_colour(TABLE_BOLD), file);
	for (size_t c = 0; c < table->columns; c++)
		print_cell(table, c, widths[c], table->heads[c] + is_figure(table, c), file);
	fprintf(file, "%s\n", table_colour(TABLE_PLAIN));
	for (size_t i = 0, c = 0; i < table->length; i++, c = next_column(table, c)) {
		const struct table_cell *cell = &table->cells[i];
		if (cell->style != TABLE_PLAIN)
			fputs(table_colour(cell->style), file);
		print_cell(table, c, widths[c], cell->text, file);
		if (cell->style != TABLE_PLAIN)
			fputs(table_colour(TABLE_PLAIN), file);
		if (c + 1 == table->columns)
			fputc('\n', file);
	}
	free(table->cells);
	table->cells = NULL;
}
