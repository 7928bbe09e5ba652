// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// From tree to steps. Each node leaves a column; what was computed once is not computed again, and what depends on
// constants alone is computed here.
#include "dataplane/expression_type.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/text.h"

static int compile(struct compiler *compiler, const struct syntax_node *node, struct operand *out);

static bool is_list(enum field_type type) {
	return type == FIELD_U16_LIST || type == FIELD_U32_LIST;
}

static int compile_text(struct compiler *compiler, const struct token *token, struct operand *out) {
	char *text = malloc(token->length + 1);
	if (text == NULL)
		return -ENOMEM;
	int ret = compiler_text(compiler, text, token_decode(token, text), out);
	free(text);
	return ret;
}

static int compile_value(struct compiler *compiler, const struct token *token, struct operand *out) {
	switch (token->kind) {
	case TOKEN_WHOLE:
		return compiler_whole(compiler, token->u64, out);
	case TOKEN_REAL:
		out->type = FIELD_F64;
		out->column = compiler_constant(compiler);
		for (unsigned i = 0; out->column != NULL && i < EXPRESSION_BATCH; i++)
			out->column->f64[i] = token->f64;
		return out->column != NULL ? 0 : -ENOMEM;
	case TOKEN_TEXT:
		return compile_text(compiler, token, out);
	case TOKEN_ADDRESS:
		out->type = FIELD_IP;
		return compiler_bytes(compiler, token->address, 16, out);
	case TOKEN_MAC:
		out->type = FIELD_MAC;
		return compiler_bytes(compiler, token->address, 6, out);
	case TOKEN_PREFIX:
		return expression_fail(
			compiler->error, compiler->size, token->column, "a prefix: expected only behind in");
	default: // true or false
		out->type = FIELD_BOOL;
		out->column = compiler_constant(compiler);
		if (out->column == NULL)
			return -ENOMEM;
		out->column->truth = token->sign == SIGN_TRUE ? UINT64_MAX : 0;
		return 0;
	}
}

static int fail_field(const struct compiler *compiler, const struct token *token, const char *name) {
	struct text_names names = {0};
	char message[200] = "";
	for (const struct field *field = compiler->schema->fields; field->name != NULL; field++)
		text_names_add(&names, field->name);
	text_append_quoted(message, sizeof(message), name);
	text_append(message, sizeof(message), ": no field of %s", compiler->schema->name);
	const char *near = text_nearest(name, &names);
	if (near != NULL)
		text_append(message, sizeof(message), ", did you mean \"%s\"?", near);
	return expression_fail(compiler->error, compiler->size, token->column, "%s", message);
}

// The type of the column that a field is loaded into.
static enum field_type loaded_type(enum field_type type) {
	return type == FIELD_U8 || type == FIELD_U16 || type == FIELD_U32 ? FIELD_U64 : type;
}

static int compile_field(struct compiler *compiler, const struct token *token, struct operand *out) {
	char name[128];
	snprintf(name, sizeof(name), "%.*s", (int)(token->length < 127 ? token->length : 127), token->start);
	const struct field *field = schema_field(compiler->schema, name);
	if (field == NULL)
		return fail_field(compiler, token, name);
	out->field = field;
	out->type = loaded_type(field->type);
	out->length = field->type == FIELD_STRING ? field->length : 0;
	if (is_list(field->type))
		return 0;
	const struct step step = {
		.run = step_of_load(field->type),
		.field = field,
		.present_offset = compiler->schema->present_offset,
		.size = (uint32_t)field_size(field),
	};
	return compiler_emit(compiler, &step, false, out);
}

static int expect_type(const struct compiler *compiler, const struct operand *operand, const char *who, bool holds,
	const char *expected) {
	return holds ? 0 : compiler_fail_type(compiler, operand, who, expected);
}

static int compile_item(struct compiler *compiler, const struct syntax_node *node, struct operand *out) {
	struct operand list = {.at = node->token.column}, index = list;
	int ret = compile(compiler, node->first, &list);
	if (ret == 0)
		ret = expect_type(compiler, &list, "an item", is_list(list.type), "a list before [");
	if (ret == 0)
		ret = compile(compiler, node->first->next, &index);
	if (ret == 0)
		ret = expect_type(compiler, &index, "an item's number", index.type == FIELD_U64,
			"a whole number that is not negative");
	if (ret != 0)
		return ret;
	const struct step step = {
		.run = step_load_item,
		.a = index.column,
		.field = list.field,
		.present_offset = compiler->schema->present_offset,
	};
	out->type = FIELD_U64;
	return compiler_emit(compiler, &step, false, out);
}

