// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The functions of expressions: one row of a table and a few lines each. docs/expressions.md lists them.
#include <errno.h>
#include <stdio.h>

#include "dataplane/expression_type.h"
#include "dataplane/text.h"

enum { NUMBER_TEXT_MAX = 48 };

struct call {
	struct compiler *compiler;
	const char *name;
	enum step_op op;
	unsigned count;
	struct operand *arguments; // [count]
	struct operand *out;
};

struct function {
	const char *name, *usage;
	unsigned least, most;
	int (*compile)(struct call *call);
	enum step_op op;
};

static int expect(const struct call *call, unsigned argument, bool holds, const char *expected) {
	return holds ? 0 : compiler_fail_type(call->compiler, &call->arguments[argument], call->name, expected);
}

static int expect_type(const struct call *call, unsigned argument, enum field_type type) {
	struct operand *operand = &call->arguments[argument];
	if (operand->type == FIELD_ENUM && type == FIELD_STRING)
		return compiler_convert(call->compiler, operand, type);
	return expect(call, argument, operand->type == type,
		type == FIELD_U64 ? "a whole number that is not negative" : expression_type_words(type));
}

static int expect_number(const struct call *call, unsigned argument) {
	return expect(call, argument, expression_is_number(call->arguments[argument].type), "a number");
}

static bool is_list(const struct operand *operand) {
	return operand->type == FIELD_U16_LIST || operand->type == FIELD_U32_LIST;
}

// A list's length, which is present where the list is.
static int load_length(const struct call *call, struct operand *list) {
	const struct step step = {
		.run = step_of_load(list->type),
		.field = list->field,
		.present_offset = call->compiler->schema->present_offset,
	};
	struct operand made = {.type = FIELD_U64, .at = list->at};
	int ret = compiler_emit(call->compiler, &step, false, &made);
	*list = made;
	return ret;
}

// `condition ? a : b`, which have one type.
static int select_one(const struct call *call, const struct operand *condition, const struct operand *a,
	const struct operand *b, struct operand *out) {
	step_run *run = step_of_number(OP_SELECT, a->type);
	const struct step step = {
		.run = run != NULL ? run : step_of_bytes(OP_SELECT, a->type),
		.a = condition->column,
		.b = a->column,
		.c = b->column,
	};
	struct operand made = {.type = a->type, .at = a->at, .length = a->length > b->length ? a->length : b->length};
	int ret = compiler_emit(call->compiler, &step, false, &made);
	*out = made;
	return ret;
}

static int call_if(struct call *call) {
	struct operand *arguments = call->arguments;
	int ret = expect_type(call, 0, FIELD_BOOL);
	if (ret == 0)
		ret = compiler_unify(call->compiler, &arguments[1], &arguments[2]);
	return ret == 0 ? select_one(call, &arguments[0], &arguments[1], &arguments[2], call->out) : ret;
}

static int test_presence(const struct call *call, struct operand *operand, struct operand *out) {
	int ret = is_list(operand) ? load_length(call, operand) : 0;
	const struct step step = {.run = step_present, .a = operand->column};
	*out = (struct operand){.type = FIELD_BOOL, .at = operand->at};
	return ret == 0 ? compiler_emit(call->compiler, &step, false, out) : ret;
}

static int call_present(struct call *call) {
	return test_presence(call, &call->arguments[0], call->out);
}

static int call_default(struct call *call) {
	struct operand rest = call->arguments[call->count - 1];
	int ret = 0;
	for (unsigned i = call->count - 1; ret == 0 && i-- > 0;) {
		struct operand there;
		ret = compiler_unify(call->compiler, &call->arguments[i], &rest);
		if (ret == 0)
			ret = test_presence(call, &call->arguments[i], &there);
		if (ret == 0)
			ret = select_one(call, &there, &call->arguments[i], &rest, &rest);
	}
	*call->out = rest;
	return ret;
}

static int call_least(struct call *call) {
	struct operand best = call->arguments[0];
	int ret = expect_number(call, 0);
	bool wants_greatest = call->name[1] == 'a';
	for (unsigned i = 1; ret == 0 && i < call->count; i++) {
		struct operand *other = &call->arguments[i], is_less;
		ret = expect_number(call, i);
		if (ret == 0)
			ret = compiler_unify(call->compiler, &best, other);
		if (ret == 0)
			ret = compiler_apply(call->compiler, OP_LT, wants_greatest ? &best : other,
				wants_greatest ? other : &best, FIELD_BOOL, &is_less);
		if (ret == 0)
			ret = select_one(call, &is_less, other, &best, &best);
	}
	*call->out = best;
	return ret;
}

static int call_abs(struct call *call) {
	enum field_type type = call->arguments[0].type == FIELD_F64 ? FIELD_F64 : FIELD_U64;
	int ret = expect_number(call, 0);
	return ret == 0 ? compiler_apply(call->compiler, OP_ABS, &call->arguments[0], NULL, type, call->out) : ret;
}

