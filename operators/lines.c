// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// lines: a source that makes records of lines of text: of a file, of standard input, or of whoever connects.
//
//   in       lines: JSON objects, comma-separated values, or plain text; from `path`, or by a TCP or Unix socket
//   out      records: a schema of the `fields`, absent where the line has none
//            dead: each line that was dropped, with the reason (dataplane/dead_letter.h)
//   drops    those of dataplane/text_source.h; oversized: longer than line_max
//   state    a buffer per connection; one instance
//
// A line is taken only when there is room downstream: a file waits, and so does a sender, through its connection.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/line_input.h"
#include "dataplane/state_file.h"
#include "dataplane/text_source.h"

enum {
	CONNECTIONS_MAX = 1024,
	LINES_PER_POLL = 4 * BATCH_MAX, // also where none of them becomes a record
};

enum gauge { GAUGE_CUT = TEXT_GAUGE_CUT, GAUGE_CONNECTIONS, GAUGE_PORT };
static const char *const lines_gauges[] = {
	[GAUGE_CUT] = "cut", [GAUGE_CONNECTIONS] = "connections", [GAUGE_PORT] = "port", NULL};

struct lines_options {
	struct text_source_options text;
	char *path, *listen;
	bool header, is_public;
	uint64_t line_max, connections;
};

#define AT(member) offsetof(struct lines_options, member)
static const struct option lines_option_table[] = {
	{"path", OPTION_STRING, AT(path), .min = 1, .max = PATH_MAX - 1, .help = "file; - is standard input"},
	{"listen", OPTION_STRING, AT(listen), .min = 1, .max = 255,
		.help = "instead of path: tcp://ADDRESS:PORT or unix:PATH, to which others connect and send lines"},
	{"public", OPTION_BOOL, AT(is_public), "false",
		.help = "listen beyond loopback: anyone who reaches the port can send"},
	TEXT_SOURCE_OPTIONS(AT(text)),
	{"header", OPTION_BOOL, AT(header), "false", .help = "csv: the file's first line names its columns"},
	{"line_max", OPTION_SIZE, AT(line_max), "64KiB", 16, 16 << 20, .help = "longest line"},
	{"connections", OPTION_UINT, AT(connections), "64", 1, CONNECTIONS_MAX,
		.help = "at a time; others wait until one closes"},
	{0},
};
#undef AT

struct lines {
	struct text_source text;
	struct line_input *input;
	bool is_header_due; // the next line is one
	uint64_t latest_ns; // event time of the records so far
};

static int lines_check(const void *given, char *error, size_t size) {
	const struct lines_options *options = given;
	bool has_path = options->path != NULL && options->path[0] != '\0';
	bool has_listen = options->listen != NULL && options->listen[0] != '\0';
	if (has_path == has_listen) {
		snprintf(error, size, "path and listen: %s given; expected one of them", has_path ? "both" : "none");
		return -EINVAL;
	}
	if (options->header && (options->text.format != TEXT_CSV || !has_path)) {
		snprintf(error, size, "header: yes: expected format: csv and a path beside it");
		return -EINVAL;
	}
	return text_source_check(&options->text, error, size);
}

static int lines_derive(struct derivation *derivation) {
	const struct lines_options *options = derivation->options;
	struct schema *schema;
	int ret = text_source_derive(derivation, &options->text, &schema);
	return ret == 0 ? text_source_derived(derivation, &options->text) : ret;
}

static int lines_init(struct instance *self) {
	const struct lines_options *options = self->options;
	struct lines *state = self->state;
	const struct line_input_settings settings = {
		.path = options->path,
		.listen = options->listen,
		.is_public = options->is_public,
		.line_max = options->line_max,
		.connections = (unsigned)options->connections,
	};
	char error[LINE_INPUT_ERROR_MAX];
	int ret = text_source_init(&state->text, self, &options->text);
	if (ret != 0)
		return ret;
	state->is_header_due = options->header;
	ret = line_input_open(&state->input, &settings, error);
	if (ret != 0) {
		operator_error(self->op, "%s", error);
		return ret;
	}
	if (line_input_fd(state->input) > 0)
		self->input_fd = line_input_fd(state->input);
	self->gauges[GAUGE_PORT] = line_input_port(state->input);
	return 0;
}

static void lines_fini(struct instance *self) {
	struct lines *state = self->state;
	line_input_close(state->input);
	text_source_fini(&state->text);
}

static void take_line(struct instance *self, struct batch *batch, const struct line *line) {
	struct lines *state = self->state;
	const struct text_item item = {
		.text = {line->text, line->size, line->origin->line_number, -1},
		.is_too_long = line->is_too_long,
		.latest_ns = &state->latest_ns,
	};
	text_source_take(&state->text, self, batch, &item);
}

