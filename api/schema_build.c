// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "api/schema_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct schema_build {
	struct schema schema; // first: what others see
	char *name;
	unsigned count;
	size_t end; // of the fields so far; schema.size is this rounded up
	struct field fields[SCHEMA_FIELDS_MAX + 1];
};

static struct schema_build *build_of(struct schema *schema) {
	return (struct schema_build *)schema;
}

int schema_new(struct schema **out, const char *name) {
	struct schema_build *build = calloc(1, sizeof(*build));
	if (build == NULL)
		return -ENOMEM;
	build->name = strdup(name);
	if (build->name == NULL) {
		free(build);
		return -ENOMEM;
	}
	build->end = sizeof(uint64_t);
	build->schema = (struct schema){
		.name = build->name,
		.body = SCHEMA_RECORD,
		.size = sizeof(uint64_t),
		.present_offset = 0,
		.fields = build->fields,
	};
	*out = &build->schema;
	return 0;
}

static bool is_list(enum field_type type) {
	return type == FIELD_U16_LIST || type == FIELD_U32_LIST;
}

static size_t alignment(enum field_type type) {
	switch (type) {
	case FIELD_BOOL:
	case FIELD_U8:
	case FIELD_ENUM:
	case FIELD_STRING:
		return 1;
	case FIELD_U16:
	case FIELD_U16_LIST:
	case FIELD_MAC:
		return 2;
	case FIELD_U32:
	case FIELD_U32_LIST:
		return 4;
	case FIELD_U64:
	case FIELD_I64:
	case FIELD_F64:
	case FIELD_IP:
		return 8;
	}
	return 8;
}

static size_t align(size_t offset, size_t to) {
	return (offset + to - 1) / to * to;
}

static bool has_length(enum field_type type) {
	return type == FIELD_STRING || is_list(type);
}

static int check_field(const struct schema_build *build, const struct field *field) {
	size_t name_length = strlen(field->name);
	if (name_length == 0 || name_length > SCHEMA_NAME_MAX || has_length(field->type) != (field->length > 0) ||
		(is_list(field->type) && field->length > UINT8_MAX) ||
		(field->type == FIELD_ENUM) != (field->choices != NULL))
		return -EINVAL;
	if (schema_field(&build->schema, field->name) != NULL)
		return -EEXIST;
	return build->count == SCHEMA_FIELDS_MAX ? -ENOSPC : 0;
}

// Give the field its place.
//   return  the end of it, from the start of the body
static size_t place(const struct schema_build *build, struct field *field) {
	size_t offset = align(build->end, alignment(field->type));
	size_t end = offset + field_size(field);
	field->offset = (uint16_t)offset;
	field->count_offset = is_list(field->type) ? (uint16_t)end : 0;
	field->present = build->count < SCHEMA_PRESENT_MAX ? (uint8_t)(build->count + 1) : FIELD_ALWAYS;
	return end + is_list(field->type);
}

static void field_fini(struct field *field) {
	for (unsigned i = 0; field->choices != NULL && field->choices[i] != NULL; i++)
		free((char *)field->choices[i]);
	free((void *)field->choices);
	free((char *)field->name);
	free((char *)field->unit);
	free((char *)field->help);
	*field = (struct field){0};
}

static int copy_text(const char **copy, const char *text) {
	*copy = text == NULL ? NULL : strdup(text);
	return text != NULL && *copy == NULL ? -ENOMEM : 0;
}

static int copy_choices(struct field *field, const char *const *choices) {
	unsigned count = 0;
	while (choices[count] != NULL)
		count++;
	const char **copies = calloc(count + 1, sizeof(*copies));
	field->choices = copies;
	int ret = copies == NULL ? -ENOMEM : 0;
	for (unsigned i = 0; ret == 0 && i < count; i++)
		ret = copy_text(&copies[i], choices[i]);
	return ret;
}

static int own_texts(struct field *field, const struct field *given) {
	field->name = field->unit = field->help = NULL;
	field->choices = NULL;
	int ret = copy_text(&field->name, given->name);
	if (ret == 0)
		ret = copy_text(&field->unit, given->unit);
	if (ret == 0)
		ret = copy_text(&field->help, given->help);
	return ret == 0 && given->choices != NULL ? copy_choices(field, given->choices) : ret;
}

static int add(struct schema_build *build, const struct field *given) {
	int ret = check_field(build, given);
	if (ret != 0)
		return ret;
	struct field field = *given;
	size_t end = place(build, &field);
	if (end > SCHEMA_SIZE_MAX)
		return -ENOSPC;
	ret = own_texts(&field, given);
	if (ret != 0) {
		field_fini(&field);
		return ret;
	}
	build->fields[build->count++] = field;
	build->end = end;
	build->schema.size = (uint16_t)align(end, sizeof(uint64_t));
	return 0;
}

int schema_add(struct schema *schema, const char *name, enum field_type type, unsigned length, const char *unit) {
	const struct field field = {.name = name, .type = type, .length = (uint16_t)length, .unit = unit};
	return length > SCHEMA_SIZE_MAX ? -ENOSPC : add(build_of(schema), &field);
}

int schema_add_like(struct schema *schema, const char *name, const struct field *like) {
	struct field field = *like;
	field.name = name;
	return add(build_of(schema), &field);
}

const struct field *schema_last(const struct schema *schema) {
	const struct schema_build *build = (const struct schema_build *)schema;
	return build->count == 0 ? NULL : &build->fields[build->count - 1];
}

uint64_t schema_all_present(const struct schema *schema) {
	uint64_t present = 0;
	for (const struct field *field = schema->fields; field->name != NULL; field++)
		present |= UINT64_C(1) << field->present;
	return present & ~(UINT64_C(1) << FIELD_ALWAYS);
}

void schema_free(struct schema *schema) {
	if (schema == NULL)
		return;
	struct schema_build *build = build_of(schema);
	for (unsigned i = 0; i < build->count; i++)
		field_fini(&build->fields[i]);
	free(build->name);
	free(build);
}
