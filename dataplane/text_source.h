// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the sources share that make records of text (lines of files, messages of a topic): the fields and formats that
// users write, what becomes of text that is no record, and the event time of those that are.
//
//   drops   malformed: not of the format, a value not of its field's type, or no time; oversized: longer than the
//           source takes; too_long: a string longer than its field, with long_strings: drop; late: by its time, more
//           than out_of_order behind the latest of its origin; empty: nothing in it (formats json and csv)
#pragma once

#include "api/schema_build.h"
#include "dataplane/dead_letter.h"
#include "dataplane/event_clock.h"
#include "dataplane/line_record.h"
#include "dataplane/operator.h"

// The first rows of the type's tables.
enum { TEXT_OUTPUT_RECORDS, TEXT_OUTPUT_DEAD };
extern const struct operator_output text_source_outputs[];
enum text_drop {
	TEXT_DROP_MALFORMED,
	TEXT_DROP_OVERSIZED,
	TEXT_DROP_TOO_LONG,
	TEXT_DROP_LATE,
	TEXT_DROP_EMPTY,
	TEXT_DROPS,
};
extern const char *const text_source_drops[TEXT_DROPS + 1];
enum { TEXT_GAUGE_CUT, TEXT_GAUGES }; // records of which a string was cut

enum text_format { TEXT_JSON, TEXT_CSV, TEXT_PLAIN };
enum text_long_strings { TEXT_LONG_CUT, TEXT_LONG_DROP };
enum text_late { TEXT_LATE_DROP, TEXT_LATE_PASS };
extern const char *const text_format_names[], *const text_long_names[], *const text_late_names[];

struct text_source_options {
	struct option_list fields;
	char *separator, *time;
	unsigned format, long_strings, late;
	uint64_t out_of_order_ns, idle_timeout_ns;
};

// Rows of a source's option table, for a member of type struct text_source_options at `at` of its options.
#define TEXT_AT(at, member) ((at) + offsetof(struct text_source_options, member))
#define TEXT_SOURCE_OPTIONS(at)                                                                                        \
	{"fields", OPTION_LIST, TEXT_AT(at, fields), .min = 1, .max = SCHEMA_FIELDS_MAX, .required = true,             \
		.help = "NAME TYPE each, such as [user string 32, count u64, at time ms]; types bool, u8, u16, u32, "  \
			"u64, i64, f64, ip, mac, string LENGTH, and time s, ms, us or ns"},                            \
		{"format", OPTION_ENUM, TEXT_AT(at, format), "json", .choices = text_format_names,                     \
			.help = "a JSON object, comma-separated values, or the text as it is"},                        \
		{"separator", OPTION_STRING, TEXT_AT(at, separator), ",", 1, 3, .help = "csv: one character, or tab"}, \
		{"time", OPTION_STRING, TEXT_AT(at, time), .min = 1, .max = SCHEMA_NAME_MAX,                           \
			.help = "field with the event time; without it, time is the clock's"},                         \
		{"out_of_order", OPTION_DURATION, TEXT_AT(at, out_of_order_ns), "1s", 0, UINT64_C(604800000000000),    \
			.help = "how far records may lie behind the latest time before them"},                         \
		{"late", OPTION_ENUM, TEXT_AT(at, late), "drop", .choices = text_late_names,                           \
			.help = "what becomes of those that lie further behind; pass: downstream must cope with "      \
				"them"},                                                                               \
		{"idle_timeout", OPTION_DURATION, TEXT_AT(at, idle_timeout_ns), "0s", 0, UINT64_C(604800000000000),    \
			.help = "without records for so long, event time goes on with the clock; 0s: it waits for "    \
				"records"},                                                                            \
	{                                                                                                              \
		"long_strings", OPTION_ENUM, TEXT_AT(at, long_strings), "cut",                                         \
			.choices = text_long_names,                                                                    \
			.help = "what becomes of a string longer than its field: cut it, or drop all of it"            \
	}

// What manuals of sources say of the formats, of time, and of dead letters.
#define TEXT_SOURCE_MANUAL                                                                                             \
	"Format json: members are found by name, dotted names reach into objects, others are passed over; null is "    \
	"absent. A string that holds a number serves for a field of numbers. Format csv: values in the order of the "  \
	"fields, or of a header; an empty value is absent, values may stand in double quotes. Format text: the whole " \
	"text is the one field, a string.\n\n"                                                                         \
	"A time is a date and time such as 2026-01-31T12:00:00.5Z (without a zone it is UTC), or a number since the "  \
	"epoch, of seconds, or of what stands behind time: ms, us or ns. With the option time, windows and time-outs " \
	"go by that field; what has none is malformed.\n\n"                                                            \
	"What is dropped is counted by name. Join a sink to the second output to keep it: from: NAME.dead.\n\n"

// Of an instance.
struct text_source {
	const struct text_source_options *options;
	struct line_layout layout;
	enum line_verdict (*read)(struct line_layout *layout, const char *line, size_t size, uint8_t *body);
	const struct field *time; // NULL: the clock's
	// Fills the fields that don't come from the text, before those that do. May be NULL.
	void (*fill)(struct instance *self, void *body);
	uint64_t text_at_ns; // monotonic time of the last text
	struct live_clock clock;
};

//   return  0, or -EINVAL with error[size] filled
int text_source_check(const struct text_source_options *options, char *error, size_t size);

// In `derive`: make the schema of the records, the pipeline's, to which the source may add fields; then look whether
// the options fit it.
//   return  0, -EINVAL with the derivation's error filled, -ENOMEM
int text_source_derive(struct derivation *derivation, const struct text_source_options *options, struct schema **out);
int text_source_derived(struct derivation *derivation, const struct text_source_options *options);

//   return  0 or a negative errno, after operator_error; text_source_fini is due in any case
int text_source_init(struct text_source *source, struct instance *self, const struct text_source_options *options);
void text_source_fini(struct text_source *source);

// One text, and the latest event time of where it is from.
struct text_item {
	struct dead_text text;
	bool is_too_long; // only its beginning is here
	uint64_t *latest_ns;
};
// Time has come to now, where it is the clock's: before the texts of a poll.
void text_source_begin(struct text_source *source, struct instance *self);
// Make a text a record at the end of the batch, or drop it.
void text_source_take(
	struct text_source *source, struct instance *self, struct batch *batch, const struct text_item *item);
// Event time goes on, where a field tells it: after the texts of a poll.
//   latest_ns  the least of its origins'
void text_source_advance(struct text_source *source, struct instance *self, bool has_text, uint64_t latest_ns);
