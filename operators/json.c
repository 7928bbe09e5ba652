// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// json: a sink that writes each record as one line of JSON.
//
//   in      any schema; dotted names nest, fields that do not apply are left out
//   out     a file, or standard output
//   drops   write_error: lost because the file could not be written
//   state   the open file; one instance
//
// A batch is formatted into one buffer and written before the next one is taken: nothing is held back, and a record
// that was absorbed is in the kernel's hands. Where writing fails (a full disk), the file is cut back to its last whole
// line, what did not get in is counted as dropped, and a second later writing is tried again.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/json_format.h"
#include "dataplane/line_file.h"
#include "dataplane/operator.h"

enum { DROP_WRITE_ERROR };
static const char *const json_drops[] = {"write_error", NULL};

enum { RETRY_NS = 1000000000 };

struct json_options {
	char *path;
	bool append;
	uint64_t rotate_size;
	uint64_t rotate_interval_ns;
};

static const struct option json_option_table[] = {
	{.name = "path",
		.type = OPTION_STRING,
		.offset = offsetof(struct json_options, path),
		.default_text = "-",
		.min = 1,
		.max = PATH_MAX - 1,
		.help = "file to write; - is standard output"},
	{.name = "append",
		.type = OPTION_BOOL,
		.offset = offsetof(struct json_options, append),
		.default_text = "true",
		.help = "keep what the file holds already; false starts it anew"},
	{.name = "rotate_size",
		.type = OPTION_SIZE,
		.offset = offsetof(struct json_options, rotate_size),
		.default_text = "0",
		.help = "start a new file before this one grows beyond; 0: never"},
	{.name = "rotate_interval",
		.type = OPTION_DURATION,
		.offset = offsetof(struct json_options, rotate_interval_ns),
		.default_text = "0s",
		.help = "start a new file when this one is so old; 0s: never"},
	{0},
};

// Only one sink may write to standard output: lines of two would mix with their accounting.
static const struct operator *stdout_owner;

struct json_state {
	const struct schema *schema;
	struct json_format *format;
	char *lines;       // room for a batch
	uint64_t retry_ns; // after a failure, not to be tried before; of the monotonic clock
	bool is_closed;    // the reader of the pipe is gone for good
};

static int json_open(struct operator *op) {
	const struct json_options *options = op->options;
	struct line_file_options file_options = {
		.path = options->path,
		.append = options->append,
		.rotate_size = options->rotate_size,
		.rotate_interval_ns = options->rotate_interval_ns,
	};
	struct line_file *file;
	char error[LINE_FILE_ERROR_MAX];
	bool is_stdout = !strcmp(options->path, "-");
	if (is_stdout && stdout_owner) {
		operator_error(op, "path: -: standard output is written by %s/%s already: expected a file",
			stdout_owner->pipeline, stdout_owner->name);
		return -EBUSY;
	}
	int ret = line_file_open(&file, &file_options, clock_now_ns(), error);
	if (ret) {
		operator_error(op, "path: %s", error);
		return ret;
	}
	if (is_stdout)
		stdout_owner = op;
	op->shared = file;
	return 0;
}

static void json_close(struct operator *op) {
	line_file_close(op->shared);
	op->shared = NULL;
	if (stdout_owner == op)
		stdout_owner = NULL;
}

static int json_init(struct instance *self) {
	struct json_state *state = self->state;
	state->schema = self->op->input;
	int ret = json_format_new(&state->format, state->schema);
	if (ret)
		goto err;
	state->lines = malloc(BATCH_MAX * json_format_max(state->format));
	if (!state->lines) {
		ret = -ENOMEM;
		goto err;
	}
	return 0;

err:
	operator_error(self->op, "schema %s: %s", state->schema->name,
		ret == -ENOMEM ? "out of memory" : "its objects nest too deep");
	return ret;
}

static void json_fini(struct instance *self) {
	struct json_state *state = self->state;
	free(state->lines);
	json_format_free(state->format);
}

static void report_failure(struct instance *self, int error, bool lost) {
	struct json_state *state = self->state;
	const struct json_options *options = self->options;
	const char *name = strcmp(options->path, "-") ? options->path : "standard output";
	state->is_closed = lost && error == EPIPE;
	if (!lost)
		instance_fail(self, "%s: not rotated: %s; it grows on, and no record is lost", name, strerror(error));
	else if (state->is_closed)
		instance_fail(self, "%s: its reader is gone: no more records are written", name);
	else
		instance_fail(self, "%s: %s: records are lost (counted as write_error); tried again each second", name,
			strerror(error));
}

static void json_process(struct instance *self, struct batch *batch) {
	struct json_state *state = self->state;
	size_t ends[BATCH_MAX], size = 0, whole = 0;

	if (!state->is_closed && clock_monotonic_ns() >= state->retry_ns) {
		for (unsigned i = 0; i < batch->count; i++) {
			const void *body = tuple_body(batch->tuples[i], state->schema);
			size += json_format_line(state->format, body, state->lines + size);
			ends[i] = size;
		}
		int error;
		whole = line_file_write(self->op->shared, state->lines, size, clock_now_ns(), &error);
		if (error)
			report_failure(self, error, whole < size);
		state->retry_ns = whole < size ? clock_monotonic_ns() + RETRY_NS : 0;
	}
	unsigned written = 0;
	while (written < batch->count && whole && ends[written] <= whole)
		written++;
	for (unsigned i = written; i < batch->count; i++)
		instance_drop(self, DROP_WRITE_ERROR, batch->tuples[i]);
	batch->count = written;
	instance_absorb(self, batch);
}

static bool json_tick(struct instance *self, unsigned room) {
	int ret = line_file_tick(self->op->shared, clock_now_ns());
	if (ret)
		report_failure(self, -ret, false);
	return false;
}

static struct operator_type json_type = {
	.name = "json",
	.summary = "write records as JSON lines to a file or standard output",
	.manual = "Writes each record as one JSON object on a line of its own. Dotted field names nest, fields that do "
		  "not "
		  "apply are left out.\n\n"
		  "The file holds whole lines only. With rotate_size or rotate_interval the full file is renamed to "
		  "PATH.YYYYMMDDThhmmssZ (UTC; -1, -2, ... where that name is taken), and PATH is always the current "
		  "one. "
		  "A regular file is locked: two sinks never write to one.\n\n"
		  "Where writing fails (a full disk), the file is cut back to its last whole line, the records that "
		  "did not "
		  "get in are counted as write_error, one message a second says so, and writing is tried again each "
		  "second; "
		  "the node exits 1 in the end. Where the reader of a pipe is gone, writing ends for good.",
	.options = json_option_table,
	.options_size = sizeof(struct json_options),
	.drops = json_drops,
	.grouping = GROUPING_GLOBAL,
	.parallelism = 1,
	.parallelism_max = 1,
	.state_size = sizeof(struct json_state),
	.open = json_open,
	.close = json_close,
	.init = json_init,
	.fini = json_fini,
	.process = json_process,
	.tick = json_tick,
};
OPERATOR_REGISTER(json_type);
