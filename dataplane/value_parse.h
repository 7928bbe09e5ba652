// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Text to single values, the opposite of value_text.h, for records that come as text and for constants in options.
//
//   ISO 8601 (dates and times); W. D. Clinger: How to read floating point numbers accurately, 1990 (the fast path)
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/schema.h"

// A field that is filled from text.
struct column {
	const struct field *field;
	// A time: a date and time as 2026-01-31T12:00:00.5Z, or a number of this many nanoseconds since the epoch. 0:
	// the value as it is.
	uint64_t time_unit_ns;
};

enum value_verdict {
	VALUE_OK,
	VALUE_CUT,   // a string that is longer than its field; what fits is there
	VALUE_WRONG, // not of the type, or out of its range; the field's bytes may be anything
};

// Write the value that the text says, and set the field's presence bit.
//   body  of a record whose bytes of this field are zero
enum value_verdict value_parse(
	const struct schema *schema, const struct column *column, const char *text, size_t size, uint8_t *body);

// Decimal digits, a sign where the type has one.
bool value_parse_u64(const char *text, size_t size, uint64_t *out);
bool value_parse_i64(const char *text, size_t size, int64_t *out);
// A finite number as strtod takes it, without spaces, hexadecimals, nan and inf.
bool value_parse_f64(const char *text, size_t size, double *out);
//   out  [16], IPv4 v4-mapped
bool value_parse_ip(const char *text, size_t size, uint8_t *out);
//   unit_ns  of a number; a date and time says its own
bool value_parse_time(const char *text, size_t size, uint64_t unit_ns, uint64_t *out_ns);
