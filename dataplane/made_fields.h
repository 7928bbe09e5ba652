// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fields whose values are made up, as users write them: `size u32 uniform 64 1500`, `user string 16 choice ann bob`.
#pragma once

#include "dataplane/distribution.h"
#include "dataplane/field_text.h"

enum made_source { MADE_TIME, MADE_DISTRIBUTION, MADE_CHOICE };

// How one field's values are made.
struct made_field {
	struct column column;
	enum made_source source;
	struct distribution distribution;
	unsigned choice_count;
	struct made_choice {
		const char *text;
		size_t size;
		uint8_t *value; // [field_size], not of strings
	} * choices;
	unsigned times; // strings: so many values with spaces between
};

// Constant once made.
struct made_fields {
	unsigned count;
	struct made_field *fields; // [count]
	struct field_text *texts;  // [count] what the choices are borrowed from
};

// Take the items apart, and add the fields to a schema, where the columns lie.
//   return  0; -EINVAL with error filled; -ENOMEM
int made_fields_new(struct made_fields **out, char *const *items, unsigned count, struct schema *schema, char *error,
	size_t error_size);
void made_fields_free(struct made_fields *made);

// Make one value.
//   random   of the maker
//   index    of the record
//   time_ns  of the record
//   out      where the field lies, zeroed
void made_field_write(const struct made_field *made, uint64_t *random, uint64_t index, uint64_t time_ns, uint8_t *out);
