// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Texts with the values of fields in them, as users write them: flow:{src_ip}.
#pragma once

#include <stddef.h>

#include "api/schema.h"

enum {
	FIELD_TEMPLATE_PARTS_MAX = 32,
	FIELD_TEMPLATE_NUMBER_MAX = 256, // characters of a value that is no string
};

// Literal characters, then a field, and so on.
struct field_template {
	const struct schema *schema;
	unsigned count;
	struct field_template_part {
		const char *literal; // borrowed from the text
		unsigned length;
		const struct field *field; // behind the literal, or NULL
	} parts[FIELD_TEMPLATE_PARTS_MAX];
};

//   text    outlives the template
//   return  0, or -EINVAL with error[error_size] filled
int field_template_parse(
	struct field_template *out, const struct schema *schema, const char *text, char *error, size_t error_size);

// The longest text that it can give.
size_t field_template_max(const struct field_template *template);

// Write the text for a record; a field that does not apply is nothing.
//   out     [field_template_max]
//   return  characters, no closing zero is written
size_t field_template_format(const struct field_template *template, const void *body, char *out);

// The characters that a field's value can have, and one more.
size_t field_value_max(const struct field *field);