static int call_of_real(struct call *call) {
	int ret = expect_number(call, 0);
	if (ret == 0)
		ret = compiler_convert(call->compiler, &call->arguments[0], FIELD_F64);
	return ret == 0 ? compiler_apply(call->compiler, call->op, &call->arguments[0], NULL, FIELD_F64, call->out)
			: ret;
}

static int call_convert(struct call *call) {
	bool to_real = call->op == OP_TO_F64, is_whole = call->arguments[0].type != FIELD_F64;
	int ret = expect_number(call, 0);
	if (ret == 0 && (to_real || !is_whole))
		ret = compiler_convert(call->compiler, &call->arguments[0], to_real ? FIELD_F64 : FIELD_I64);
	*call->out = call->arguments[0];
	call->out->field = NULL;
	return ret;
}

static int call_length(struct call *call) {
	struct operand *operand = &call->arguments[0];
	if (is_list(operand)) {
		int ret = load_length(call, operand);
		*call->out = *operand;
		return ret;
	}
	int ret = expect_type(call, 0, FIELD_STRING);
	return ret == 0 ? compiler_apply(call->compiler, OP_LENGTH, operand, NULL, FIELD_U64, call->out) : ret;
}

// A step on texts that makes one of `length` bytes at most.
static int make_text(const struct call *call, const struct step *wanted, unsigned length, struct operand *out) {
	struct step step = *wanted;
	struct operand made = {.type = FIELD_STRING, .length = length, .at = call->arguments[0].at};
	step.size = length;
	int ret = compiler_emit(call->compiler, &step, true, &made);
	*out = made;
	return ret;
}

static int call_case(struct call *call) {
	int ret = expect_type(call, 0, FIELD_STRING);
	const struct step step = {.run = step_of_bytes(call->op, FIELD_STRING), .a = call->arguments[0].column};
	return ret == 0 ? make_text(call, &step, call->arguments[0].length, call->out) : ret;
}

static int call_search(struct call *call) {
	int ret = expect_type(call, 0, FIELD_STRING);
	if (ret == 0)
		ret = expect_type(call, 1, FIELD_STRING);
	return ret == 0 ? compiler_apply(call->compiler, call->op, &call->arguments[0], &call->arguments[1], FIELD_BOOL,
				  call->out)
			: ret;
}

static int call_slice(struct call *call) {
	struct operand *text = &call->arguments[0], all = {.at = text->at};
	int ret = expect_type(call, 0, FIELD_STRING);
	if (ret == 0)
		ret = expect_type(call, 1, FIELD_U64);
	if (ret == 0)
		ret = call->count > 2 ? expect_type(call, 2, FIELD_U64)
				      : compiler_whole(call->compiler, UINT32_MAX, &all);
	if (ret != 0)
		return ret;
	const struct step step = {
		.run = step_of_bytes(OP_SLICE, FIELD_STRING),
		.a = text->column,
		.b = call->arguments[1].column,
		.c = call->count > 2 ? call->arguments[2].column : all.column,
	};
	*call->out = (struct operand){.type = FIELD_STRING, .length = text->length, .at = text->at};
	return compiler_emit(call->compiler, &step, false, call->out);
}

static int text_of_bool(const struct call *call, struct operand *operand) {
	static const char *const words[] = {"true", "false"};
	struct operand texts[2];
	int ret = 0;
	for (unsigned i = 0; ret == 0 && i < 2; i++) {
		texts[i] = (struct operand){.at = operand->at};
		ret = compiler_text(call->compiler, words[i], (unsigned)strlen(words[i]), &texts[i]);
	}
	return ret == 0 ? select_one(call, operand, &texts[0], &texts[1], operand) : ret;
}

static int convert_to_text(const struct call *call, struct operand *operand) {
	if (operand->type == FIELD_STRING || operand->type == FIELD_ENUM)
		return compiler_convert(call->compiler, operand, FIELD_STRING);
	if (operand->type == FIELD_BOOL)
		return text_of_bool(call, operand);
	const struct step step = {.run = step_of_bytes(OP_TO_TEXT, operand->type), .a = operand->column};
	if (step.run == NULL)
		return compiler_fail_type(call->compiler, operand, call->name, "one value");
	return make_text(call, &step, NUMBER_TEXT_MAX, operand);
}

static int call_text(struct call *call) {
	int ret = convert_to_text(call, &call->arguments[0]);
	*call->out = call->arguments[0];
	call->out->field = NULL;
	return ret;
}

static int call_concat(struct call *call) {
	struct operand whole = call->arguments[0];
	int ret = convert_to_text(call, &whole);
	for (unsigned i = 1; ret == 0 && i < call->count; i++) {
		ret = convert_to_text(call, &call->arguments[i]);
		const struct step step = {
			.run = step_of_bytes(OP_CONCAT, FIELD_STRING),
			.a = whole.column,
			.b = call->arguments[i].column,
		};
		if (ret == 0)
			ret = make_text(call, &step, whole.length + call->arguments[i].length, &whole);
	}
	*call->out = whole;
	return ret;
}

