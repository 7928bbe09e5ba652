// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sinks that write records as lines of text to a file or standard output: everything but the form of a line. The
// worker hands records to a queue (export_queue.h); its sender formats and writes them, so that a reader of standard
// output that stalls holds up nobody who can't wait.
#pragma once

#include <limits.h>

#include "dataplane/export_queue.h"
#include "dataplane/line_file.h"

// The form of a line.
struct line_form {
	void *format;
	void (*free)(void *format);                                      // or NULL
	size_t (*line)(const void *format, const void *body, char *out); // returns the line's size, newline included
	size_t line_max;
	const char *header; // first line of each file, or NULL
	// Of a file that has something else than lines: its records are whole blocks of bytes.
	bool is_binary;
	size_t header_size; // of a binary one
	// As struct export_sender's, with the format for context; NULL: bodies are queued.
	void (*pack)(const void *format, const struct batch *batch, unsigned i, void *record);
	size_t record_size;
};

struct line_sink_options {
	struct export_options export;
	char *path;
	bool append;
	uint64_t rotate_size;
	uint64_t rotate_interval_ns;
};

// Rows of a sink's option table, for a member of type struct line_sink_options at `at` of its options.
#define LINE_SINK_OPTIONS(at)                                                                                          \
	{.name = "path",                                                                                               \
		.type = OPTION_STRING,                                                                                 \
		.offset = (at) + offsetof(struct line_sink_options, path),                                             \
		.default_text = "-",                                                                                   \
		.min = 1,                                                                                              \
		.max = PATH_MAX - 1,                                                                                   \
		.help = "file to write; - is standard output"},                                                        \
		{.name = "append",                                                                                     \
			.type = OPTION_BOOL,                                                                           \
			.offset = (at) + offsetof(struct line_sink_options, append),                                   \
			.default_text = "true",                                                                        \
			.help = "keep what the file holds already; false starts it anew"},                             \
		{.name = "rotate_size",                                                                                \
			.type = OPTION_SIZE,                                                                           \
			.offset = (at) + offsetof(struct line_sink_options, rotate_size),                              \
			.default_text = "0",                                                                           \
			.help = "start a new file before this one grows beyond; 0: never"},                            \
		{.name = "rotate_interval",                                                                            \
			.type = OPTION_DURATION,                                                                       \
			.offset = (at) + offsetof(struct line_sink_options, rotate_interval_ns),                       \
			.default_text = "0s",                                                                          \
			.help = "start a new file when this one is so old; 0s: never"},                                \
		EXPORT_OPTIONS((at) + offsetof(struct line_sink_options, export))

// What a sink's type has besides: drops and gauges, and a part of its manual.
extern const char *const line_sink_drops[];
#define LINE_SINK_MANUAL                                                                                               \
	"The file holds whole lines only. With rotate_size or rotate_interval the full file is renamed to "            \
	"PATH.YYYYMMDDThhmmssZ (UTC; -1, -2, ... where that name is taken), and PATH is always the current one. "      \
	"A regular file is locked: two sinks never write to one.\n\n"                                                  \
	"Records wait in a bounded queue for a thread that formats and writes them. Capture files wait when it is "    \
	"full; with a live source records are dropped instead, counted as queue_full, unless when_full says "          \
	"otherwise.\n\n"                                                                                               \
	"Where writing fails (a full disk), the file is cut back to its last whole line, the records that did not "    \
	"get in are counted as write_error, one message a second says so, and writing is tried again each second; "    \
	"the node exits 1 in the end. Where the reader of a pipe is gone, writing ends for good, and the node with "   \
	"it if this is its only sink."

struct line_sink;

//   options, form  outlive the sink
//   return         0 or a negative errno, after operator_error
int line_sink_new(struct line_sink **out, struct instance *self, const struct line_sink_options *options,
	const struct line_form *form);
void line_sink_free(struct line_sink *sink); // NULL is fine

struct export_queue *line_sink_queue(const struct line_sink *sink);

// The state of an operator that is such a sink and nothing else.
struct line_sink_state {
	struct export_queue *queue; // first: see export_queue.h
	struct line_form form;
	struct line_sink *sink;
	struct line_file_mark mark; // that the snapshot has which this goes on from
};

// Init and fini of such an operator, whose options are a struct line_sink_options.
//   form    copied; its format is freed with the state, also on failure
//   return  as line_sink_new
int line_sink_init(struct instance *self, const struct line_form *form);
void line_sink_fini(struct instance *self);

// Its place in snapshots: the file is cut back.
extern const struct operator_saving line_sink_saving;
#define LINE_SINK_RESTORED                                                                                             \
	"Exactly once: the file is cut back to the length that it had, and refused if it is not the same file any "    \
	"more, as after a rotation. What standard output or a pipe got after the snapshot it gets again."

// Members of such a type.
#define LINE_SINK                                                                                                      \
	.drops = line_sink_drops, .state_size = sizeof(struct line_sink_state), .saving = &line_sink_saving,           \
	.restored = LINE_SINK_RESTORED, .fini = line_sink_fini, EXPORT_SINK