static int negate_truth(struct compiler *compiler, struct operand *operand) {
	const struct step step = {.run = step_not, .a = operand->column};
	operand->field = NULL;
	return compiler_emit(compiler, &step, false, operand);
}

static int compile_unary(struct compiler *compiler, const struct syntax_node *node, struct operand *out) {
	struct operand operand = {.at = node->first->token.column};
	int ret = compile(compiler, node->first, &operand);
	if (ret != 0)
		return ret;
	if (node->token.sign == SIGN_NOT) {
		ret = expect_type(compiler, &operand, "not", operand.type == FIELD_BOOL, "true or false");
		*out = operand;
		return ret == 0 ? negate_truth(compiler, out) : ret;
	}
	if (node->token.sign == SIGN_BIT_NOT) {
		ret = expect_type(compiler, &operand, "~", operand.type == FIELD_U64, "a whole number");
		return ret == 0 ? compiler_apply(compiler, OP_BIT_NOT, &operand, NULL, FIELD_U64, out) : ret;
	}
	ret = expect_type(compiler, &operand, "-", expression_is_number(operand.type), "a number");
	enum field_type type = operand.type == FIELD_F64 ? FIELD_F64 : FIELD_I64;
	return ret == 0 ? compiler_apply(compiler, OP_NEG, &operand, NULL, type, out) : ret;
}

// A choice is compared by its number: an unknown name can be refused, and no text has to be looked at.
//   return  1 if it was one
static int compile_choice(
	struct compiler *compiler, const struct operand *choice, const struct operand *text, struct operand *out) {
	if (choice->type != FIELD_ENUM || text->type != FIELD_STRING || !text->column->is_constant)
		return 0;
	struct text_names names = {0};
	const struct bytes *wanted = &text->column->bytes[0];
	for (unsigned i = 0; choice->field->choices[i] != NULL; i++) {
		const char *name = choice->field->choices[i];
		text_names_add(&names, name);
		if (strlen(name) != wanted->size || memcmp(name, wanted->data, wanted->size) != 0)
			continue;
		struct operand number = {.at = text->at};
		int ret = compiler_whole(compiler, i, &number);
		if (ret == 0)
			ret = compiler_apply(compiler, OP_EQ, choice, &number, FIELD_BOOL, out);
		return ret == 0 ? 1 : ret;
	}
	char message[200] = "";
	text_append_names(message, sizeof(message), &names);
	return expression_fail(
		compiler->error, compiler->size, text->at, "%s: expected %s", choice->field->name, message);
}

static int compile_equal(struct compiler *compiler, struct operand *left, struct operand *right, struct operand *out) {
	int ret = compile_choice(compiler, left, right, out);
	if (ret == 0)
		ret = compile_choice(compiler, right, left, out);
	if (ret != 0)
		return ret > 0 ? 0 : ret;
	ret = compiler_unify(compiler, left, right);
	return ret == 0 ? compiler_apply(compiler, OP_EQ, left, right, FIELD_BOOL, out) : ret;
}

static int compile_compare(
	struct compiler *compiler, enum sign sign, struct operand *left, struct operand *right, struct operand *out) {
	bool swapped = sign == SIGN_GT || sign == SIGN_LE, negated = sign == SIGN_LE || sign == SIGN_GE;
	int ret;
	if (sign == SIGN_EQ || sign == SIGN_NE) {
		ret = compile_equal(compiler, left, right, out);
		return ret == 0 && sign == SIGN_NE ? negate_truth(compiler, out) : ret;
	}
	ret = compiler_unify(compiler, left, right);
	if (ret == 0)
		ret = expect_type(
			compiler, left, "an order", left->type != FIELD_BOOL, "a number, a text or an address");
	if (ret == 0)
		ret = compiler_apply(compiler, OP_LT, swapped ? right : left, swapped ? left : right, FIELD_BOOL, out);
	return ret == 0 && negated ? negate_truth(compiler, out) : ret;
}

