// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The schemas along the streams of a pipeline: what each operator makes of those that come in (operator_type.derive),
// which output and which schema each stream has, and its key.
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "dataplane/pipeline_read.h"

struct resolver {
	struct config_reader *reader;
	struct pipeline *pipeline;
};

static const struct pipeline_operator *stream_end(const struct resolver *resolver, unsigned index) {
	return &resolver->pipeline->operators[index];
}

// Text for messages: `join` or `join.left`.
static void format_input(
	const struct resolver *resolver, const struct pipeline_stream *stream, char *out, size_t size) {
	const struct pipeline_operator *to = stream_end(resolver, stream->to);
	const char *input = to->type->inputs == NULL ? NULL : to->type->inputs[stream->input].name;
	snprintf(out, size, "%s%s%s", to->name, input != NULL ? "." : "", input != NULL ? input : "");
}

static bool accepts(const struct operator_input *input, const struct schema *schema) {
	for (unsigned i = 0; input->accepts != NULL && input->accepts[i] != NULL; i++)
		if (input->accepts[i] == schema)
			return true;
	return input->accepts == NULL;
}

static int fail_schema(const struct resolver *resolver, const struct pipeline_stream *stream) {
	const struct pipeline_operator *from = stream_end(resolver, stream->from),
				       *to = stream_end(resolver, stream->to);
	const struct operator_input input = operator_type_input(to->type, stream->input);
	struct text_names given = {0}, accepted = {0};
	for (unsigned i = 0; from->type->outputs[i].name != NULL; i++)
		if (stream->output == UINT_MAX || stream->output == i)
			text_names_add(&given, from->outputs[i]->name);
	for (unsigned i = 0; input.accepts != NULL && input.accepts[i] != NULL; i++)
		text_names_add(&accepted, input.accepts[i]->name);
	char text[400] = "", to_name[160];
	format_input(resolver, stream, to_name, sizeof(to_name));
	text_append_names(text, sizeof(text), &given);
	text_append(text, sizeof(text), "; %s accepts ", to->type->name);
	text_append_names(text, sizeof(text), &accepted);
	return config_fail(resolver->reader->error, &stream->where, "%s -> %s: %s gives %s", from->name, to_name,
		from->type->name, text);
}

static int check_twice(const struct resolver *resolver, const struct pipeline_stream *stream) {
	const struct pipeline_stream *other = resolver->pipeline->streams;
	char to_name[160];
	format_input(resolver, stream, to_name, sizeof(to_name));
	for (; other < stream; other++)
		if (other->from == stream->from && other->to == stream->to && other->output == stream->output &&
			other->input == stream->input)
			return config_fail(resolver->reader->error, &stream->where,
				"%s -> %s: given twice, first on line %u", stream_end(resolver, stream->from)->name,
				to_name, other->where.line);
	return 0;
}

// Text for messages: `user (string 32)`, or `no more fields`.
static void append_field(char *text, size_t size, const struct field *field) {
	if (field == NULL || field->name == NULL) {
		text_append(text, size, "no more fields");
		return;
	}
	text_append(text, size, "%s (%s", field->name, field_type_names[field->type]);
	if (field->length > 0)
		text_append(text, size, " %u", field->length);
	text_append(text, size, ")");
}

static int fail_two_schemas(const struct resolver *resolver, const struct pipeline_stream *stream) {
	const struct schema *given = stream->schema, *first = stream_end(resolver, stream->to)->inputs[stream->input];
	char to_name[160], text[300] = "";
	format_input(resolver, stream, to_name, sizeof(to_name));
	if (strcmp(given->name, first->name) == 0) {
		const struct field *field = schema_difference(given, first);
		append_field(text, sizeof(text), field);
		text_append(text, sizeof(text), " here, ");
		append_field(text, sizeof(text), &first->fields[field - given->fields]);
		text_append(text, sizeof(text), " there; ");
	}
	return config_fail(resolver->reader->error, &stream->where,
		"%s -> %s: gives %s, but another stream gives %s %s; %sexpected one schema",
		stream_end(resolver, stream->from)->name, to_name, given->name, to_name, first->name, text);
}

// Choose the output and with it the schema of a stream whose sender's outputs are known.
static int resolve_stream(const struct resolver *resolver, struct pipeline_stream *stream) {
	const struct pipeline_operator *from = stream_end(resolver, stream->from);
	struct pipeline_operator *to = &resolver->pipeline->operators[stream->to];
	const struct operator_input input = operator_type_input(to->type, stream->input);
	for (unsigned i = 0; stream->schema == NULL && from->type->outputs[i].name != NULL; i++) {
		if ((stream->output != UINT_MAX && stream->output != i) || !accepts(&input, from->outputs[i]))
			continue;
		stream->output = i;
		stream->schema = from->outputs[i];
	}
	if (stream->schema == NULL)
		return fail_schema(resolver, stream);
	const struct schema **known = &to->inputs[stream->input];
	if (*known != NULL && !schema_is_same(*known, stream->schema))
		return fail_two_schemas(resolver, stream);
	if (*known == NULL)
		*known = stream->schema;
	return 0;
}

