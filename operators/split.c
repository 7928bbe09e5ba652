// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// split: make a record of each word of a text, or of each item of a list.
//
//   in       any schema with the field
//   out      a record per word or item: `as`, with it the fields of `keep`
//   drops    empty: tuples whose field is absent or has no word
//   options  field, by, as, keep, lower, max_length, cut
//   state    tuples that came and are not split to their end yet
//
// One tuple may become thousands, and room is reserved for as many as came. So a batch is taken in and given out as the
// room allows: what is left waits here, the next batch meanwhile upstream (room), and the watermark with it (backlog).
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/schema_build.h"
#include "dataplane/operator.h"
#include "dataplane/text.h"

enum { KEEP_MAX = 16 };
enum { DROP_EMPTY };
enum { GAUGE_WORDS, GAUGE_TOO_LONG };

struct split_options {
	char *field, *by, *as;
	struct option_list keep;
	bool lower, cut;
	uint64_t max_length;
};

// Fields that every record of a tuple has as well.
struct kept {
	const struct field *from, *to;
	size_t size;
};

struct split {
	const struct split_options *options;
	const struct schema *input, *output;
	const struct field *field, *as;
	unsigned kept_count;
	struct kept kept[KEEP_MAX];
	bool is_separator[256];
	struct batch waiting; // from tuple `next` on
	unsigned next;
	unsigned offset; // of the first byte, or item, of that tuple that is not given out yet
	bool gave;       // it has given a record
	// Records that were taken from their pool and have no word yet: from `used` on. None between two calls.
	unsigned fresh_count, used;
	struct rte_mbuf *fresh[BATCH_MAX];
};

static bool is_list(const struct field *field) {
	return field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST;
}

static void set_present(const struct split *state, const struct field *field, uint8_t *record) {
	if (field->present != FIELD_ALWAYS)
		*(uint64_t *)(record + state->output->present_offset) |= UINT64_C(1) << field->present;
}

static void copy_kept(const struct split *state, const uint8_t *body, uint8_t *record) {
	for (unsigned i = 0; i < state->kept_count; i++) {
		const struct kept *kept = &state->kept[i];
		if (!schema_is_present(state->input, kept->from, body))
			continue;
		memcpy(record + kept->to->offset, body + kept->from->offset, kept->size);
		if (is_list(kept->from))
			record[kept->to->count_offset] = body[kept->from->count_offset];
		set_present(state, kept->to, record);
	}
}

// A record for a piece of the waiting tuple; the caller writes the piece itself, and emits it.
//   place   filled: where to
//   return  NULL: there is none
static struct rte_mbuf *make_record(struct instance *self, struct split *state, const uint8_t *body, uint8_t **place) {
	if (state->used == state->fresh_count)
		return NULL;
	struct rte_mbuf *made = state->fresh[state->used++];
	struct packet_meta *clock = tuple_stored_packet(made);
	clock->timestamp_ns = state->waiting.packets[state->next]->timestamp_ns;
	clock->late_ms = state->waiting.packets[state->next]->late_ms;
	uint8_t *record = tuple_record(made);
	copy_kept(state, body, record);
	set_present(state, state->as, record);
	self->gauges[GAUGE_WORDS]++;
	*place = record + state->as->offset;
	return made;
}

static void write_word(const struct split *state, uint8_t *place, const uint8_t *word, unsigned length) {
	memcpy(place, word, length);
	for (unsigned i = 0; state->options->lower && i < length; i++)
		if (place[i] >= 'A' && place[i] <= 'Z')
			place[i] |= 0x20;
}

// Give out up to `room` words of the waiting tuple's text.
//   return  how many; state->offset is at the end of the field if it has no more
static unsigned split_text(struct instance *self, struct split *state, const uint8_t *body, unsigned room) {
	const uint8_t *text = body + state->field->offset;
	unsigned given = 0, at = state->offset, end = (unsigned)strnlen((const char *)text, state->field->length);
	while (given < room && at < end) {
		while (at < end && state->is_separator[text[at]])
			at++;
		unsigned start = at;
		while (at < end && !state->is_separator[text[at]])
			at++;
		unsigned length = at - start, most = state->as->length;
		if (length == 0)
			break;
		state->gave = true;
		self->gauges[GAUGE_TOO_LONG] += length > most;
		if (length > most && !state->options->cut)
			continue;
		uint8_t *place;
		struct rte_mbuf *made = make_record(self, state, body, &place);
		if (made == NULL)
			break;
		write_word(state, place, text + start, length < most ? length : most);
		instance_emit(self, 0, made);
		given++;
	}
	state->offset = at < end ? at : UINT32_MAX;
	return given;
}

