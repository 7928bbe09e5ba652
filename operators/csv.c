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

struct csv_state {
	struct export_queue *queue; // first: see export_queue.h
	struct csv_format *format;
	struct line_form form;
	struct line_sink *sink;
};

static size_t csv_line(const void *format, const void *body, char *out) {
	return csv_format_line(format, body, out);
}

static int csv_init(struct instance *self) {
	struct csv_state *state = self->state;
	int ret = csv_format_new(&state->format, self->op->input);
	if (ret < 0) {
		operator_error(self->op, "schema %s: out of memory", self->op->input->name);
		return ret;
	}
	state->form = (struct line_form){
		.format = state->format,
		.line = csv_line,
		.line_max = csv_format_max(state->format),
		.header = csv_format_header(state->format),
	};
	ret = line_sink_new(&state->sink, self, self->options, &state->form);
	if (ret == 0)
		state->queue = line_sink_queue(state->sink);
	return ret;
}

static void csv_fini(struct instance *self) {
	struct csv_state *state = self->state;
	line_sink_free(state->sink);
	csv_format_free(state->format);
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
	.drops = line_sink_drops,
	.gauges = export_gauges,
	.grouping = GROUPING_GLOBAL,
	.parallelism = 1,
	.parallelism_max = 1,
	.state_size = sizeof(struct csv_state),
	.init = csv_init,
	.fini = csv_fini,
	.process = export_queue_process,
	.room = export_queue_room,
	.tick = export_queue_tick,
	.flush = export_queue_flush,
};
OPERATOR_REGISTER(csv_type);