static bool is_known_input(const struct pipeline_operator *op, const struct schema *schema) {
	for (unsigned i = 0; i < OPERATOR_INPUTS_MAX; i++)
		if (schema == op->inputs[i])
			return true;
	return false;
}

// Take over what `derive` made.
static void keep_derived(struct pipeline_operator *op, const struct derivation *derivation) {
	unsigned count = 0;
	for (unsigned i = 0; i < OPERATOR_OUTPUTS_MAX; i++) {
		struct schema *schema = (struct schema *)derivation->outputs[i];
		bool is_kept = schema == NULL || is_known_input(op, schema);
		for (unsigned j = 0; j < count; j++)
			is_kept |= op->derived[j] == schema;
		if (!is_kept)
			op->derived[count++] = schema;
	}
}

// What comes out of an operator whose inputs are known.
static int resolve_outputs(const struct resolver *resolver, struct pipeline_operator *op) {
	char message[400] = "";
	struct derivation derivation = {.name = op->name,
		.options = op->options,
		.inputs = op->inputs,
		.error = message,
		.error_size = sizeof(message)};
	int ret = op->type->derive == NULL ? 0 : op->type->derive(&derivation);
	keep_derived(op, &derivation);
	if (ret == -EINVAL)
		return config_fail(resolver->reader->error, &op->where, "%s: %s", op->name, message);
	for (unsigned i = 0; ret == 0 && op->type->outputs != NULL && op->type->outputs[i].name != NULL; i++) {
		const struct schema *fixed = op->type->outputs[i].schema, *derived = derivation.outputs[i];
		op->outputs[i] = fixed != NULL ? fixed : derived != NULL ? derived : op->inputs[0];
	}
	return ret;
}

// Where streams steer by keys into one operator, equal keys must have equal hashes, by whichever stream they come.
static int check_keys_agree(const struct resolver *resolver, const struct pipeline_stream *stream) {
	const struct pipeline_stream *other = resolver->pipeline->streams;
	while (other < stream && (other->to != stream->to || other->grouping != stream->grouping))
		other++;
	if (!grouping_has_key(stream->grouping) || other == stream)
		return 0;
	unsigned i = 0;
	while (i < stream->key_count && i < other->key_count && field_is_alike(stream->key[i], other->key[i]))
		i++;
	if (i == stream->key_count && i == other->key_count && stream->symmetric == other->symmetric)
		return 0;
	char to_name[160], other_name[160], text[300] = "";
	format_input(resolver, stream, to_name, sizeof(to_name));
	format_input(resolver, other, other_name, sizeof(other_name));
	if (i == stream->key_count && i == other->key_count) {
		text_append(text, sizeof(text), "symmetric in one, not in the other");
	} else {
		append_field(text, sizeof(text), i < stream->key_count ? stream->key[i] : NULL);
		text_append(text, sizeof(text), " here, ");
		append_field(text, sizeof(text), i < other->key_count ? other->key[i] : NULL);
		text_append(text, sizeof(text), " there");
	}
	return config_fail(resolver->reader->error, &stream->where,
		"%s -> %s: its key differs from that of %s -> %s: %s; expected fields of the same types in the same "
		"order, so that equal keys meet",
		stream_end(resolver, stream->from)->name, to_name, stream_end(resolver, other->from)->name, other_name,
		text);
}

static int resolve_from(const struct resolver *resolver, unsigned from) {
	struct pipeline *pipeline = resolver->pipeline;
	int ret = resolve_outputs(resolver, &pipeline->operators[from]);
	for (unsigned i = 0; ret == 0 && i < pipeline->stream_count; i++)
		if (pipeline->streams[i].from == from)
			ret = resolve_stream(resolver, &pipeline->streams[i]);
	return ret;
}

int pipeline_resolve(struct config_reader *reader, unsigned index, const unsigned *order) {
	struct pipeline *pipeline = &reader->config->pipelines[index];
	const struct config_value *streams = reader->drafts[index].streams;
	const struct resolver *resolver = &(struct resolver){reader, pipeline};
	int ret = 0;
	for (unsigned next = 0; ret == 0 && next < pipeline->operator_count; next++)
		ret = resolve_from(resolver, order[next]);
	for (unsigned i = 0; ret == 0 && i < pipeline->stream_count; i++) {
		const struct config_value *entry = streams == NULL ? NULL : &streams->items[i];
		ret = check_twice(resolver, &pipeline->streams[i]);
		if (ret == 0)
			ret = pipeline_resolve_key(resolver->reader, pipeline, &pipeline->streams[i], entry);
		if (ret == 0)
			ret = check_keys_agree(resolver, &pipeline->streams[i]);
	}
	return ret;
}
