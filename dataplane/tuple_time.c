// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/tuple_time.h"

#include <errno.h>
#include <stdio.h>

#include "dataplane/text.h"

static bool is_named(const char *name) {
	return name != NULL && name[0] != '\0';
}

int tuple_time_init(struct tuple_time *time, const struct schema *schema, const char *name, char *error, size_t size) {
	bool is_given = is_named(name);
	if (!is_given && schema->body == SCHEMA_PACKET)
		name = "timestamp_ns";
	else if (!is_given) {
		snprintf(error, size, "time: missing; expected the field of schema %s that has a tuple's time in ns",
			schema->name);
		return -EINVAL;
	}
	time->schema = schema;
	time->field = schema_field(schema, name);
	bool is_number = time->field != NULL && (time->field->type == FIELD_U64 || time->field->type == FIELD_I64);
	if (is_number && field_word_set(&time->word, schema, time->field->offset, sizeof(uint64_t)) == 0)
		return 0;
	error[0] = '\0';
	text_append(error, size, "time: ");
	text_append_quoted(error, size, name);
	text_append(error, size, ": %s of schema %s; expected a field of type u64 or i64 with nanoseconds",
		time->field == NULL ? "no field" : field_type_names[time->field->type], schema->name);
	return -EINVAL;
}

int tuple_time_init_if_any(
	struct tuple_time *time, const struct schema *schema, const char *name, char *error, size_t size) {
	if (is_named(name) || schema->body == SCHEMA_PACKET)
		return tuple_time_init(time, schema, name, error, size);
	*time = (struct tuple_time){.field = NULL};
	return 0;
}
