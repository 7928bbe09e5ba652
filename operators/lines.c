// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// lines: a source that makes records of lines of text: of a file, of standard input, or of whoever connects.
//
//   in       lines: JSON objects, comma-separated values, or plain text; from `path`, or by a TCP or Unix socket
//   out      records: a schema of the `fields`, absent where the line has none
//            dead: each line that was dropped, with the reason (schema dead_line)
//   drops    malformed: not of the format, a value not of its field's type, or no time; oversized: longer than
//            line_max; too_long: a string longer than its field, with long_strings: drop; late: by its time, more
//            than out_of_order behind the latest; empty: nothing in it (formats json and csv)
//   state    a buffer per connection; one instance
//
// A line is taken only when there is room downstream: a file waits, and so does a sender, through its connection.
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/event_clock.h"
#include "dataplane/field_text.h"
#include "dataplane/line_input.h"
#include "dataplane/line_record.h"
#include "dataplane/operator.h"

enum {
	CONNECTIONS_MAX = 1024,
	LINES_PER_POLL = 4 * BATCH_MAX, // also where none of them becomes a record
	DEAD_TEXT_MAX = 1024,
};

enum { OUTPUT_RECORDS, OUTPUT_DEAD };
enum drop { DROP_MALFORMED, DROP_OVERSIZED, DROP_TOO_LONG, DROP_LATE, DROP_EMPTY, DROPS };
static const char *const lines_drops[] = {
	[DROP_MALFORMED] = "malformed",
	[DROP_OVERSIZED] = "oversized",
	[DROP_TOO_LONG] = "too_long",
	[DROP_LATE] = "late",
	[DROP_EMPTY] = "empty",
	[DROPS] = NULL,
};
enum gauge { GAUGE_CONNECTIONS, GAUGE_PORT, GAUGE_CUT };
static const char *const lines_gauges[] = {
	[GAUGE_CONNECTIONS] = "connections", [GAUGE_PORT] = "port", [GAUGE_CUT] = "cut", NULL};

enum format { FORMAT_JSON, FORMAT_CSV, FORMAT_TEXT };
static const char *const format_names[] = {[FORMAT_JSON] = "json", [FORMAT_CSV] = "csv", [FORMAT_TEXT] = "text", NULL};
enum long_strings { LONG_CUT, LONG_DROP };
static const char *const long_names[] = {[LONG_CUT] = "cut", [LONG_DROP] = "drop", NULL};
enum late { LATE_DROP, LATE_PASS };
static const char *const late_names[] = {[LATE_DROP] = "drop", [LATE_PASS] = "pass", NULL};

struct lines_options {
	char *path, *listen, *separator, *time;
	struct option_list fields;
	unsigned format, long_strings, late;
	bool header, is_public;
	uint64_t out_of_order_ns, idle_timeout_ns, line_max, connections;
};

#define AT(member) offsetof(struct lines_options, member)
static const struct option lines_option_table[] = {
	{"path", OPTION_STRING, AT(path), .min = 1, .max = PATH_MAX - 1, .help = "file; - is standard input"},
	{"listen", OPTION_STRING, AT(listen), .min = 1, .max = 255,
		.help = "instead of path: tcp://ADDRESS:PORT or unix:PATH, to which others connect and send lines"},
	{"public", OPTION_BOOL, AT(is_public), "false",
		.help = "listen beyond loopback: anyone who reaches the port can send"},
	{"format", OPTION_ENUM, AT(format), "json", .choices = format_names,
		.help = "a JSON object a line, comma-separated values, or a line as it is"},
	{"fields", OPTION_LIST, AT(fields), .min = 1, .max = SCHEMA_FIELDS_MAX, .required = true,
		.help = "NAME TYPE each, such as [user string 32, count u64, at time ms]; types bool, u8, u16, u32, "
			"u64, "
			"i64, f64, ip, mac, string LENGTH, and time s, ms, us or ns"},
	{"separator", OPTION_STRING, AT(separator), ",", 1, 3, .help = "csv: one character, or tab"},
	{"header", OPTION_BOOL, AT(header), "false", .help = "csv: the file's first line names its columns"},
	{"time", OPTION_STRING, AT(time), .min = 1, .max = SCHEMA_NAME_MAX,
		.help = "field with the event time; without it, time is the clock's"},
	{"out_of_order", OPTION_DURATION, AT(out_of_order_ns), "1s", 0, UINT64_C(604800000000000),
		.help = "how far lines may lie behind the latest time before them"},
	{"late", OPTION_ENUM, AT(late), "drop", .choices = late_names,
		.help = "what becomes of those that lie further behind; pass: downstream must cope with them"},
	{"idle_timeout", OPTION_DURATION, AT(idle_timeout_ns), "0s", 0, UINT64_C(604800000000000),
		.help = "without lines for so long, event time goes on with the clock; 0s: it waits for lines"},
	{"line_max", OPTION_SIZE, AT(line_max), "64KiB", 16, 16 << 20, .help = "longest line"},
	{"long_strings", OPTION_ENUM, AT(long_strings), "cut", .choices = long_names,
		.help = "what becomes of a string longer than its field: cut it, or drop the line"},
	{"connections", OPTION_UINT, AT(connections), "64", 1, CONNECTIONS_MAX,
		.help = "at a time; others wait until one closes"},
	{0},
};
#undef AT