static unsigned split_list(struct instance *self, struct split *state, const uint8_t *body, unsigned room) {
	unsigned count = body[state->field->count_offset], given = 0, at = state->offset;
	size_t size = field_size(state->field) / state->field->length;
	count = count < state->field->length ? count : state->field->length;
	for (; given < room && at < count; at++) {
		uint8_t *place;
		struct rte_mbuf *made = make_record(self, state, body, &place);
		if (made == NULL)
			break;
		memcpy(place, body + state->field->offset + at * size, size);
		instance_emit(self, 0, made);
		state->gave = true;
		given++;
	}
	state->offset = at < count ? at : UINT32_MAX;
	return given;
}

// The tuple has no more.
static void end_tuple(struct instance *self, struct split *state) {
	struct rte_mbuf *tuple = state->waiting.tuples[state->next++];
	struct batch done;
	done.count = 1;
	done.tuples[0] = tuple;
	if (state->gave)
		instance_absorb(self, &done);
	else
		instance_drop(self, DROP_EMPTY, tuple);
	state->offset = 0;
	state->gave = false;
}

// Give out up to `room` records of what waits.
static void give_out(struct instance *self, unsigned room) {
	struct split *state = self->state;
	state->used = 0;
	state->fresh_count = room > 0 ? instance_new_records(self, state->output, state->fresh, room) : 0;
	while (state->next < state->waiting.count && room > 0) {
		const uint8_t *body = batch_body(&state->waiting, state->next, state->input);
		bool is_there = schema_is_present(state->input, state->field, body);
		if (!is_there)
			state->offset = UINT32_MAX;
		else
			room -= is_list(state->field) ? split_list(self, state, body, room)
						      : split_text(self, state, body, room);
		if (state->offset != UINT32_MAX)
			break;
		end_tuple(self, state);
	}
	rte_pktmbuf_free_bulk(&state->fresh[state->used], state->fresh_count - state->used);
	self->counters.held = state->waiting.count - state->next;
	self->backlog = self->counters.held > 0;
}

static unsigned split_room(struct instance *self) {
	return self->backlog ? 0 : BATCH_MAX;
}

// What the room allowed may come in several batches.
static void split_process(struct instance *self, struct batch *batch) {
	struct split *state = self->state;
	struct batch *waiting = &state->waiting;
	unsigned left = 0, received = batch->count;
	for (unsigned i = state->next; i < waiting->count; i++)
		batch_move(waiting, left++, i);
	waiting->count = left;
	state->next = 0;
	for (unsigned i = 0; i < received; i++)
		batch_add_from(waiting, batch, i);
	batch->count = 0;
	give_out(self, received);
}

static bool split_tick(struct instance *self, unsigned room) {
	give_out(self, room);
	return self->backlog;
}

static bool split_flush(struct instance *self, enum end_of_stream why, unsigned room) {
	give_out(self, room);
	return self->backlog;
}

static int fail_field(char *error, size_t size, const char *option, const char *name, const struct schema *input,
	const char *expected) {
	const struct field *field = schema_field(input, name);
	error[0] = '\0';
	text_append(error, size, "%s: ", option);
	text_append_quoted(error, size, name);
	text_append(error, size, ": %s of %s; expected %s", field == NULL ? "no field" : "another kind of field",
		input->name, expected);
	return -EINVAL;
}

static int add_kept(const struct split_options *options, const struct schema *input, struct schema *output, char *error,
	size_t size) {
	for (unsigned i = 0; i < options->keep.count; i++) {
		const char *name = options->keep.items[i];
		const struct field *field = schema_field(input, name);
		if (field == NULL)
			return fail_field(error, size, "keep", name, input, "one of its fields");
		int ret = schema_add_like(output, name, field);
		if (ret == -EEXIST)
			snprintf(error, size, "keep: \"%s\": given twice, or as as; expected each once", name);
		else if (ret != 0)
			snprintf(error, size, "keep: \"%s\": the record would be too large", name);
		if (ret != 0)
			return ret == -ENOMEM ? ret : -EINVAL;
	}
	return 0;
}

static int split_derive(struct derivation *derivation) {
	const struct split_options *options = derivation->options;
	const struct schema *input = derivation->inputs[0];
	const struct field *field = schema_field(input, options->field);
	struct schema *output = NULL;
	if (field == NULL || (field->type != FIELD_STRING && !is_list(field)))
		return fail_field(
			derivation->error, derivation->error_size, "field", options->field, input, "a text or a list");
	int ret = schema_new(&output, derivation->name);
	derivation->outputs[0] = output;
	if (ret == 0 && field->type == FIELD_STRING)
		ret = schema_add(output, options->as, FIELD_STRING, (unsigned)options->max_length, NULL);
	else if (ret == 0)
		ret = schema_add(
			output, options->as, field->type == FIELD_U16_LIST ? FIELD_U16 : FIELD_U32, 0, field->unit);
	if (ret == -EINVAL)
		snprintf(derivation->error, derivation->error_size,
			"as: \"%s\": expected a name of letters, digits, _ and .", options->as);
	return ret == 0 ? add_kept(options, input, output, derivation->error, derivation->error_size) : ret;
}

