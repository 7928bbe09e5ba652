// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Compiles a schema into steps and runs them over records (json_format.h); json_value.h writes the single values.
//
// Every member is written with a comma after it; the end of an object turns the last comma into its brace, so no step
// needs to know which of its neighbours were left out.
#include "dataplane/json_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/json_value.h"
#include "dataplane/value_text.h"

enum { DEPTH_MAX = 8 };

enum step_kind { STEP_FIELD, STEP_OPEN, STEP_CLOSE };

struct step {
	enum step_kind kind;
	uint16_t text_size; // STEP_FIELD: `"name":`, STEP_OPEN: `"name":{`
	uint32_t text;      // offset into json_format.text
	const struct field *field;
};

struct json_format {
	uint16_t present_offset;
	bool has_presence;
	unsigned step_count;
	size_t max;
	struct step *steps;
	size_t text_size;
	char text[]; // the quoted names
};

// The longest text that a value of this field can have.
static size_t value_max(const struct field *field) {
	switch (field->type) {
	case FIELD_BOOL:
		return sizeof("false");
	case FIELD_IP:
		return sizeof("\"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255\"");
	case FIELD_MAC:
		return sizeof("\"00:00:00:00:00:00\"");
	case FIELD_ENUM: {
		size_t longest = 4;
		for (unsigned i = 0; field->choices[i]; i++) {
			size_t size = strlen(field->choices[i]) + 2;
			longest = size > longest ? size : longest;
		}
		return longest;
	}
	case FIELD_STRING:
		return 6 * (size_t)field->length + 2; // each byte may become \u00XX
	case FIELD_U16_LIST:
	case FIELD_U32_LIST:
		return 11 * (size_t)field->length + 2;
	default:
		return 32; // a number: 20 digits of an uint64_t, 24 characters of a double
	}
}

static void add_step(struct json_format *format, enum step_kind kind, const char *name, size_t name_size,
	const struct field *field) {
	struct step *step = &format->steps[format->step_count++];
	*step = (struct step){.kind = kind, .text = (uint32_t)format->text_size, .field = field};
	if (kind != STEP_CLOSE) {
		char *text = format->text + format->text_size;
		size_t size = 0;
		text[size++] = '"';
		memcpy(text + size, name, name_size);
		size += name_size;
		text[size++] = '"';
		text[size++] = ':';
		if (kind == STEP_OPEN)
			text[size++] = '{';
		step->text_size = (uint16_t)size;
		format->text_size += size;
	}
	format->max += step->text_size + 2 + (field ? value_max(field) : 0); // 2: brace and comma
}

// Add the members of the object whose name and dot are the first prefix_size characters of first->name.
//   done  [SCHEMA_FIELDS_MAX] the fields that have their place already
static int compile_object(struct json_format *format, const struct schema *schema, const struct field *first,
	size_t prefix_size, bool *done, unsigned depth) {
	if (depth > DEPTH_MAX)
		return -EINVAL;
	for (const struct field *field = first; field->name; field++) {
		if (done[field - schema->fields] || strncmp(field->name, first->name, prefix_size) != 0)
			continue;
		const char *name = field->name + prefix_size;
		const char *dot = strchr(name, '.');
		if (!dot) {
			add_step(format, STEP_FIELD, name, strlen(name), field);
			done[field - schema->fields] = true;
			continue;
		}
		add_step(format, STEP_OPEN, name, (size_t)(dot - name), NULL);
		int ret = compile_object(format, schema, field, (size_t)(dot + 1 - field->name), done, depth + 1);
		if (ret)
			return ret;
		add_step(format, STEP_CLOSE, NULL, 0, NULL);
	}
	return 0;
}

int json_format_new(struct json_format **out, const struct schema *schema) {
	size_t text_size = 0, step_count = 0;
	for (const struct field *field = schema->fields; field->name; field++) {
		text_size += 4 * strlen(field->name) + 8; // each part of a name, quoted, at most once per field
		step_count++;
		for (const char *c = field->name; *c; c++)
			step_count += *c == '.' ? 2 : 0; // an object opens and closes
	}
	struct json_format *format = calloc(1, sizeof(*format) + text_size);
	if (format)
		format->steps = calloc(step_count + 1, sizeof(*format->steps));
	if (!format || !format->steps) {
		free(format);
		return -ENOMEM;
	}
	bool done[SCHEMA_FIELDS_MAX + 1] = {false};
	format->present_offset = schema->present_offset;
	for (const struct field *field = schema->fields; field->name; field++)
		format->has_presence |= field->present != FIELD_ALWAYS;
	format->max = sizeof("{}\n");
	int ret = compile_object(format, schema, schema->fields, 0, done, 0);
	if (ret)
		json_format_free(format);
	else
		*out = format;
	return ret;
}

void json_format_free(struct json_format *format) {
	if (format)
		free(format->steps);
	free(format);
}

size_t json_format_max(const struct json_format *format) {
	return format->max;
}

static const struct value_style style = {
	.text = json_write_string,
	.f64 = json_write_f64,
	.ip = json_write_ip,
	.mac = json_write_mac,
	.list_begin = "[",
	.list_end = "]",
	.list_separator = ',',
};

size_t json_format_line(const struct json_format *format, const void *body, char *line) {
	const uint8_t *bytes = body;
	uint64_t present = format->has_presence ? *(const uint64_t *)(bytes + format->present_offset) : 0;
	char *opened[DEPTH_MAX + 2]; // where the objects begin that the place is in
	unsigned depth = 0;
	char *out = line;

	present |= UINT64_C(1) << FIELD_ALWAYS;
	*out++ = '{';
	for (unsigned i = 0; i < format->step_count; i++) {
		const struct step *step = &format->steps[i];
		switch (step->kind) {
		case STEP_FIELD:
			if (!(present >> step->field->present & 1))
				break;
			out = mempcpy(out, format->text + step->text, step->text_size);
			out = value_write(out, &style, step->field, bytes);
			*out++ = ',';
			break;
		case STEP_OPEN:
			opened[depth++] = out;
			out = mempcpy(out, format->text + step->text, step->text_size);
			break;
		case STEP_CLOSE:
			depth--;
			if (out[-1] == '{') {
				out = opened[depth];
				break;
			}
			out[-1] = '}';
			*out++ = ',';
			break;
		}
	}
	if (out[-1] == ',')
		out--;
	*out++ = '}';
	*out++ = '\n';
	return (size_t)(out - line);
}