static int compile_arithmetic(struct compiler *compiler, const struct syntax_node *node, struct operand *left,
	struct operand *right, struct operand *out) {
	static const enum step_op ops[SIGNS] = {
		[SIGN_ADD] = OP_ADD,
		[SIGN_SUB] = OP_SUB,
		[SIGN_MUL] = OP_MUL,
		[SIGN_DIV] = OP_DIV,
		[SIGN_WHOLE_DIV] = OP_DIV,
		[SIGN_MOD] = OP_MOD,
		[SIGN_BIT_AND] = OP_BIT_AND,
		[SIGN_BIT_OR] = OP_BIT_OR,
		[SIGN_BIT_XOR] = OP_BIT_XOR,
		[SIGN_SHL] = OP_SHL,
		[SIGN_SHR] = OP_SHR,
	};
	enum sign sign = node->token.sign;
	char who[8];
	snprintf(who, sizeof(who), "%.*s", (int)node->token.length, node->token.start);
	bool of_bits = sign >= SIGN_SHL && sign <= SIGN_BIT_AND;
	bool of_wholes = of_bits || sign == SIGN_WHOLE_DIV || sign == SIGN_MOD;
	const char *expected = of_bits     ? "a whole number that is not negative"
			       : of_wholes ? "a whole number"
					   : "a number";
	struct operand *both[] = {left, right};
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < 2; i++)
		ret = expect_type(compiler, both[i], who,
			both[i]->type == FIELD_U64 || (!of_bits && both[i]->type == FIELD_I64) ||
				(!of_wholes && both[i]->type == FIELD_F64),
			expected);
	if (ret == 0 && sign == SIGN_DIV)
		ret = compiler_convert(compiler, left, FIELD_F64);
	if (ret == 0)
		ret = compiler_unify(compiler, left, right);
	enum field_type type = sign == SIGN_SUB && left->type == FIELD_U64 ? FIELD_I64 : left->type;
	return ret == 0 ? compiler_apply(compiler, ops[sign], left, right, type, out) : ret;
}

static int compile_logic(struct compiler *compiler, enum sign sign, const struct operand *left,
	const struct operand *right, struct operand *out) {
	const char *who = sign == SIGN_AND ? "and" : "or";
	int ret = expect_type(compiler, left, who, left->type == FIELD_BOOL, "true or false");
	if (ret == 0)
		ret = expect_type(compiler, right, who, right->type == FIELD_BOOL, "true or false");
	const struct step step = {.run = sign == SIGN_AND ? step_and : step_or, .a = left->column, .b = right->column};
	out->type = FIELD_BOOL;
	return ret == 0 ? compiler_emit(compiler, &step, false, out) : ret;
}

static int compile_in_prefix(
	struct compiler *compiler, const struct operand *left, const struct token *token, struct operand *out) {
	struct step step = {.run = step_in_prefix, .a = left->column};
	uint8_t mask[16];
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = token->bits > i * 8 ? token->bits - i * 8u : 0;
		mask[i] = kept >= 8 ? 0xff : (uint8_t)(0xff00 >> kept);
	}
	memcpy(step.words, token->address, 16);
	memcpy(step.words + 2, mask, 16);
	out->type = FIELD_BOOL;
	int ret = expect_type(compiler, left, "in a prefix", left->type == FIELD_IP, "an IP address");
	return ret == 0 ? compiler_emit(compiler, &step, false, out) : ret;
}

// One thing behind `in`: a prefix, a value, or a field that is a list.
static int compile_in_one(
	struct compiler *compiler, struct operand left, const struct syntax_node *node, struct operand *out) {
	if (node->kind == NODE_VALUE && node->token.kind == TOKEN_PREFIX)
		return compile_in_prefix(compiler, &left, &node->token, out);
	struct operand right = {.at = node->token.column};
	int ret = compile(compiler, node, &right);
	if (ret != 0)
		return ret;
	if (!is_list(right.type))
		return compile_equal(compiler, &left, &right, out);
	const struct step step = {
		.run = step_in_list,
		.a = left.column,
		.field = right.field,
		.present_offset = compiler->schema->present_offset,
	};
	out->type = FIELD_BOOL;
	ret = expect_type(compiler, &left, "in a list", left.type == FIELD_U64, "a whole number");
	return ret == 0 ? compiler_emit(compiler, &step, false, out) : ret;
}