// The first line of a file with a header.
static int take_header(struct instance *self, const struct line *line) {
	struct lines *state = self->state;
	state->is_header_due = false;
	if (!line->is_too_long && line_read_csv_header(&state->text.layout, line->text, line->size))
		return 0;
	instance_fail(self, "header: its columns are none of the fields, or one of them twice");
	return -EINVAL;
}

static void end_input(struct instance *self, int ret) {
	const struct lines_options *options = self->options;
	self->finished = true;
	if (ret != -ENODATA && ret != -EINVAL)
		instance_fail(self, "path: %s: %s", options->path, strerror(-ret));
}

static unsigned lines_poll(struct instance *self, unsigned room) {
	struct lines *state = self->state;
	struct batch batch = {.count = 0};
	struct line line;
	unsigned taken = 0;
	uint64_t bytes = 0, dead = self->counters.created;
	int ret = 1;
	if (self->stopping)
		line_input_stop(state->input);
	text_source_begin(&state->text, self);
	while (batch.count + (self->counters.created - dead) < room && taken < LINES_PER_POLL) {
		ret = line_input_next(state->input, &line);
		if (ret == 1 && state->is_header_due && (ret = take_header(self, &line)) == 0)
			continue;
		if (ret != 1)
			break;
		taken++;
		bytes += line.size + 1;
		take_line(self, &batch, &line);
	}
	instance_take_in(self, TEXT_OUTPUT_RECORDS, &batch, bytes);
	text_source_advance(&state->text, self, taken > 0, state->latest_ns);
	self->gauges[GAUGE_CONNECTIONS] = line_input_connections(state->input);
	if (ret < 0)
		end_input(self, ret);
	return taken;
}

struct lines_position {
	struct line_position at;
	uint64_t latest_ns;
};
enum { STATE_POSITION = 1 };

static int lines_can_be_saved(const struct operator *op, char *error, size_t size) {
	const struct lines *state = op->instances[0]->state;
	struct line_position position;
	if (line_input_tell(state->input, &position) == 0)
		return 0;
	snprintf(error, size, "what it reads can't be read again; expected a regular file");
	return -ENOTSUP;
}

static void lines_save(const struct operator *op, struct state_writer *writer) {
	const struct lines *state = op->instances[0]->state;
	struct lines_position position = {.latest_ns = state->latest_ns};
	line_input_tell(state->input, &position.at);
	state_put(writer, STATE_POSITION, &position, sizeof(position));
}

static int lines_restore(struct operator *op, struct state_reader *reader) {
	struct lines *state = op->instances[0]->state;
	struct lines_position position;
	if (state_take(reader, STATE_POSITION, &position, sizeof(position)) < 0) {
		operator_error(op, "the snapshot has no position of it");
		return -EINVAL;
	}
	state->latest_ns = position.latest_ns;
	struct line header;
	int ret = 0;
	if (state->is_header_due && position.at.offset > 0)
		ret = line_input_next(state->input, &header) == 1 ? take_header(op->instances[0], &header) : -EINVAL;
	if (ret == 0)
		ret = line_input_seek(state->input, &position.at);
	if (ret < 0)
		operator_error(op, "path: %s: is shorter than what was read before the snapshot, or no regular file",
			((const struct lines_options *)op->options)->path);
	return ret;
}

static const struct operator_saving lines_saving = {
	.check = lines_can_be_saved, .save = lines_save, .restore = lines_restore};

static const char lines_manual[] =
	"Makes a record of each line of a file, of standard input, or of what those send who connect to a socket. The "
	"records have the fields that are listed, each with its type; a field that the line does not have is "
	"absent.\n\n" TEXT_SOURCE_MANUAL
	"Time is the latest so far less out_of_order; with several connections, the latest of any.\n\n"
	"A file ends the pipeline where it ends, standard input where it is closed. Whoever listens goes on until it "
	"is "
	"stopped. It listens on loopback or on a Unix socket that is its owner's alone; there is no encryption.";

static struct operator_type lines_type = {
	.name = "lines",
	.summary = "make records of lines of text: JSON, CSV or plain, from a file or a socket",
	.manual = lines_manual,
	.options = lines_option_table,
	.options_size = sizeof(struct lines_options),
	.outputs = text_source_outputs,
	.drops = text_source_drops,
	.gauges = lines_gauges,
	.parallelism = 1,
	.parallelism_max = 1,
	.state_size = sizeof(struct lines),
	.saving = &lines_saving,
	.restored = "A file is gone on with behind the last line before the snapshot. Pipelines that read a socket or "
		    "standard input can't be saved.",
	.check = lines_check,
	.derive = lines_derive,
	.init = lines_init,
	.fini = lines_fini,
	.poll = lines_poll,
};
OPERATOR_REGISTER(lines_type);
