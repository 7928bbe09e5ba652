// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The compiler of expressions (expression.h) as its files share it: expression_type has names and operators,
// expression_function the functions, expression_emit what both make steps with.
#pragma once

#include "dataplane/expression_parse.h"
#include "dataplane/expression_step.h"

enum {
	EXPRESSION_STEPS_MAX = 1024,
	EXPRESSION_COLUMNS_MAX = 1024,
	EXPRESSION_TEXT_MAX = 4096, // bytes of a text that has to be made
	EXPRESSION_ARGUMENTS_MAX = 16,
};

struct expression {
	unsigned step_count, column_count, memory_count;
	enum field_type type;
	const struct field *field; // that it is
	const struct column *result;
	unsigned length;
	struct step *steps; // [EXPRESSION_STEPS_MAX], cut to what there is in the end
	struct column *columns[EXPRESSION_COLUMNS_MAX];
	void *memory[EXPRESSION_COLUMNS_MAX]; // texts: constant ones, and places for those that are made
};

struct compiler {
	struct expression *expression;
	const struct schema *schema;
	char *error; // [size]
	size_t size;
};

// A value that the program has computed by now.
struct operand {
	enum field_type type;      // of the column; FIELD_ENUM and lists: of `field`
	struct column *column;     // NULL: a list, which stands for itself
	const struct field *field; // that it is and nothing else, or NULL
	unsigned length;           // FIELD_STRING: bytes of the longest
	unsigned at;               // column of the text, for messages
};

// Add a step; one that is there already serves again, and one on constants alone is run at once.
//   wanted  the step without `to`; with size set and `makes_text`, scratch is made
//   return  0, -ENOMEM, or -EINVAL: too long
int compiler_emit(struct compiler *compiler, const struct step *wanted, bool makes_text, struct operand *out);

// Convert an operand in place, where its type has that one as a wider one: any number to FIELD_F64, FIELD_U64 to
// FIELD_I64, FIELD_ENUM to FIELD_STRING.
//   return  0, -EINVAL after a message, -ENOMEM
int compiler_convert(struct compiler *compiler, struct operand *operand, enum field_type type);

// Bring two to one type.
int compiler_unify(struct compiler *compiler, struct operand *a, struct operand *b);

// `a op b` of one type.
//   type  of the result
int compiler_apply(struct compiler *compiler, enum step_op op, const struct operand *a, const struct operand *b,
	enum field_type type, struct operand *out);

// Call a function.
//   arguments  [node->child_count], which it may change
int compiler_call(
	struct compiler *compiler, const struct syntax_node *node, struct operand *arguments, struct operand *out);

// Constants; out->at is left. A column of one has its values set by the caller; NULL: no memory.
struct column *compiler_constant(struct compiler *compiler);
int compiler_bytes(struct compiler *compiler, const void *data, unsigned size, struct operand *out);
int compiler_whole(struct compiler *compiler, uint64_t value, struct operand *out);
int compiler_text(struct compiler *compiler, const void *text, unsigned length, struct operand *out);

//   return  "a number", "a text", ...
const char *expression_type_words(enum field_type type);
bool expression_is_number(enum field_type type);

// Fail over an operand: "column N: WHO: expected EXPECTED, this is a text".
int compiler_fail_type(
	const struct compiler *compiler, const struct operand *operand, const char *who, const char *expected);

// Compile a tree.
//   return  0, -EINVAL after a message, -ENOMEM
int compiler_run(struct compiler *compiler, const struct syntax_node *root, struct operand *out);