struct dead_line {
	uint64_t line_number;
	uint8_t reason; // enum drop
	char text[DEAD_TEXT_MAX];
};
static const struct field dead_line_fields[] = {
	{.name = "reason",
		.type = FIELD_ENUM,
		.offset = offsetof(struct dead_line, reason),
		.choices = lines_drops,
		.help = "why the line was dropped"},
	{.name = "line_number",
		.type = FIELD_U64,
		.offset = offsetof(struct dead_line, line_number),
		.help = "from 1, of the file or of its connection"},
	{.name = "text",
		.type = FIELD_STRING,
		.offset = offsetof(struct dead_line, text),
		.length = DEAD_TEXT_MAX,
		.help = "the line; what is longer is cut"},
	{.name = NULL},
};
static const struct schema dead_line_schema = {
	.name = "dead_line", .body = SCHEMA_RECORD, .size = sizeof(struct dead_line), .fields = dead_line_fields};
static const struct operator_output lines_outputs[] = {
	[OUTPUT_RECORDS] = {.name = "records"}, [OUTPUT_DEAD] = {.name = "dead", .schema = &dead_line_schema}, {0}};

struct lines {
	struct line_input *input;
	struct line_layout layout;
	enum line_verdict (*read)(struct line_layout *layout, const char *line, size_t size, uint8_t *body);
	const struct field *time; // NULL: the clock's
	bool is_header_due;       // the next line is one
	uint64_t latest_ns;       // of the records so far
	uint64_t line_at_ns;      // monotonic time of the last line
	struct live_clock clock;
};

static int lines_check(const void *given, char *error, size_t size) {
	const struct lines_options *options = given;
	bool has_path = options->path != NULL && options->path[0] != '\0';
	bool has_listen = options->listen != NULL && options->listen[0] != '\0';
	if (has_path == has_listen) {
		snprintf(error, size, "path and listen: %s given; expected one of them", has_path ? "both" : "none");
		return -EINVAL;
	}
	if (strlen(options->separator) != 1 && strcmp(options->separator, "tab") != 0) {
		snprintf(error, size, "separator: \"%s\": expected one character, or tab", options->separator);
		return -EINVAL;
	}
	if (options->header && (options->format != FORMAT_CSV || !has_path)) {
		snprintf(error, size, "header: yes: expected format: csv and a path beside it");
		return -EINVAL;
	}
	return 0;
}

// Add the fields to a schema.
//   columns  [SCHEMA_FIELDS_MAX] filled
static int make_columns(
	const struct lines_options *options, struct schema *schema, struct column *columns, char *error, size_t size) {
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < options->fields.count; i++) {
		const char *item = options->fields.items[i];
		struct field_text text;
		ret = field_text_add(&text, item, schema, &columns[i], error, size);
		if (ret != 0)
			return ret;
		if (text.next < text.count)
			ret = field_text_fail(item, error, size, "%s: expected no more words", text.word[text.next]);
		field_text_fini(&text);
	}
	return ret;
}

static int check_fields(const struct lines_options *options, const struct schema *schema, char *error, size_t size) {
	const struct field *time = options->time == NULL ? NULL : schema_field(schema, options->time);
	if (options->time != NULL &&
		(time == NULL || time->type != FIELD_U64 || time->unit == NULL || strcmp(time->unit, "ns") != 0)) {
		snprintf(error, size, "time: \"%s\": %s; expected a field of type time", options->time,
			time == NULL ? "no such field" : "not a time");
		return -EINVAL;
	}
	if (options->format == FORMAT_TEXT && (options->fields.count != 1 || schema->fields[0].type != FIELD_STRING)) {
		snprintf(error, size, "fields: format text has one, of type string; expected [NAME string LENGTH]");
		return -EINVAL;
	}
	return 0;
}

