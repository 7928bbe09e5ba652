// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/expression.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/expression_type.h"

static struct expression *make(void) {
	struct expression *expression = calloc(1, sizeof(*expression));
	if (expression != NULL)
		expression->steps = calloc(EXPRESSION_STEPS_MAX, sizeof(*expression->steps));
	if (expression == NULL || expression->steps == NULL) {
		expression_free(expression);
		return NULL;
	}
	return expression;
}

// Give back what the steps that there are do not need.
static void cut_steps(struct expression *expression) {
	struct step *cut = realloc(expression->steps, (expression->step_count + 1) * sizeof(*cut));
	if (cut != NULL)
		expression->steps = cut;
}

enum wanted { WANTED_ANY, WANTED_CONDITION, WANTED_NUMBER };

// Bring the whole to what is wanted, and leave it as the result.
static int finish(struct compiler *compiler, struct operand *whole, enum wanted wanted) {
	struct expression *expression = compiler->expression;
	expression->field = whole->field;
	bool fits = wanted == WANTED_ANY || (wanted == WANTED_CONDITION && whole->type == FIELD_BOOL) ||
		    (wanted == WANTED_NUMBER && expression_is_number(whole->type));
	if (!fits) {
		snprintf(compiler->error, compiler->size, "expected %s, this is %s",
			wanted == WANTED_NUMBER ? "a number" : "a condition", expression_type_words(whole->type));
		return -EINVAL;
	}
	int ret = 0;
	if (whole->type == FIELD_ENUM)
		ret = compiler_convert(compiler, whole, FIELD_STRING);
	if (wanted == WANTED_NUMBER)
		ret = compiler_convert(compiler, whole, FIELD_F64);
	expression->type = whole->type;
	expression->result = whole->column;
	expression->length = whole->length;
	return ret;
}

static int build(struct expression **out, const char *text, const struct schema *schema, enum wanted wanted,
	char *error, size_t size) {
	struct syntax *syntax = malloc(sizeof(*syntax));
	struct expression *expression = make();
	struct compiler compiler = {.expression = expression, .schema = schema, .error = error, .size = size};
	struct syntax_node *root;
	struct operand whole;
	int ret = syntax == NULL || expression == NULL ? -ENOMEM : syntax_parse(syntax, text, &root, error, size);
	if (ret == 0)
		ret = compiler_run(&compiler, root, &whole);
	if (ret == 0)
		ret = finish(&compiler, &whole, wanted);
	free(syntax);
	if (ret == 0) {
		cut_steps(expression);
		*out = expression;
		return 0;
	}
	if (ret == -ENOMEM)
		snprintf(error, size, "out of memory");
	expression_free(expression);
	return ret;
}

int expression_new(struct expression **out, const char *text, const struct schema *schema, char *error, size_t size) {
	return build(out, text, schema, WANTED_ANY, error, size);
}

int expression_new_condition(
	struct expression **out, const char *text, const struct schema *schema, char *error, size_t size) {
	return build(out, text, schema, WANTED_CONDITION, error, size);
}

int expression_new_number(
	struct expression **out, const char *text, const struct schema *schema, char *error, size_t size) {
	return build(out, text, schema, WANTED_NUMBER, error, size);
}

void expression_free(struct expression *expression) {
	if (expression == NULL)
		return;
	for (unsigned i = 0; i < expression->column_count; i++)
		free(expression->columns[i]);
	for (unsigned i = 0; i < expression->memory_count; i++)
		free(expression->memory[i]);
	free(expression->steps);
	free(expression);
}

enum field_type expression_type(const struct expression *expression) {
	return expression->type;
}

const struct field *expression_field(const struct expression *expression) {
	return expression->field;
}

unsigned expression_length(const struct expression *expression) {
	return expression->length;
}

const struct column *expression_run(struct expression *expression, const void *const *bodies, unsigned count) {
	for (unsigned i = 0; i < expression->step_count; i++)
		expression->steps[i].run(&expression->steps[i], bodies, count);
	return expression->result;
}

uint64_t expression_select(struct expression *expression, const void *const *bodies, unsigned count) {
	const struct column *column = expression_run(expression, bodies, count);
	return column->present & column->truth & step_lanes(count);
}

void expression_eval(struct expression *expression, const void *body, struct value *out) {
	const struct column *column = expression_run(expression, &body, 1);
	*out = (struct value){.type = expression->type, .present = column != NULL && (column->present & 1) != 0};
	if (!out->present)
		return;
	switch (expression->type) {
	case FIELD_BOOL:
		out->truth = (column->truth & 1) != 0;
		break;
	case FIELD_IP:
	case FIELD_MAC:
	case FIELD_STRING:
		out->bytes = column->bytes[0];
		break;
	default:
		out->u64 = column->u64[0];
		break;
	}
}