static int compile_in(
	struct compiler *compiler, const struct syntax_node *node, const struct operand *left, struct operand *out) {
	const struct syntax_node *right = node->first->next;
	int ret = expect_type(compiler, left, "in", !is_list(left->type), "one value before it");
	if (ret == 0 && right->kind != NODE_LIST && right->kind != NODE_FIELD &&
		!(right->kind == NODE_VALUE && right->token.kind == TOKEN_PREFIX))
		return expression_fail(compiler->error, compiler->size, right->token.column,
			"in: expected a prefix such as 10.0.0.0/8, a list such as [80, 443], or a field that is a "
			"list");
	if (ret == 0 && right->kind == NODE_LIST && right->child_count == 0)
		return expression_fail(
			compiler->error, compiler->size, right->token.column, "[]: expected an item at least");
	if (ret == 0 && right->kind != NODE_LIST)
		ret = compile_in_one(compiler, *left, right, out);
	const struct syntax_node *item = right->kind == NODE_LIST ? right->first : NULL;
	for (bool first = true; ret == 0 && item != NULL; item = item->next, first = false) {
		struct operand one = {.at = item->token.column}, so_far = *out;
		ret = compile_in_one(compiler, *left, item, first ? out : &one);
		if (ret == 0 && !first)
			ret = compile_logic(compiler, SIGN_OR, &so_far, &one, out);
	}
	return ret == 0 && node->negated ? negate_truth(compiler, out) : ret;
}

static int compile_binary(struct compiler *compiler, const struct syntax_node *node, struct operand *out) {
	struct operand left = {.at = node->first->token.column}, right = {.at = node->first->next->token.column};
	enum sign sign = node->token.sign;
	int ret = compile(compiler, node->first, &left);
	if (ret == 0 && sign == SIGN_IN)
		return compile_in(compiler, node, &left, out);
	if (ret == 0)
		ret = compile(compiler, node->first->next, &right);
	if (ret != 0)
		return ret;
	if (sign == SIGN_AND || sign == SIGN_OR)
		return compile_logic(compiler, sign, &left, &right, out);
	if (sign >= SIGN_EQ && sign <= SIGN_GT)
		return compile_compare(compiler, sign, &left, &right, out);
	return compile_arithmetic(compiler, node, &left, &right, out);
}

static int compile_call(struct compiler *compiler, const struct syntax_node *node, struct operand *out) {
	struct operand arguments[EXPRESSION_ARGUMENTS_MAX];
	if (node->child_count > EXPRESSION_ARGUMENTS_MAX)
		return expression_fail(compiler->error, compiler->size, node->token.column,
			"%u arguments: expected at most %u", node->child_count, EXPRESSION_ARGUMENTS_MAX);
	int ret = 0;
	unsigned count = 0;
	for (const struct syntax_node *child = node->first; ret == 0 && child != NULL; child = child->next) {
		arguments[count] = (struct operand){.at = child->token.column};
		ret = compile(compiler, child, &arguments[count++]);
	}
	return ret == 0 ? compiler_call(compiler, node, arguments, out) : ret;
}

static int compile(struct compiler *compiler, const struct syntax_node *node, struct operand *out) {
	int ret;
	*out = (struct operand){.at = node->token.column};
	switch (node->kind) {
	case NODE_VALUE:
		return compile_value(compiler, &node->token, out);
	case NODE_FIELD:
		return compile_field(compiler, &node->token, out);
	case NODE_UNARY:
		ret = compile_unary(compiler, node, out);
		out->at = node->token.column;
		return ret;
	case NODE_BINARY:
		return compile_binary(compiler, node, out);
	case NODE_CALL:
		return compile_call(compiler, node, out);
	case NODE_ITEM:
		return compile_item(compiler, node, out);
	case NODE_LIST:
		break;
	}
	return expression_fail(compiler->error, compiler->size, node->token.column, "a list: expected only behind in");
}

int compiler_run(struct compiler *compiler, const struct syntax_node *root, struct operand *out) {
	return compile(compiler, root, out);
}