static int lines_derive(struct derivation *derivation) {
	const struct lines_options *options = derivation->options;
	struct column columns[SCHEMA_FIELDS_MAX];
	struct schema *schema;
	int ret = schema_new(&schema, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[OUTPUT_RECORDS] = schema;
	ret = make_columns(options, schema, columns, derivation->error, derivation->error_size);
	return ret == 0 ? check_fields(options, schema, derivation->error, derivation->error_size) : ret;
}

// The columns once more, now with the fields of the schema that the pipeline has.
static int init_layout(struct instance *self) {
	const struct lines_options *options = self->options;
	const struct schema *given = self->op->outputs[OUTPUT_RECORDS];
	struct lines *state = self->state;
	struct column columns[SCHEMA_FIELDS_MAX];
	struct schema *scratch;
	char error[256] = "out of memory";
	int ret = schema_new(&scratch, given->name);
	if (ret == 0) {
		ret = make_columns(options, scratch, columns, error, sizeof(error));
		for (unsigned i = 0; i < options->fields.count; i++)
			columns[i].field = &given->fields[i];
		schema_free(scratch);
	}
	if (ret == 0)
		ret = line_layout_init(&state->layout, given, columns, options->fields.count);
	if (ret != 0)
		operator_error(self->op, "%s", error);
	state->layout.separator = strcmp(options->separator, "tab") == 0 ? '\t' : options->separator[0];
	return ret;
}

static int lines_init(struct instance *self) {
	static enum line_verdict (*const readers[])(struct line_layout *, const char *, size_t, uint8_t *) = {
		[FORMAT_JSON] = line_read_json, [FORMAT_CSV] = line_read_csv, [FORMAT_TEXT] = line_read_text};
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
	int ret = init_layout(self);
	if (ret != 0)
		return ret;
	state->read = readers[options->format];
	state->is_header_due = options->header;
	if (options->time != NULL)
		state->time = schema_field(state->layout.schema, options->time);
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
	line_layout_fini(&state->layout);
}

// Drop a line, and send it on as dead where somebody listens.
static void drop_line(struct instance *self, enum drop reason, const struct line *line) {
	instance_drop_unborn(self, reason, 1);
	if (!instance_has_listener(self, OUTPUT_DEAD))
		return;
	struct rte_mbuf *tuple = instance_new_record(self, &dead_line_schema);
	if (tuple == NULL)
		return;
	struct dead_line *dead = tuple_record(tuple);
	dead->reason = (uint8_t)reason;
	dead->line_number = line->origin->line_number;
	memcpy(dead->text, line->text, line->size < DEAD_TEXT_MAX ? line->size : DEAD_TEXT_MAX);
	instance_emit(self, OUTPUT_DEAD, tuple);
}

// Whether a record's time is one that is still waited for.
//   return  DROPS: it is; else why not
static enum drop judge_time(struct instance *self, const void *body) {
	const struct lines_options *options = self->options;
	struct lines *state = self->state;
	if (state->time == NULL)
		return DROPS;
	if (!schema_is_present(state->layout.schema, state->time, body))
		return DROP_MALFORMED;
	uint64_t at_ns = *(const uint64_t *)((const uint8_t *)body + state->time->offset);
	if (at_ns > EVENT_CLOCK_MAX_NS)
		return DROP_MALFORMED;
	// By the times before it, not by the watermark alone: that moves with each batch, whose size depends on the
	// load.
	if (at_ns + options->out_of_order_ns < state->latest_ns || at_ns < self->watermark_ns)
		return options->late == LATE_DROP ? DROP_LATE : DROPS;
	if (at_ns > state->latest_ns)
		state->latest_ns = at_ns;
	return DROPS;
}

// What the line cannot be a record for, by itself.
static enum drop judge_line(struct instance *self, const struct line *line) {
	const struct lines_options *options = self->options;
	if (line->is_too_long)
		return DROP_OVERSIZED;
	return line->size == 0 && options->format != FORMAT_TEXT ? DROP_EMPTY : DROPS;
}

static enum drop read_record(struct instance *self, const struct line *line, void *body) {
	const struct lines_options *options = self->options;
	struct lines *state = self->state;
	enum line_verdict verdict = state->read(&state->layout, line->text, line->size, body);
	if (verdict == LINE_MALFORMED)
		return DROP_MALFORMED;
	if (verdict == LINE_CUT && options->long_strings == LONG_DROP)
		return DROP_TOO_LONG;
	enum drop reason = judge_time(self, body);
	self->gauges[GAUGE_CUT] += verdict == LINE_CUT && reason == DROPS;
	return reason;
}

// Its clock: the event time, but not below what the watermark has promised.
static void stamp(struct instance *self, struct rte_mbuf *tuple) {
	const struct lines *state = self->state;
	struct packet_meta *meta = tuple_stored_packet(tuple);
	uint64_t at_ns = self->watermark_ns;
	if (state->time != NULL)
		at_ns = *(const uint64_t *)((const uint8_t *)tuple_record(tuple) + state->time->offset);
	uint64_t late_ms = at_ns < self->watermark_ns ? (self->watermark_ns - at_ns + 999999) / 1000000 : 0;
	bool is_told = late_ms <= EVENT_CLOCK_LATE_MAX_MS;
	meta->timestamp_ns = is_told ? at_ns : self->watermark_ns;
	meta->late_ms = is_told ? (uint32_t)late_ms : 0;
}

// Make one line a record at the end of the batch, or drop it.
static void take_line(struct instance *self, struct batch *batch, const struct line *line) {
	struct lines *state = self->state;
	enum drop reason = judge_line(self, line);
	if (reason == DROPS) {
		struct rte_mbuf *tuple = instance_new_record(self, state->layout.schema);
		if (tuple == NULL)
			return;
		reason = read_record(self, line, tuple_record(tuple));
		if (reason == DROPS) {
			stamp(self, tuple);
			batch_add_packet(batch, tuple, tuple_stored_packet(tuple));
			return;
		}
		rte_pktmbuf_free(tuple);
	}
	drop_line(self, reason, line);
}

// The first line of a file with a header.
static int take_header(struct instance *self, const struct line *line) {
	struct lines *state = self->state;
	state->is_header_due = false;
	if (!line->is_too_long && line_read_csv_header(&state->layout, line->text, line->size))
		return 0;
	instance_fail(self, "header: its columns are none of the fields, or one of them twice");
	return -EINVAL;
}

// Event time after some lines, or none.
static void advance_time(struct instance *self, bool has_line) {
	const struct lines_options *options = self->options;
	struct lines *state = self->state;
	uint64_t event_ns = state->latest_ns;
	if (options->idle_timeout_ns > 0 && event_ns > 0) {
		uint64_t now_ns = clock_monotonic_ns();
		if (has_line || state->line_at_ns == 0)
			state->line_at_ns = now_ns;
		if (now_ns - state->line_at_ns > options->idle_timeout_ns)
			event_ns += now_ns - state->line_at_ns;
	}
	if (event_ns > options->out_of_order_ns && event_ns - options->out_of_order_ns > self->watermark_ns)
		self->watermark_ns = event_ns - options->out_of_order_ns;
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
	if (state->time == NULL)
		self->watermark_ns = live_clock_now(&state->clock, clock_now_ns(), clock_monotonic_ns());
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
	instance_take_in(self, OUTPUT_RECORDS, &batch, bytes);
	if (state->time != NULL)
		advance_time(self, taken > 0);
	self->gauges[GAUGE_CONNECTIONS] = line_input_connections(state->input);
	if (ret < 0)
		end_input(self, ret);
	return taken;
}

static const char lines_manual[] =
	"Makes a record of each line of a file, of standard input, or of what those send who connect to a socket. The "
	"records have the fields that are listed, each with its type; a field that the line does not have is "
	"absent.\n\n"
	"Format json: one object a line. Members are found by name, dotted names reach into objects, others are passed "
	"over; null is absent. A string that holds a number serves for a field of numbers. Format csv: values in the "
	"order of the fields, or of a header; an empty value is absent, values may stand in double quotes. Format "
	"text: "
	"the whole line is the one field, a string.\n\n"
	"A time is a date and time such as 2026-01-31T12:00:00.5Z (without a zone it is UTC), or a number since the "
	"epoch, of seconds, or of what stands behind time: ms, us or ns. With the option time, windows and time-outs "
	"go "
	"by that field; a line without it is malformed. Time is the latest so far less out_of_order; with several "
	"connections, the latest of any.\n\n"
	"Lines that are dropped are counted by name. Join a sink to the second output to keep them: from: "
	"NAME.dead.\n\n"
	"A file ends the pipeline where it ends, standard input where it is closed. Whoever listens goes on until it "
	"is "
	"stopped. It listens on loopback or on a Unix socket that is its owner's alone; there is no encryption.";

static struct operator_type lines_type = {
	.name = "lines",
	.summary = "make records of lines of text: JSON, CSV or plain, from a file or a socket",
	.manual = lines_manual,
	.options = lines_option_table,
	.options_size = sizeof(struct lines_options),
	.outputs = lines_outputs,
	.drops = lines_drops,
	.gauges = lines_gauges,
	.parallelism = 1,
	.parallelism_max = 1,
	.state_size = sizeof(struct lines),
	.check = lines_check,
	.derive = lines_derive,
	.init = lines_init,
	.fini = lines_fini,
	.poll = lines_poll,
};
OPERATOR_REGISTER(lines_type);
