// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The compiler's back: columns, steps and constants, and conversions between types.
#include "dataplane/expression_type.h"

#include <errno.h>
#include <stdlib.h>

const char *expression_type_words(enum field_type type) {
	switch (type) {
	case FIELD_BOOL:
		return "true or false";
	case FIELD_IP:
		return "an IP address";
	case FIELD_MAC:
		return "a MAC address";
	case FIELD_ENUM:
	case FIELD_STRING:
		return "a text";
	case FIELD_U16_LIST:
	case FIELD_U32_LIST:
		return "a list";
	default:
		return "a number";
	}
}

bool expression_is_number(enum field_type type) {
	return type == FIELD_U64 || type == FIELD_I64 || type == FIELD_F64;
}

static bool is_list(enum field_type type) {
	return type == FIELD_U16_LIST || type == FIELD_U32_LIST;
}

int compiler_fail_type(
	const struct compiler *compiler, const struct operand *operand, const char *who, const char *expected) {
	return expression_fail(compiler->error, compiler->size, operand->at, "%s: expected %s, this is %s", who,
		expected, expression_type_words(operand->type));
}

static int fail_length(const struct compiler *compiler, const struct operand *operand) {
	return expression_fail(compiler->error, compiler->size, operand->at,
		"the expression is too long: expected fewer operators, or shorter texts");
}

static struct column *add_column(struct expression *expression) {
	if (expression->column_count == EXPRESSION_COLUMNS_MAX)
		return NULL;
	struct column *column = aligned_alloc(_Alignof(struct column), sizeof(*column));
	if (column == NULL)
		return NULL;
	memset(column, 0, sizeof(*column));
	return expression->columns[expression->column_count++] = column;
}

static void *add_memory(struct expression *expression, size_t size) {
	if (expression->memory_count == EXPRESSION_COLUMNS_MAX)
		return NULL;
	void *memory = calloc(1, size > 0 ? size : 1);
	if (memory != NULL)
		expression->memory[expression->memory_count++] = memory;
	return memory;
}

static bool is_same(const struct step *a, const struct step *b) {
	return a->run == b->run && a->a == b->a && a->b == b->b && a->c == b->c && a->field == b->field &&
	       memcmp(a->words, b->words, sizeof(a->words)) == 0;
}

static bool is_of_constants(const struct step *step) {
	return step->field == NULL && step->a->is_constant && (step->b == NULL || step->b->is_constant) &&
	       (step->c == NULL || step->c->is_constant);
}

int compiler_emit(struct compiler *compiler, const struct step *wanted, bool makes_text, struct operand *out) {
	struct expression *expression = compiler->expression;
	for (unsigned i = 0; i < expression->step_count; i++)
		if (is_same(&expression->steps[i], wanted)) {
			out->column = expression->steps[i].to;
			return 0;
		}
	if (expression->step_count == EXPRESSION_STEPS_MAX || expression->column_count == EXPRESSION_COLUMNS_MAX ||
		(makes_text && wanted->size > EXPRESSION_TEXT_MAX))
		return fail_length(compiler, out);
	struct step *step = &expression->steps[expression->step_count];
	*step = *wanted;
	step->to = add_column(expression);
	if (makes_text)
		step->scratch = add_memory(expression, (size_t)step->size * EXPRESSION_BATCH);
	if (step->to == NULL || (makes_text && step->scratch == NULL))
		return -ENOMEM;
	out->column = step->to;
	if (is_of_constants(step)) {
		step->run(step, NULL, EXPRESSION_BATCH);
		step->to->is_constant = true;
	} else {
		expression->step_count++;
	}
	return 0;
}

int compiler_apply(struct compiler *compiler, enum step_op op, const struct operand *a, const struct operand *b,
	enum field_type type, struct operand *out) {
	step_run *run = step_of_number(op, a->type);
	if (run == NULL)
		run = step_of_bytes(op, a->type);
	if (run == NULL)
		return compiler_fail_type(compiler, a, "an operator", "a value it is for");
	const struct step step = {.run = run, .a = a->column, .b = b != NULL ? b->column : NULL};
	struct operand made = {.type = type, .at = a->at};
	int ret = compiler_emit(compiler, &step, false, &made);
	*out = made;
	return ret;
}

int compiler_convert(struct compiler *compiler, struct operand *operand, enum field_type type) {
	if (operand->type == type)
		return 0;
	struct operand made = {.type = type, .at = operand->at};
	struct step step = {.a = operand->column};
	if (operand->type == FIELD_ENUM && type == FIELD_STRING) {
		step.run = step_enum_text;
		step.field = operand->field;
		for (unsigned i = 0; step.field->choices[i] != NULL; i++)
			made.length = (unsigned)strlen(step.field->choices[i]) > made.length
					      ? (unsigned)strlen(step.field->choices[i])
					      : made.length;
	} else if (expression_is_number(operand->type) && (type == FIELD_F64 || type == FIELD_I64)) {
		step.run = step_of_number(type == FIELD_F64 ? OP_TO_F64 : OP_TO_I64, operand->type);
	}
	if (step.run == NULL)
		return compiler_fail_type(compiler, operand, "types", expression_type_words(type));
	int ret = compiler_emit(compiler, &step, false, &made);
	*operand = made;
	return ret;
}

int compiler_unify(struct compiler *compiler, struct operand *a, struct operand *b) {
	int ret = 0;
	if (a->type == FIELD_ENUM)
		ret = compiler_convert(compiler, a, FIELD_STRING);
	if (ret == 0 && b->type == FIELD_ENUM)
		ret = compiler_convert(compiler, b, FIELD_STRING);
	if (ret != 0 || (a->type == b->type && !is_list(a->type)))
		return ret;
	if (!expression_is_number(a->type) || !expression_is_number(b->type))
		return compiler_fail_type(
			compiler, b, "types", is_list(a->type) ? "no list before it" : expression_type_words(a->type));
	enum field_type type = a->type == FIELD_F64 || b->type == FIELD_F64 ? FIELD_F64 : FIELD_I64;
	ret = compiler_convert(compiler, a, type);
	return ret == 0 ? compiler_convert(compiler, b, type) : ret;
}

struct column *compiler_constant(struct compiler *compiler) {
	struct column *column = add_column(compiler->expression);
	if (column != NULL) {
		column->present = UINT64_MAX;
		column->is_constant = true;
	}
	return column;
}

int compiler_whole(struct compiler *compiler, uint64_t value, struct operand *out) {
	*out = (struct operand){.type = FIELD_U64, .at = out->at, .column = compiler_constant(compiler)};
	for (unsigned i = 0; out->column != NULL && i < EXPRESSION_BATCH; i++)
		out->column->u64[i] = value;
	return out->column != NULL ? 0 : -ENOMEM;
}

int compiler_bytes(struct compiler *compiler, const void *data, unsigned size, struct operand *out) {
	void *copy = add_memory(compiler->expression, size);
	out->column = compiler_constant(compiler);
	if (copy == NULL || out->column == NULL)
		return -ENOMEM;
	memcpy(copy, data, size);
	for (unsigned i = 0; i < EXPRESSION_BATCH; i++)
		out->column->bytes[i] = (struct bytes){copy, size};
	return 0;
}

int compiler_text(struct compiler *compiler, const void *text, unsigned length, struct operand *out) {
	out->type = FIELD_STRING;
	out->length = length;
	return compiler_bytes(compiler, text, length, out);
}
