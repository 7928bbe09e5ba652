// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Lines to records: JSON objects, comma-separated values, or plain text. A layout says which member or column goes to
// which field; a reader uses it on one worker.
//
//   RFC 8259 (JSON), 3629 (UTF-8), 4180 (CSV)
#pragma once

#include "dataplane/value_parse.h"

enum line_verdict {
	LINE_RECORD,
	LINE_CUT,       // a record, of which a string was cut
	LINE_MALFORMED, // the record is to be thrown away
};

enum {
	LINE_COLUMNS_MAX = 256, // of a header
	LINE_IGNORED = 255,     // a column that goes to no field
};

struct line_layout {
	const struct schema *schema;
	unsigned column_count;
	struct column columns[SCHEMA_FIELDS_MAX];
	char separator; // CSV
	// CSV: the column's number in `columns`, or LINE_IGNORED, by its place in the line.
	unsigned place_count;
	uint8_t places[LINE_COLUMNS_MAX];
	char *scratch; // [scratch_size] for text with escapes
	size_t scratch_size;
};

//   columns  copied; their fields are the schema's
//   return   0 or -ENOMEM
int line_layout_init(
	struct line_layout *layout, const struct schema *schema, const struct column *columns, unsigned column_count);
void line_layout_fini(struct line_layout *layout);

// Each fills a record of the layout's schema from one line, without its end.
//   body  zeroed

// A JSON object. Members that are no field's are passed over, `null` is an absent field, and dotted names reach into
// objects. Of a member that is there twice, the last one counts.
enum line_verdict line_read_json(struct line_layout *layout, const char *line, size_t size, uint8_t *body);

// Comma-separated values in the order of the fields, or of the header. An empty value without quotes is an absent
// field; there are as many values as columns. A value in quotes can't contain line ends.
enum line_verdict line_read_csv(struct line_layout *layout, const char *line, size_t size, uint8_t *body);
// Take the columns' names from a header. Columns that are no field's are passed over.
//   return  false: two columns of one name, or more than LINE_COLUMNS_MAX, or none that is a field
bool line_read_csv_header(struct line_layout *layout, const char *line, size_t size);

// The whole line is the value of the first column.
enum line_verdict line_read_text(struct line_layout *layout, const char *line, size_t size, uint8_t *body);
