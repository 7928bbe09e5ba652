// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// csv: a sink that writes each record as one line of comma-separated values.
//
//   in      any schema; its fields are the columns
//   out     a file, or standard output
//   drops   queue_full: no place in the queue; write_error: the file could not be written; unsent: still queued when
//           the node had to end
//   state   a queue of records and the open file (line_sink.h); one instance
#include <errno.h>
#include <string.h>

#include "dataplane/csv_format.h"
#include "dataplane/line_sink.h"

static const struct option csv_option_table[] = {LINE_SINK_OPTIONS(0), {0}};

static size_t csv_line(const void *format, const void *body, char *out) {
	return csv_format_line(format, body, out);
}

static void csv_free(void *format) {
	csv_format_free(format);
}

static int csv_init(struct instance *self) {
	struct csv_format *format;
	int ret = csv_format_new(&format, self->op->input);
	if (ret < 0) {
		operator_error(self->op, "schema %s: out of memory", self->op->input->name);
		return ret;
	}
	const struct line_form form = {
		.format = format,
		.free = csv_free,
		.line = csv_line,
		.line_max = csv_format_max(format),
		.header = csv_format_header(format),
	};
	return line_sink_init(self, &form);
}

static struct operator_type csv_type = {
	.name = "csv",
	.summary = "write records as comma-separated values to a file or standard output",
	.manual =
		"Writes each record as one line of comma-separated values (RFC 4180), the fields of the schema in "
		"their order; the first line of each file has their names. A field that does not apply is empty. Text "
		"stands in quotes where it has commas, quotes or line ends, where blanks surround it, and where it is "
		"empty. Lists have blanks between their items. Lines end with LF alone.\n\n"
		"A file is appended to only if it begins with the same columns.\n\n" LINE_SINK_MANUAL,
	.options = csv_option_table,
	.options_size = sizeof(struct line_sink_options),
	.init = csv_init,
	LINE_SINK,
};
OPERATOR_REGISTER(csv_type);
