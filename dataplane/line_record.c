// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Comma-separated values and plain text (line_record.h); line_json.c reads JSON.
#include "dataplane/line_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int line_layout_init(
	struct line_layout *layout, const struct schema *schema, const struct column *columns, unsigned column_count) {
	*layout = (struct line_layout){.schema = schema, .column_count = column_count, .separator = ','};
	// A value that fills more than its field is cut, so no more of it than one byte beyond needs to be kept.
	layout->scratch_size = 512;
	for (unsigned i = 0; i < column_count; i++) {
		layout->columns[i] = columns[i];
		layout->places[i] = (uint8_t)i;
		if (columns[i].field->length + 8u > layout->scratch_size)
			layout->scratch_size = columns[i].field->length + 8u;
	}
	layout->place_count = column_count;
	layout->scratch = malloc(layout->scratch_size);
	return layout->scratch == NULL ? -ENOMEM : 0;
}

void line_layout_fini(struct line_layout *layout) {
	free(layout->scratch);
	layout->scratch = NULL;
}

// One value of a line.
struct csv_value {
	const char *text;
	size_t size;
	bool is_quoted;
};

// The value in quotes whose first quote is at `at`; doubled quotes are one.
//   return  behind its last quote, NULL: there is none
static const char *read_quoted(struct line_layout *layout, const char *at, const char *end, struct csv_value *value) {
	const char *start = ++at;
	size_t size = 0;
	bool is_copied = false;
	for (;;) {
		at = memchr(at, '"', (size_t)(end - at));
		if (at == NULL)
			return NULL;
		size_t run = (size_t)(at - start);
		bool is_doubled = at + 1 < end && at[1] == '"';
		if (!is_copied && !is_doubled) {
			*value = (struct csv_value){start, run, true};
			return at + 1;
		}
		is_copied = true;
		run += is_doubled; // one quote of the two
		size_t room = layout->scratch_size - size, kept = run < room ? run : room;
		memcpy(layout->scratch + size, start, kept);
		size += kept;
		if (!is_doubled) {
			*value = (struct csv_value){layout->scratch, size, true};
			return at + 1;
		}
		start = at = at + 2;
	}
}

// The value at `at`.
//   return  where the next one begins, `end` + 1: it was the last; NULL: malformed
static const char *read_value(struct line_layout *layout, const char *at, const char *end, struct csv_value *value) {
	if (at < end && *at == '"') {
		at = read_quoted(layout, at, end, value);
		return at == NULL || (at < end && *at != layout->separator) ? NULL : at + 1;
	}
	const char *next = memchr(at, layout->separator, (size_t)(end - at));
	if (next == NULL)
		next = end;
	*value = (struct csv_value){at, (size_t)(next - at), false};
	return next + 1;
}

enum line_verdict line_read_csv(struct line_layout *layout, const char *line, size_t size, uint8_t *body) {
	const char *at = line, *end = line + size;
	bool is_cut = false;
	unsigned place = 0;
	for (; at <= end; place++) {
		struct csv_value value;
		if (place == layout->place_count)
			return LINE_MALFORMED;
		at = read_value(layout, at, end, &value);
		if (at == NULL)
			return LINE_MALFORMED;
		if (layout->places[place] == LINE_IGNORED || (value.size == 0 && !value.is_quoted))
			continue;
		const struct column *column = &layout->columns[layout->places[place]];
		enum value_verdict verdict = value_parse(layout->schema, column, value.text, value.size, body);
		if (verdict == VALUE_WRONG)
			return LINE_MALFORMED;
		is_cut |= verdict == VALUE_CUT;
	}
	if (place != layout->place_count)
		return LINE_MALFORMED;
	return is_cut ? LINE_CUT : LINE_RECORD;
}

static unsigned lookup_column(const struct line_layout *layout, const struct csv_value *name) {
	for (unsigned i = 0; i < layout->column_count; i++) {
		const char *candidate = layout->columns[i].field->name;
		if (strlen(candidate) == name->size && memcmp(candidate, name->text, name->size) == 0)
			return i;
	}
	return LINE_IGNORED;
}

bool line_read_csv_header(struct line_layout *layout, const char *line, size_t size) {
	const char *at = line, *end = line + size;
	bool is_known = false;
	layout->place_count = 0;
	while (at <= end) {
		struct csv_value name;
		at = read_value(layout, at, end, &name);
		if (at == NULL || layout->place_count == LINE_COLUMNS_MAX)
			return false;
		unsigned column = lookup_column(layout, &name);
		for (unsigned i = 0; i < layout->place_count; i++)
			if (column != LINE_IGNORED && layout->places[i] == column)
				return false;
		is_known |= column != LINE_IGNORED;
		layout->places[layout->place_count++] = (uint8_t)column;
	}
	return is_known;
}

enum line_verdict line_read_text(struct line_layout *layout, const char *line, size_t size, uint8_t *body) {
	enum value_verdict verdict = value_parse(layout->schema, &layout->columns[0], line, size, body);
	return verdict == VALUE_WRONG ? LINE_MALFORMED : verdict == VALUE_CUT ? LINE_CUT : LINE_RECORD;
}
