// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// json: a sink that writes each record as one line of JSON.
//
//   in      any schema; dotted names nest, fields that do not apply are left out
//   out     a file, or standard output
//   drops   queue_full: no place in the queue; write_error: the file could not be written; unsent: still queued when
//           the node had to end
//   state   a queue of records and the open file (line_sink.h); one instance
#include <errno.h>
#include <string.h>

#include "dataplane/json_format.h"
#include "dataplane/line_sink.h"

static const struct option json_option_table[] = {LINE_SINK_OPTIONS(0), {0}};

static size_t json_line(const void *format, const void *body, char *out) {
	return json_format_line(format, body, out);
}

static void json_free(void *format) {
	json_format_free(format);
}

static int json_init(struct instance *self) {
	struct json_format *format;
	int ret = json_format_new(&format, self->op->input);
	if (ret < 0) {
		operator_error(self->op, "schema %s: %s", self->op->input->name,
			ret == -ENOMEM ? "out of memory" : "its objects nest too deep");
		return ret;
	}
	const struct line_form form = {
		.format = format,
		.free = json_free,
		.line = json_line,
		.line_max = json_format_max(format),
	};
	return line_sink_init(self, &form);
}

static struct operator_type json_type = {
	.name = "json",
	.summary = "write records as JSON lines to a file or standard output",
	.manual = "Writes each record as one JSON object on a line of its own. Dotted field names nest, fields that do "
		  "not apply are left out.\n\n" LINE_SINK_MANUAL,
	.options = json_option_table,
	.options_size = sizeof(struct line_sink_options),
	.init = json_init,
	LINE_SINK,
};
OPERATOR_REGISTER(json_type);
