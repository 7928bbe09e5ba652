// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/text_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/field_text.h"

const char *const text_format_names[] = {[TEXT_JSON] = "json", [TEXT_CSV] = "csv", [TEXT_PLAIN] = "text", NULL};
const char *const text_long_names[] = {[TEXT_LONG_CUT] = "cut", [TEXT_LONG_DROP] = "drop", NULL};
const char *const text_late_names[] = {[TEXT_LATE_DROP] = "drop", [TEXT_LATE_PASS] = "pass", NULL};
const char *const text_source_drops[TEXT_DROPS + 1] = {
	[TEXT_DROP_MALFORMED] = "malformed",
	[TEXT_DROP_OVERSIZED] = "oversized",
	[TEXT_DROP_TOO_LONG] = "too_long",
	[TEXT_DROP_LATE] = "late",
	[TEXT_DROP_EMPTY] = "empty",
};
const struct operator_output text_source_outputs[] = {
	[TEXT_OUTPUT_RECORDS] = {.name = "records"}, [TEXT_OUTPUT_DEAD] = DEAD_LETTER_OUTPUT, {0}};

int text_source_check(const struct text_source_options *options, char *error, size_t size) {
	if (strlen(options->separator) == 1 || strcmp(options->separator, "tab") == 0)
		return 0;
	snprintf(error, size, "separator: \"%s\": expected one character, or tab", options->separator);
	return -EINVAL;
}

