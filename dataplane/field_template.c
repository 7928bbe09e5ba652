// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/field_template.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/text.h"

__attribute__((format(printf, 4, 5))) static int fail(
	char *error, size_t size, const char *text, const char *format, ...) {
	char message[160];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	error[0] = '\0';
	text_append_quoted(error, size, text);
	text_append(error, size, ": %s", message);
	return -EINVAL;
}

int field_template_parse(
	struct field_template *out, const struct schema *schema, const char *text, char *error, size_t error_size) {
	const char *at = text;
	*out = (struct field_template){.schema = schema};
	while (*at != '\0') {
		struct field_template_part *part = &out->parts[out->count++];
		const char *open = strchrnul(at, '{'), *close = strchrnul(open, '}');
		char name[SCHEMA_NAME_MAX + 1];
		*part = (struct field_template_part){.literal = at, .length = (unsigned)(open - at)};
		if (*open == '\0')
			break;
		if (*close == '\0' || out->count == FIELD_TEMPLATE_PARTS_MAX)
			return fail(error, error_size, text, "expected text with up to %d fields as {NAME}",
				FIELD_TEMPLATE_PARTS_MAX - 1);
		snprintf(name, sizeof(name), "%.*s", (int)(close - open - 1), open + 1);
		part->field = schema_field(schema, name);
		if (part->field == NULL)
			return fail(error, error_size, name, "no field of %s", schema->name);
		at = close + 1;
	}
	return 0;
}

size_t field_value_max(const struct field *field) {
	return field->type == FIELD_STRING ? field->length + 1u : FIELD_TEMPLATE_NUMBER_MAX;
}

size_t field_template_max(const struct field_template *template) {
	size_t size = 0;
	for (unsigned i = 0; i < template->count; i++)
		size += template->parts[i].length +
			(template->parts[i].field != NULL ? field_value_max(template->parts[i].field) : 0);
	return size;
}

size_t field_template_format(const struct field_template *template, const void *body, char *out) {
	char *at = out;
	for (unsigned i = 0; i < template->count; i++) {
		const struct field_template_part *part = &template->parts[i];
		at = mempcpy(at, part->literal, part->length);
		if (part->field != NULL && schema_is_present(template->schema, part->field, body))
			at += field_format(part->field, body, at, field_value_max(part->field));
	}
	return (size_t)(at - out);
}
