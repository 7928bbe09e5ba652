// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a compiled expression consists of (expression.h): steps, each of which computes one column from others or from
// the tuples. Steps run in order; a column is written by one step, and those of constants by none.
//
// Places of tuples without a value hold anything that was there: a step may compute with it, and must not fail over it.
#pragma once

#include <string.h>

#include "dataplane/expression.h"

struct step;
typedef void step_run(const struct step *step, const void *const *bodies, unsigned count);

struct step {
	step_run *run;
	struct column *to;
	const struct column *a, *b, *c;
	const struct field *field; // what it loads, or NULL
	uint32_t present_offset;   // of the schema
	uint32_t size;             // bytes of an address; of a place in `scratch`
	uint8_t *scratch;          // [EXPRESSION_BATCH][size], or NULL
	uint64_t words[4];         // a prefix and its mask
};

// A bit for each of the first `count` tuples.
static inline uint64_t step_lanes(unsigned count) {
	return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

static inline uint64_t step_bit(bool holds, unsigned i) {
	return (uint64_t)holds << i;
}

enum step_op {
	OP_EQ,
	OP_LT,
	OP_ADD,
	OP_SUB, // of FIELD_U64: gives FIELD_I64
	OP_MUL,
	OP_DIV, // whole numbers: toward zero
	OP_MOD,
	OP_NEG,
	OP_ABS,
	OP_BIT_AND,
	OP_BIT_OR,
	OP_BIT_XOR,
	OP_BIT_NOT,
	OP_SHL,
	OP_SHR,
	OP_FLOOR,
	OP_CEIL,
	OP_ROUND,
	OP_SQRT,
	OP_LOG,
	OP_EXP,
	OP_TO_I64,
	OP_TO_F64,
	OP_SELECT, // if a then b else c, of b's type
	OP_LOWER,
	OP_UPPER,
	OP_LENGTH,
	OP_CONTAINS,
	OP_STARTS_WITH,
	OP_ENDS_WITH,
	OP_SLICE, // from b on, c bytes at most
	OP_CONCAT,
	OP_TO_TEXT,
	STEP_OPS,
};

// What computes an operation on columns of a type; NULL: there is no such operation. FIELD_ENUM counts as FIELD_U64.
step_run *step_of_number(enum step_op op, enum field_type type);
step_run *step_of_bytes(enum step_op op, enum field_type type);
// What loads a field; of a list: its length.
step_run *step_of_load(enum field_type type);

// The others.
step_run step_and, step_or, step_not, step_present, step_load_item, step_in_list, step_in_prefix, step_prefix,
	step_ip_version, step_enum_text;