// The separators: each byte of `by`; \n, \t, \r and \s (any white space) are written so.
static void find_separators(struct split *state, const char *by) {
	for (const char *c = by; *c != '\0'; c++) {
		if (*c != '\\' || c[1] == '\0') {
			state->is_separator[(uint8_t)*c] = true;
			continue;
		}
		c++;
		const char *means = *c == 's'   ? " \t\n\r\v\f"
				    : *c == 'n' ? "\n"
				    : *c == 't' ? "\t"
				    : *c == 'r' ? "\r"
						: "";
		for (const char *m = means; *m != '\0'; m++)
			state->is_separator[(uint8_t)*m] = true;
		if (*means == '\0')
			state->is_separator[(uint8_t)*c] = true;
	}
}

static int split_init(struct instance *self) {
	struct split *state = self->state;
	state->options = self->options;
	state->input = self->op->input;
	state->output = self->op->outputs[0];
	state->field = schema_field(state->input, state->options->field);
	state->as = &state->output->fields[0];
	for (unsigned i = 0; i < state->options->keep.count; i++)
		state->kept[state->kept_count++] = (struct kept){
			.from = schema_field(state->input, state->options->keep.items[i]),
			.to = &state->output->fields[1 + i],
			.size = field_size(&state->output->fields[1 + i]),
		};
	find_separators(state, state->options->by);
	return 0;
}

static void split_fini(struct instance *self) {
	struct split *state = self->state;
	for (; state->next < state->waiting.count; state->next++)
		rte_pktmbuf_free(state->waiting.tuples[state->next]);
}

#define AT(member) offsetof(struct split_options, member)
static const struct option split_option_table[] = {
	{"field", OPTION_STRING, AT(field), .min = 1, .max = SCHEMA_NAME_MAX, .required = true,
		.help = "text that is split, or list"},
	{"by", OPTION_STRING, AT(by), "\\s", .min = 1, .max = 255,
		.help = "of a text: characters between words; \\s is white space, \\t, \\n and \\r as usual"},
	{"as", OPTION_STRING, AT(as), "word", .min = 1, .max = SCHEMA_NAME_MAX, .help = "name of the word, or item"},
	{"keep", OPTION_LIST, AT(keep), .max = KEEP_MAX, .help = "fields that each record has as well"},
	{"lower", OPTION_BOOL, AT(lower), "false", .help = "of a text: make A-Z small"},
	{"max_length", OPTION_UINT, AT(max_length), "64", 1, 4096, .help = "of a text: bytes of the longest word"},
	{"cut", OPTION_BOOL, AT(cut), "true", .help = "of a text: cut longer words; false leaves them out"},
	{0},
};
#undef AT

static const char split_manual[] =
	"Gives a record for each word of a text, or each item of a list, in their order: the word as the field as, and "
	"with it the fields of keep. Words are what stands between the characters of by; several of them in a row are "
	"one separator, so no word is empty.\n\n"
	"A tuple whose text has no word, or whose field does not apply, is dropped as empty. Words longer than "
	"max_length are cut, or left out with cut: false; both are counted in the gauge too_long, and words counts "
	"those "
	"that were given out.\n\n"
	"A text may have more words than there is room for at once: its tuple then waits, and what comes behind it "
	"waits too. The records of a text have the time of its tuple.";

static const struct operator_output outputs[] = {{.name = "words"}, {0}};
static const char *const drops[] = {[DROP_EMPTY] = "empty", NULL};
static const char *const gauges[] = {[GAUGE_WORDS] = "words", [GAUGE_TOO_LONG] = "too_long", NULL};

static struct operator_type split_type = {
	.name = "split",
	.summary = "make a record of each word of a text, or item of a list",
	.manual = split_manual,
	.options = split_option_table,
	.options_size = sizeof(struct split_options),
	.outputs = outputs,
	.drops = drops,
	.gauges = gauges,
	.grouping = GROUPING_FORWARD,
	.state_size = sizeof(struct split),
	.keeps_nothing = true,
	.derive = split_derive,
	.init = split_init,
	.fini = split_fini,
	.process = split_process,
	.room = split_room,
	.tick = split_tick,
	.flush = split_flush,
};
OPERATOR_REGISTER(split_type);
