// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The key of a stream: names of fields to the fields of its schema.
#include <stdlib.h>
#include <string.h>

#include "dataplane/pipeline_read.h"

struct key_name {
	const char *name;
	struct location where;
};

// The list that an option of that name holds.
static const struct option_list *option_list_of(const struct pipeline_operator *op, const char *name) {
	const struct option *option = name == NULL ? NULL : option_lookup(op->type->options, name);
	return option == NULL ? NULL : (const void *)((const char *)op->options + option->offset);
}

// What a key_option says; NULL: the key does not come from one.
static const struct option_list *configured_key(const struct pipeline_operator *op, unsigned input) {
	const struct operator_input described = operator_type_input(op->type, input);
	const struct option_list *own = option_list_of(op, described.key_option);
	return own != NULL && own->count > 0 ? own : option_list_of(op, op->type->key_option);
}

bool pipeline_has_live_source(const struct pipeline *pipeline) {
	for (unsigned i = 0; i < pipeline->operator_count; i++)
		if (pipeline->operators[i].type->live)
			return true;
	return pipeline->has_live_source;
}

unsigned pipeline_operator_key(const struct pipeline_operator *op, unsigned input, const char **names) {
	unsigned count = 0;
	if (operator_type_input(op->type, input).grouping != GROUPING_KEY)
		return 0;
	const struct option_list *list = configured_key(op, input);
	for (; list != NULL && count < list->count && count < GROUPING_KEY_MAX; count++)
		names[count] = list->items[count];
	for (; list == NULL && op->type->key != NULL && op->type->key[count] != NULL && count < GROUPING_KEY_MAX;
		count++)
		names[count] = op->type->key[count];
	return count;
}

enum grouping pipeline_operator_grouping(const struct pipeline_operator *op, unsigned input) {
	enum grouping grouping = operator_type_input(op->type, input).grouping;
	const struct option_list *key = configured_key(op, input);
	return grouping == GROUPING_KEY && key != NULL && key->count == 0 ? GROUPING_GLOBAL : grouping;
}

static int fail_field(struct config_reader *reader, const struct pipeline_stream *stream, const struct key_name *key) {
	struct text_names names = {0};
	for (const struct field *field = stream->schema->fields; field->name != NULL; field++)
		text_names_add(&names, field->name);
	char kind[96];
	snprintf(kind, sizeof(kind), "field of %s", stream->schema->name);
	return config_fail_unknown(reader->error, &key->where, "streams.key", key->name, kind, &names);
}

static int add_field(struct config_reader *reader, struct pipeline_stream *stream, const struct key_name *key) {
	const struct field *field = schema_field(stream->schema, key->name);
	if (field == NULL)
		return fail_field(reader, stream, key);
	if (field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST)
		return config_fail_text(reader->error, &key->where, "streams.key", key->name,
			"is a list; expected fields with one value");
	size_t size = field_size(field);
	for (unsigned i = 0; i < stream->key_count; i++) {
		if (stream->key[i] == field)
			return config_fail_text(reader->error, &key->where, "streams.key", key->name, "given twice");
		size += field_size(stream->key[i]);
	}
	if (size > GROUPING_KEY_SIZE_MAX)
		return config_fail_text(reader->error, &key->where, "streams.key", key->name,
			"with it the key has %zu bytes; expected at most %u", size, (unsigned)GROUPING_KEY_SIZE_MAX);
	stream->key[stream->key_count++] = field;
	return 0;
}

// A key is the same in both directions only if it has both ends of what it has one end of.
static int check_symmetric(
	struct config_reader *reader, const struct pipeline_stream *stream, const struct location *where) {
	for (unsigned i = 0; i < stream->key_count; i++) {
		const char *name = stream->key[i]->name;
		bool is_src = strncmp(name, "src_", 4) == 0, is_dst = strncmp(name, "dst_", 4) == 0;
		bool has_other = false;
		for (unsigned j = 0; j < stream->key_count; j++) {
			const char *other = stream->key[j]->name;
			has_other |=
				strncmp(other, is_src ? "dst_" : "src_", 4) == 0 && strcmp(other + 4, name + 4) == 0;
		}
		if ((is_src || is_dst) && !has_other)
			return config_fail_text(reader->error, where, "streams.key", name,
				"symmetric, but without its other end; expected %s%s beside it",
				is_src ? "dst_" : "src_", name + 4);
	}
	return 0;
}

static int add_written(struct config_reader *reader, struct pipeline_stream *stream, const struct config_value *value) {
	// The list was checked when the stream was made; text is one name or several with commas.
	static const struct option option = {"key", OPTION_LIST};
	struct option_list list = {0};
	struct config_owner owner = {.who = "streams.key", .where = config_where(value)};
	int ret = config_set_option(reader, &option, &list, value, &owner);
	for (unsigned i = 0; ret == 0 && i < list.count; i++) {
		struct key_name key = {list.items[i], owner.where};
		ret = add_field(reader, stream, &key);
	}
	const struct option table[] = {option, {0}};
	option_free(table, &list);
	return ret;
}

int pipeline_resolve_key(struct config_reader *reader, const struct pipeline *pipeline, struct pipeline_stream *stream,
	const struct config_value *entry) {
	if (!grouping_has_key(stream->grouping))
		return 0;
	const struct pipeline_operator *to = &pipeline->operators[stream->to];
	const char *names[GROUPING_KEY_MAX];
	unsigned count = pipeline_operator_key(to, stream->input, names);
	const struct config_value *written = entry == NULL ? NULL : config_tree_lookup(entry, "key");
	const struct config_value *symmetric = entry == NULL ? NULL : config_tree_lookup(entry, "symmetric");
	struct location where = written != NULL ? config_where(written) : stream->where;
	int ret = 0;
	if (written != NULL)
		ret = add_written(reader, stream, written);
	else if (count == 0)
		return config_fail(reader->error, &where,
			"streams: grouping key without a key, and %s has none of its own; "
			"expected key: [FIELD, ...]",
			to->type->name);
	for (unsigned i = 0; ret == 0 && written == NULL && i < count; i++) {
		struct key_name key = {names[i], where};
		ret = add_field(reader, stream, &key);
	}
	if (ret == 0 && written == NULL && symmetric == NULL)
		stream->symmetric = to->type->key_symmetric;
	return ret == 0 && stream->symmetric ? check_symmetric(reader, stream, &where) : ret;
}
