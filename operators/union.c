// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// union: make one stream of several, of one schema or of different ones.
//
//   in       first, second, third, fourth: any schema each; any number of streams with one schema can lead to each
//   out      tuples of one schema as they are; else records of the fields that all inputs have alike
//   drops    none
//   options  fields, from
//   state    where each field lies in each input
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/schema_build.h"
#include "dataplane/operator.h"
#include "dataplane/text.h"

enum { INPUTS = 4 };

struct union_options {
	struct option_list fields;
	char *from;
};

struct merged {
	unsigned count;
	const struct field *fields[INPUTS][SCHEMA_FIELDS_MAX]; // of each input, in the order of the result's
};

struct union_state {
	const struct schema *output;
	struct merged merged; // count 0: tuples go through as they are
	const struct field *from;
};

static const char *const input_names[INPUTS] = {"first", "second", "third", "fourth"};

static bool is_alike(const struct field *a, const struct field *b) {
	if (a->type != b->type || a->length != b->length)
		return false;
	for (unsigned i = 0; a->type == FIELD_ENUM && (a->choices[i] != NULL || b->choices[i] != NULL); i++)
		if (a->choices[i] == NULL || b->choices[i] == NULL || strcmp(a->choices[i], b->choices[i]) != 0)
			return false;
	return true;
}

// Add a field of the first input if all others have it alike.
static bool merge_field(struct merged *merged, const struct schema *const *inputs, const struct field *field) {
	if (merged->count == SCHEMA_FIELDS_MAX)
		return false;
	for (unsigned i = 0; i < INPUTS; i++) {
		const struct field *other = inputs[i] != NULL ? schema_field(inputs[i], field->name) : field;
		if (other == NULL || !is_alike(field, other))
			return false;
		merged->fields[i][merged->count] = other;
	}
	merged->count++;
	return true;
}

static int merge(struct merged *merged, const struct union_options *options, const struct schema *const *inputs,
	char *error, size_t size) {
	merged->count = 0;
	for (unsigned i = 0; i < options->fields.count; i++) {
		const struct field *field = schema_field(inputs[0], options->fields.items[i]);
		if (field != NULL && merge_field(merged, inputs, field))
			continue;
		error[0] = '\0';
		text_append(error, size, "fields: ");
		text_append_quoted(error, size, options->fields.items[i]);
		text_append(error, size, ": expected a field that all inputs have, with one type and length");
		return -EINVAL;
	}
	for (const struct field *field = inputs[0]->fields; options->fields.count == 0 && field->name != NULL; field++)
		merge_field(merged, inputs, field);
	if (merged->count > 0)
		return 0;
	snprintf(error, size, "the inputs have no field in common; expected one at least");
	return -EINVAL;
}

// Whether tuples can go through as they are.
static bool is_plain(const struct union_options *options, const struct schema *const *inputs) {
	bool plain = options->fields.count == 0 && options->from == NULL;
	for (unsigned i = 1; i < INPUTS; i++)
		plain &= inputs[i] == NULL || schema_is_same(inputs[i], inputs[0]);
	return plain;
}

static int union_derive(struct derivation *derivation) {
	const struct union_options *options = derivation->options;
	struct merged merged;
	struct schema *output = NULL;
	if (is_plain(options, derivation->inputs))
		return 0;
	int ret = merge(&merged, options, derivation->inputs, derivation->error, derivation->error_size);
	if (ret == 0)
		ret = schema_new(&output, derivation->name);
	derivation->outputs[0] = output;
	for (unsigned i = 0; ret == 0 && i < merged.count; i++)
		ret = schema_add_like(output, merged.fields[0][i]->name, merged.fields[0][i]);
	if (ret != 0 || options->from == NULL)
		return ret;
	ret = schema_add(output, options->from, FIELD_STRING, sizeof("second"), NULL);
	if (ret != 0)
		snprintf(derivation->error, derivation->error_size,
			"from: \"%s\": expected a name that no field has, of letters, digits, _ and .", options->from);
	return ret == 0 || ret == -ENOMEM ? ret : -EINVAL;
}

