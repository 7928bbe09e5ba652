// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Expressions over the fields of a tuple, as users write them in options: `fwd.bytes + rev.bytes`,
// `src_ip in 10.0.0.0/8 and tcp_flags & 2 != 0`. docs/expressions.md has the language.
//
// An expression is compiled once against a schema and then run over a batch at a time: each step works on a whole
// column of values, and presence and truth are words with a bit per tuple. Nothing is allocated when it runs, and no
// tuple can make it fail: what has no value (an absent field, a division by zero, a sum that does not fit) is absent,
// and so is what is computed from it.
//
//   expression_scan    text to tokens
//   expression_parse   tokens to a tree
//   expression_type    the tree to steps: names, types, operators; expression_function, expression_emit help it
//   expression_load, expression_number, expression_text   what the steps do
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/schema.h"

enum {
	EXPRESSION_BATCH = 64, // tuples at a time
	EXPRESSION_ERROR_MAX = 256,
};

struct expression;

// Bytes somewhere: of a text, 16 of an IP address, 6 of a MAC address.
struct bytes {
	const uint8_t *data;
	uint32_t size;
};

// The values of one thing for up to EXPRESSION_BATCH tuples.
struct column {
	uint64_t present; // bit i: tuple i has a value
	union {
		uint64_t truth; // FIELD_BOOL: bit i is tuple i's value, where it has one
		uint64_t u64[EXPRESSION_BATCH];
		int64_t i64[EXPRESSION_BATCH];
		double f64[EXPRESSION_BATCH];
		struct bytes bytes[EXPRESSION_BATCH];
	};
	bool is_constant; // the same for all tuples
} __attribute__((aligned(64)));

// One value.
struct value {
	enum field_type type; // as expression_type
	bool present;         // else nothing below holds
	union {
		bool truth;
		uint64_t u64;
		int64_t i64;
		double f64;
		struct bytes bytes;
	};
};

// Compile a text.
//   schema  outlives the expression
//   error   [size] filled on failure with one line: `column 5: "byts": no field of flow, did you mean "bytes"?`
//   return  0; -EINVAL; -ENOMEM
int expression_new(struct expression **out, const char *text, const struct schema *schema, char *error, size_t size);
// The same, for a condition: -EINVAL as well where it is something else than true or false.
int expression_new_condition(
	struct expression **out, const char *text, const struct schema *schema, char *error, size_t size);
// The same, for a number: whole numbers become FIELD_F64.
int expression_new_number(
	struct expression **out, const char *text, const struct schema *schema, char *error, size_t size);
void expression_free(struct expression *expression); // NULL is fine

//   return  FIELD_BOOL, FIELD_U64, FIELD_I64, FIELD_F64, FIELD_IP, FIELD_MAC or FIELD_STRING; of a list that stands
//           alone its own type: such an expression has no value to compute, only its field can be copied
enum field_type expression_type(const struct expression *expression);
// The field that the expression is and nothing else, or NULL.
const struct field *expression_field(const struct expression *expression);
//   return  bytes of the longest text that it can give; 0 where it is no text
unsigned expression_length(const struct expression *expression);

// Compute the values of `count` tuples.
//   bodies  [count], as the schema describes them
//   return  valid until the next run; texts and addresses may point into the bodies
//   thread  one at a time: the columns are the expression's own, so each instance compiles one for itself
const struct column *expression_run(struct expression *expression, const void *const *bodies, unsigned count);
// Of a condition: bit i is set where it is true of tuple i (where it is absent, it is not).
uint64_t expression_select(struct expression *expression, const void *const *bodies, unsigned count);
// Compute one.
void expression_eval(struct expression *expression, const void *body, struct value *out);