static int call_prefix(struct call *call) {
	int ret = expect_type(call, 0, FIELD_IP);
	if (ret == 0)
		ret = expect_type(call, 1, FIELD_U64);
	const struct step step = {
		.run = step_prefix,
		.a = call->arguments[0].column,
		.b = call->arguments[1].column,
		.size = 16,
	};
	*call->out = (struct operand){.type = FIELD_IP, .at = call->arguments[0].at};
	return ret == 0 ? compiler_emit(call->compiler, &step, true, call->out) : ret;
}

static int call_ip_version(struct call *call) {
	int ret = expect_type(call, 0, FIELD_IP);
	const struct step step = {.run = step_ip_version, .a = call->arguments[0].column};
	*call->out = (struct operand){.type = FIELD_U64, .at = call->arguments[0].at};
	return ret == 0 ? compiler_emit(call->compiler, &step, false, call->out) : ret;
}

static const struct function functions[] = {
	{"abs", "abs(number)", 1, 1, call_abs},
	{"ceil", "ceil(number)", 1, 1, call_of_real, OP_CEIL},
	{"concat", "concat(value, value, ...)", 2, EXPRESSION_ARGUMENTS_MAX, call_concat},
	{"contains", "contains(text, part)", 2, 2, call_search, OP_CONTAINS},
	{"default", "default(value, other, ...)", 2, EXPRESSION_ARGUMENTS_MAX, call_default},
	{"ends_with", "ends_with(text, end)", 2, 2, call_search, OP_ENDS_WITH},
	{"exp", "exp(number)", 1, 1, call_of_real, OP_EXP},
	{"float", "float(number)", 1, 1, call_convert, OP_TO_F64},
	{"floor", "floor(number)", 1, 1, call_of_real, OP_FLOOR},
	{"if", "if(condition, value, other)", 3, 3, call_if},
	{"int", "int(number)", 1, 1, call_convert, OP_TO_I64},
	{"ip_version", "ip_version(address)", 1, 1, call_ip_version},
	{"length", "length(text or list)", 1, 1, call_length},
	{"log", "log(number)", 1, 1, call_of_real, OP_LOG},
	{"lower", "lower(text)", 1, 1, call_case, OP_LOWER},
	{"max", "max(number, number, ...)", 2, EXPRESSION_ARGUMENTS_MAX, call_least},
	{"min", "min(number, number, ...)", 2, EXPRESSION_ARGUMENTS_MAX, call_least},
	{"prefix", "prefix(address, bits)", 2, 2, call_prefix},
	{"present", "present(value)", 1, 1, call_present},
	{"round", "round(number)", 1, 1, call_of_real, OP_ROUND},
	{"slice", "slice(text, from) or slice(text, from, length)", 2, 3, call_slice},
	{"sqrt", "sqrt(number)", 1, 1, call_of_real, OP_SQRT},
	{"starts_with", "starts_with(text, begin)", 2, 2, call_search, OP_STARTS_WITH},
	{"text", "text(value)", 1, 1, call_text},
	{"upper", "upper(text)", 1, 1, call_case, OP_UPPER},
};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

static const struct function *lookup(const char *name) {
	for (unsigned i = 0; i < FUNCTIONS; i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

static int fail_unknown(const struct compiler *compiler, const struct syntax_node *node, const char *name) {
	struct text_names names = {0};
	char message[400] = "";
	for (unsigned i = 0; i < FUNCTIONS; i++)
		text_names_add(&names, functions[i].name);
	text_append_quoted(message, sizeof(message), name);
	text_append(message, sizeof(message), ": no such function");
	const char *near = text_nearest(name, &names);
	if (near != NULL) {
		text_append(message, sizeof(message), ", did you mean \"%s\"?", near);
	} else {
		text_append(message, sizeof(message), "; expected ");
		text_append_names(message, sizeof(message), &names);
	}
	return expression_fail(compiler->error, compiler->size, node->token.column, "%s", message);
}

int compiler_call(
	struct compiler *compiler, const struct syntax_node *node, struct operand *arguments, struct operand *out) {
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)(node->token.length < 63 ? node->token.length : 63),
		node->token.start);
	const struct function *function = lookup(name);
	if (function == NULL)
		return fail_unknown(compiler, node, name);
	if (node->child_count < function->least || node->child_count > function->most)
		return expression_fail(compiler->error, compiler->size, node->token.column,
			"%s: %u arguments: expected %s", name, node->child_count, function->usage);
	struct call call = {
		.compiler = compiler,
		.name = function->name,
		.op = function->op,
		.count = node->child_count,
		.arguments = arguments,
		.out = out,
	};
	return function->compile(&call);
}
