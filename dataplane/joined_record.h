// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Records that carry the fields of two others: those of the left one, and those of the right one but its key, by their
// names, or as right_NAME where the left one has a field of that name.
#pragma once

#include "api/schema_build.h"
#include "dataplane/key_words.h"

// How one field gets from one body to the other.
struct field_copy {
	uint16_t from, to, size;          // bytes
	uint16_t count_from, count_to;    // of lists
	uint8_t present_from, present_to; // bits, FIELD_ALWAYS: none
	bool is_list;
};

struct joined_record {
	const struct schema *schema, *sides[2];
	unsigned counts[2];
	struct field_copy copies[2][SCHEMA_FIELDS_MAX];
};

//   out        as schema_new made it
//   right_key  fields of the right side that are left out
//   return     0; -EINVAL with error[size] filled; -ENOMEM
int joined_record_describe(struct schema *out, const struct schema *const *sides, const struct key_words *right_key,
	char *error, size_t size);

// Learn how to fill records of that schema.
void joined_record_init(struct joined_record *joined, const struct schema *out, const struct schema *const *sides,
	const struct key_words *right_key);

// Copy one side's fields.
//   side  0: left, 1: right
void joined_record_fill(const struct joined_record *joined, unsigned side, const void *from, void *body);
