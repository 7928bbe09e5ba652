// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fields as users write them in options: a list such as [user string 32, count u64, at time ms], or a map such as
// {user: string 32, count: u64}. What stands behind that is the operator's own: `count u64 uniform 1 6`.
#pragma once

#include "api/schema_build.h"
#include "dataplane/value_parse.h"

enum { FIELD_STRING_DEFAULT = 64 }; // bytes of a string that doesn't say

// What is written: words, borrowed from a copy of the text.
struct field_text {
	char *words; // the copy, released with field_text_fini
	unsigned count;
	char *word[64];
	unsigned next; // the first word that belongs to the operator
};

// Take one item apart, and add the field to the schema. Types: bool, u8, u16, u32, u64, i64, f64, ip, mac, string
// [LENGTH], time [s|ms|us|ns] (a u64 of nanoseconds; numbers in the text are seconds where it doesn't say).
//   column  set: its field lies in the schema
//   text    released with field_text_fini where the return is 0
//   return  0; -EINVAL with error filled; -ENOMEM
int field_text_add(struct field_text *text, const char *item, struct schema *schema, struct column *column, char *error,
	size_t error_size);
void field_text_fini(struct field_text *text);

// A message `"ITEM": MESSAGE`.
//   return  -EINVAL
int field_text_fail(const char *item, char *error, size_t error_size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