static void set_present(const struct union_state *state, const struct field *field, uint8_t *record) {
	if (field->present != FIELD_ALWAYS)
		*(uint64_t *)(record + state->output->present_offset) |= UINT64_C(1) << field->present;
}

static void fill(const struct union_state *state, unsigned input, const struct schema *schema, const uint8_t *body,
	uint8_t *record) {
	for (unsigned i = 0; i < state->merged.count; i++) {
		const struct field *from = state->merged.fields[input][i], *to = &state->output->fields[i];
		if (!schema_is_present(schema, from, body))
			continue;
		memcpy(record + to->offset, body + from->offset, field_size(from));
		if (from->type == FIELD_U16_LIST || from->type == FIELD_U32_LIST)
			record[to->count_offset] = body[from->count_offset];
		set_present(state, to, record);
	}
	if (state->from == NULL)
		return;
	memcpy(record + state->from->offset, input_names[input], strlen(input_names[input]));
	set_present(state, state->from, record);
}

static void union_process(struct instance *self, struct batch *batch) {
	struct union_state *state = self->state;
	if (state->merged.count == 0) {
		instance_forward(self, 0, batch);
		return;
	}
	const struct schema *schema = self->op->inputs[batch->input];
	for (unsigned i = 0; i < batch->count; i++) {
		struct rte_mbuf *made = instance_new_record(self, state->output);
		if (made == NULL)
			break;
		struct packet_meta *clock = tuple_stored_packet(made);
		clock->timestamp_ns = batch->packets[i]->timestamp_ns;
		clock->late_ms = batch->packets[i]->late_ms;
		fill(state, batch->input, schema, batch_body(batch, i, schema), tuple_record(made));
		instance_emit(self, 0, made);
	}
	instance_absorb(self, batch);
}

static int union_init(struct instance *self) {
	const struct union_options *options = self->options;
	struct union_state *state = self->state;
	char error[400];
	state->output = self->op->outputs[0];
	if (is_plain(options, self->op->inputs))
		return 0;
	int ret = merge(&state->merged, options, self->op->inputs, error, sizeof(error));
	if (ret != 0)
		operator_error(self->op, "%s", error);
	else if (options->from != NULL)
		state->from = &state->output->fields[state->merged.count];
	return ret;
}

#define AT(member) offsetof(struct union_options, member)
static const struct option union_option_table[] = {
	{"fields", OPTION_LIST, AT(fields), .max = SCHEMA_FIELDS_MAX,
		.help = "fields of the result; none: all that the inputs have in common"},
	{"from", OPTION_STRING, AT(from), .min = 1, .max = SCHEMA_NAME_MAX,
		.help = "name of a field that says which input a record came by"},
	{0},
};
#undef AT

static const char union_manual[] = "Passes on what comes by any of its inputs. Streams of one schema can all lead to "
				   "it as they are, and go through "
				   "unchanged. Streams of different schemas lead to inputs of their own, to: "
				   "NAME.first, NAME.second and so on, and "
				   "become records with the fields that all of these have alike: name, type and "
				   "length; fields chooses among them. "
				   "from adds a text that says which input it was.\n\n"
				   "Each stream keeps its order; between them there is none. The watermark is the "
				   "least of theirs, so that windows "
				   "behind it wait for the slowest.";

static const struct operator_input inputs[] = {
	{.name = "first", .grouping = GROUPING_FORWARD},
	{.name = "second", .grouping = GROUPING_FORWARD, .optional = true},
	{.name = "third", .grouping = GROUPING_FORWARD, .optional = true},
	{.name = "fourth", .grouping = GROUPING_FORWARD, .optional = true},
	{0},
};
static const struct operator_output outputs[] = {{.name = "merged"}, {0}};

static struct operator_type union_type = {
	.name = "union",
	.summary = "make one stream of several",
	.manual = union_manual,
	.options = union_option_table,
	.options_size = sizeof(struct union_options),
	.inputs = inputs,
	.outputs = outputs,
	.grouping = GROUPING_FORWARD,
	.borrows = true,
	.state_size = sizeof(struct union_state),
	.keeps_nothing = true,
	.derive = union_derive,
	.init = union_init,
	.process = union_process,
};
OPERATOR_REGISTER(union_type);