// Add the fields to a schema.
//   columns  [SCHEMA_FIELDS_MAX] filled
static int make_columns(const struct text_source_options *options, struct schema *schema, struct column *columns,
	char *error, size_t size) {
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

int text_source_derive(struct derivation *derivation, const struct text_source_options *options, struct schema **out) {
	struct column columns[SCHEMA_FIELDS_MAX];
	int ret = schema_new(out, derivation->name);
	if (ret != 0)
		return ret;
	derivation->outputs[TEXT_OUTPUT_RECORDS] = *out;
	return make_columns(options, *out, columns, derivation->error, derivation->error_size);
}

int text_source_derived(struct derivation *derivation, const struct text_source_options *options) {
	const struct schema *schema = derivation->outputs[TEXT_OUTPUT_RECORDS];
	const struct field *time = options->time == NULL ? NULL : schema_field(schema, options->time);
	if (options->time != NULL &&
		(time == NULL || time->type != FIELD_U64 || time->unit == NULL || strcmp(time->unit, "ns") != 0)) {
		snprintf(derivation->error, derivation->error_size, "time: \"%s\": %s; expected a field of type time",
			options->time, time == NULL ? "no such field" : "not a time");
		return -EINVAL;
	}
	if (options->format == TEXT_PLAIN && (options->fields.count != 1 || schema->fields[0].type != FIELD_STRING)) {
		snprintf(derivation->error, derivation->error_size,
			"fields: format text has one, of type string; expected [NAME string LENGTH]");
		return -EINVAL;
	}
	return 0;
}

int text_source_init(struct text_source *source, struct instance *self, const struct text_source_options *options) {
	static enum line_verdict (*const readers[])(struct line_layout *, const char *, size_t, uint8_t *) = {
		[TEXT_JSON] = line_read_json, [TEXT_CSV] = line_read_csv, [TEXT_PLAIN] = line_read_text};
	const struct schema *given = self->op->outputs[TEXT_OUTPUT_RECORDS];
	struct column columns[SCHEMA_FIELDS_MAX];
	struct schema *scratch;
	char error[256] = "out of memory";
	*source = (struct text_source){.options = options, .read = readers[options->format]};
	// The columns once more, now with the fields of the schema that the pipeline has.
	int ret = schema_new(&scratch, given->name);
	if (ret == 0) {
		ret = make_columns(options, scratch, columns, error, sizeof(error));
		for (unsigned i = 0; i < options->fields.count; i++)
			columns[i].field = &given->fields[i];
		schema_free(scratch);
	}
	if (ret == 0)
		ret = line_layout_init(&source->layout, given, columns, options->fields.count);
	if (ret != 0)
		operator_error(self->op, "%s", error);
	source->layout.separator = strcmp(options->separator, "tab") == 0 ? '\t' : options->separator[0];
	if (options->time != NULL)
		source->time = schema_field(given, options->time);
	return ret;
}

void text_source_fini(struct text_source *source) {
	line_layout_fini(&source->layout);
}

void text_source_begin(struct text_source *source, struct instance *self) {
	if (source->time == NULL)
		self->watermark_ns = live_clock_now(&source->clock, clock_now_ns(), clock_monotonic_ns());
}

// Whether a record's time is one that is still waited for.
//   return  TEXT_DROPS: it is; else why not
static enum text_drop judge_time(
	struct text_source *source, const struct instance *self, const void *body, uint64_t *latest_ns) {
	const struct text_source_options *options = source->options;
	if (source->time == NULL)
		return TEXT_DROPS;
	if (!schema_is_present(source->layout.schema, source->time, body))
		return TEXT_DROP_MALFORMED;
	uint64_t at_ns = *(const uint64_t *)((const uint8_t *)body + source->time->offset);
	if (at_ns > EVENT_CLOCK_MAX_NS)
		return TEXT_DROP_MALFORMED;
	// By the times before it, not by the watermark alone: that moves with each batch, whose size depends on the
	// load.
	if (at_ns + options->out_of_order_ns < *latest_ns || at_ns < self->watermark_ns)
		return options->late == TEXT_LATE_DROP ? TEXT_DROP_LATE : TEXT_DROPS;
	if (at_ns > *latest_ns)
		*latest_ns = at_ns;
	return TEXT_DROPS;
}

// What the text cannot be a record for, by itself.
static enum text_drop judge_text(const struct text_source *source, const struct text_item *item) {
	if (item->is_too_long)
		return TEXT_DROP_OVERSIZED;
	return item->text.size == 0 && source->options->format != TEXT_PLAIN ? TEXT_DROP_EMPTY : TEXT_DROPS;
}

static enum text_drop read_record(
	struct text_source *source, struct instance *self, const struct text_item *item, void *body) {
	if (source->fill != NULL)
		source->fill(self, body);
	enum line_verdict verdict = source->read(&source->layout, item->text.text, item->text.size, body);
	if (verdict == LINE_MALFORMED)
		return TEXT_DROP_MALFORMED;
	if (verdict == LINE_CUT && source->options->long_strings == TEXT_LONG_DROP)
		return TEXT_DROP_TOO_LONG;
	enum text_drop reason = judge_time(source, self, body, item->latest_ns);
	self->gauges[TEXT_GAUGE_CUT] += verdict == LINE_CUT && reason == TEXT_DROPS;
	return reason;
}

// Its clock: the event time, but not below what the watermark has promised.
static void stamp(const struct text_source *source, const struct instance *self, struct rte_mbuf *tuple) {
	struct packet_meta *meta = tuple_stored_packet(tuple);
	uint64_t at_ns = self->watermark_ns;
	if (source->time != NULL)
		at_ns = *(const uint64_t *)((const uint8_t *)tuple_record(tuple) + source->time->offset);
	uint64_t late_ms = at_ns < self->watermark_ns ? (self->watermark_ns - at_ns + 999999) / 1000000 : 0;
	bool is_told = late_ms <= EVENT_CLOCK_LATE_MAX_MS;
	meta->timestamp_ns = is_told ? at_ns : self->watermark_ns;
	meta->late_ms = is_told ? (uint32_t)late_ms : 0;
}

void text_source_take(
	struct text_source *source, struct instance *self, struct batch *batch, const struct text_item *item) {
	enum text_drop reason = judge_text(source, item);
	if (reason == TEXT_DROPS) {
		struct rte_mbuf *tuple = instance_new_record(self, source->layout.schema);
		if (tuple == NULL)
			return;
		reason = read_record(source, self, item, tuple_record(tuple));
		if (reason == TEXT_DROPS) {
			stamp(source, self, tuple);
			batch_add_packet(batch, tuple, tuple_stored_packet(tuple));
			return;
		}
		rte_pktmbuf_free(tuple);
	}
	dead_letter_take_in(self, TEXT_OUTPUT_DEAD, reason, &item->text);
}

void text_source_advance(struct text_source *source, struct instance *self, bool has_text, uint64_t latest_ns) {
	const struct text_source_options *options = source->options;
	uint64_t event_ns = latest_ns;
	if (source->time == NULL)
		return;
	if (options->idle_timeout_ns > 0 && event_ns > 0) {
		uint64_t now_ns = clock_monotonic_ns();
		if (has_text || source->text_at_ns == 0)
			source->text_at_ns = now_ns;
		if (now_ns - source->text_at_ns > options->idle_timeout_ns)
			event_ns += now_ns - source->text_at_ns;
	}
	if (event_ns > options->out_of_order_ns && event_ns - options->out_of_order_ns > self->watermark_ns)
		self->watermark_ns = event_ns - options->out_of_order_ns;
}
