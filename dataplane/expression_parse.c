// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Precedence climbing (Richards, Whitby-Strevens: BCPL, 1979). Operators bind as in Python: & binds tighter than ==,
// so that `tcp_flags & 2 != 0` means what it looks like.
#include "dataplane/expression_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/text.h"

enum {
	LEVEL_OR = 1,
	LEVEL_AND,
	LEVEL_NOT,
	LEVEL_COMPARE,
	LEVEL_BIT_OR,
	LEVEL_BIT_XOR,
	LEVEL_BIT_AND,
	LEVEL_SHIFT,
	LEVEL_ADD,
	LEVEL_MULTIPLY,
	LEVEL_SIGN,
};

static const uint8_t levels[SIGNS] = {
	[SIGN_OR] = LEVEL_OR,
	[SIGN_AND] = LEVEL_AND,
	[SIGN_NOT] = LEVEL_COMPARE, // a not in b
	[SIGN_IN] = LEVEL_COMPARE,
	[SIGN_EQ] = LEVEL_COMPARE,
	[SIGN_NE] = LEVEL_COMPARE,
	[SIGN_LE] = LEVEL_COMPARE,
	[SIGN_GE] = LEVEL_COMPARE,
	[SIGN_LT] = LEVEL_COMPARE,
	[SIGN_GT] = LEVEL_COMPARE,
	[SIGN_BIT_OR] = LEVEL_BIT_OR,
	[SIGN_BIT_XOR] = LEVEL_BIT_XOR,
	[SIGN_BIT_AND] = LEVEL_BIT_AND,
	[SIGN_SHL] = LEVEL_SHIFT,
	[SIGN_SHR] = LEVEL_SHIFT,
	[SIGN_ADD] = LEVEL_ADD,
	[SIGN_SUB] = LEVEL_ADD,
	[SIGN_WHOLE_DIV] = LEVEL_MULTIPLY,
	[SIGN_MUL] = LEVEL_MULTIPLY,
	[SIGN_DIV] = LEVEL_MULTIPLY,
	[SIGN_MOD] = LEVEL_MULTIPLY,
};

struct parser {
	struct scanner scanner;
	struct syntax *syntax;
	unsigned depth;
};

static int parse_level(struct parser *parser, unsigned level, struct syntax_node **out);

static bool is_sign(const struct parser *parser, enum sign sign) {
	return parser->scanner.token.kind == TOKEN_SIGN && parser->scanner.token.sign == sign;
}

static int fail(const struct parser *parser, const struct token *at, const char *message) {
	return expression_fail(parser->scanner.error, parser->scanner.size, at->column, "%s", message);
}

static int fail_expected(const struct parser *parser, const char *expected) {
	const struct token *token = &parser->scanner.token;
	char raw[80], given[200] = "";
	snprintf(raw, sizeof(raw), "%.*s", (int)(token->length < 79 ? token->length : 79), token->start);
	if (token->kind == TOKEN_END)
		text_append(given, sizeof(given), "the text ends");
	else
		text_append_quoted(given, sizeof(given), raw);
	return expression_fail(
		parser->scanner.error, parser->scanner.size, token->column, "%s: expected %s", given, expected);
}

// A node at the current token, which is read over.
static int take(struct parser *parser, enum node_kind kind, struct syntax_node **out) {
	struct syntax *syntax = parser->syntax;
	if (syntax->count == EXPRESSION_NODES_MAX)
		return fail(parser, &parser->scanner.token, "the expression is too long: expected at most 256 parts");
	*out = &syntax->nodes[syntax->count++];
	**out = (struct syntax_node){.kind = kind, .token = parser->scanner.token};
	return scanner_next(&parser->scanner);
}

static void adopt(struct syntax_node *parent, struct syntax_node *child) {
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->child_count++;
}

static int expect(struct parser *parser, enum sign sign, const char *expected) {
	return is_sign(parser, sign) ? scanner_next(&parser->scanner) : fail_expected(parser, expected);
}

// The items of a list or call up to the closing sign; its opening one was read.
static int parse_items(struct parser *parser, struct syntax_node *parent, enum sign close) {
	int ret = 0;
	if (is_sign(parser, close))
		return scanner_next(&parser->scanner);
	for (bool more = true; ret == 0 && more;) {
		struct syntax_node *item = NULL;
		ret = parse_level(parser, LEVEL_OR, &item);
		if (ret != 0)
			return ret;
		adopt(parent, item);
		more = is_sign(parser, SIGN_COMMA);
		if (more)
			ret = scanner_next(&parser->scanner);
	}
	return ret == 0 ? expect(parser, close, close == SIGN_CLOSE ? "a comma or )" : "a comma or ]") : ret;
}

// A name: of a field, an item of it, or of a function.
static int parse_name(struct parser *parser, struct syntax_node **out) {
	int ret = take(parser, NODE_FIELD, out);
	if (ret == 0 && is_sign(parser, SIGN_OPEN)) {
		(*out)->kind = NODE_CALL;
		ret = scanner_next(&parser->scanner);
		return ret == 0 ? parse_items(parser, *out, SIGN_CLOSE) : ret;
	}
	if (ret != 0 || !is_sign(parser, SIGN_OPEN_LIST))
		return ret;
	struct syntax_node *item = NULL, *index = NULL;
	ret = take(parser, NODE_ITEM, &item);
	if (ret == 0)
		ret = parse_level(parser, LEVEL_OR, &index);
	if (ret == 0)
		ret = expect(parser, SIGN_CLOSE_LIST, "]");
	if (ret != 0)
		return ret;
	item->token.column = (*out)->token.column;
	adopt(item, *out);
	adopt(item, index);
	*out = item;
	return 0;
}

static int parse_primary(struct parser *parser, struct syntax_node **out) {
	int ret;
	switch (parser->scanner.token.kind) {
	case TOKEN_NAME:
		return parse_name(parser, out);
	case TOKEN_END:
		return fail_expected(parser, "a field or a value");
	case TOKEN_SIGN:
		break;
	default:
		return take(parser, NODE_VALUE, out);
	}
	if (is_sign(parser, SIGN_TRUE) || is_sign(parser, SIGN_FALSE))
		return take(parser, NODE_VALUE, out);
	if (is_sign(parser, SIGN_OPEN)) {
		ret = scanner_next(&parser->scanner);
		if (ret == 0)
			ret = parse_level(parser, LEVEL_OR, out);
		return ret == 0 ? expect(parser, SIGN_CLOSE, "an operator or )") : ret;
	}
	if (is_sign(parser, SIGN_OPEN_LIST)) {
		ret = take(parser, NODE_LIST, out);
		return ret == 0 ? parse_items(parser, *out, SIGN_CLOSE_LIST) : ret;
	}
	return fail_expected(parser, "a field or a value");
}

// A sign or `not` before an operand.
static int parse_unary(struct parser *parser, unsigned level, struct syntax_node **out) {
	bool is_not = is_sign(parser, SIGN_NOT) && level <= LEVEL_NOT;
	if (!is_not && !is_sign(parser, SIGN_SUB) && !is_sign(parser, SIGN_BIT_NOT))
		return is_sign(parser, SIGN_NOT)
			       ? fail(parser, &parser->scanner.token, "not: expected brackets around it")
			       : parse_primary(parser, out);
	struct syntax_node *operand = NULL;
	int ret = take(parser, NODE_UNARY, out);
	if (ret == 0)
		ret = parse_level(parser, is_not ? LEVEL_NOT : LEVEL_SIGN, &operand);
	if (ret == 0)
		adopt(*out, operand);
	return ret;
}

// The operator at hand and its right side; *out is the left one, and then the whole.
static int parse_right(struct parser *parser, unsigned level, struct syntax_node **out) {
	struct syntax_node *node = NULL, *right = NULL;
	bool negated = is_sign(parser, SIGN_NOT);
	int ret = take(parser, NODE_BINARY, &node);
	if (ret == 0 && negated) {
		node->token.sign = SIGN_IN;
		node->negated = true;
		ret = expect(parser, SIGN_IN, "in behind not");
	}
	if (ret == 0)
		ret = parse_level(parser, level + 1, &right);
	if (ret != 0)
		return ret;
	adopt(node, *out);
	adopt(node, right);
	*out = node;
	return 0;
}

static unsigned level_here(const struct parser *parser) {
	return parser->scanner.token.kind == TOKEN_SIGN ? levels[parser->scanner.token.sign] : 0;
}

static int parse_level(struct parser *parser, unsigned level, struct syntax_node **out) {
	if (++parser->depth > EXPRESSION_DEPTH_MAX)
		return fail(parser, &parser->scanner.token, "nested too deep: expected at most 48 levels");
	int ret = parse_unary(parser, level, out);
	unsigned before = 0;
	while (ret == 0 && level_here(parser) >= level && level_here(parser) > 0) {
		unsigned here = level_here(parser);
		if (here == LEVEL_COMPARE && before == LEVEL_COMPARE)
			return fail(
				parser, &parser->scanner.token, "comparisons don't chain: expected and between them");
		before = here;
		ret = parse_right(parser, here, out);
	}
	parser->depth--;
	return ret;
}

int syntax_parse(struct syntax *syntax, const char *text, struct syntax_node **root, char *error, size_t size) {
	struct parser parser = {
		.scanner = {.text = text, .at = text, .error = error, .size = size},
		.syntax = syntax,
	};
	syntax->count = 0;
	int ret = scanner_next(&parser.scanner);
	if (ret == 0)
		ret = parse_level(&parser, LEVEL_OR, root);
	if (ret == 0 && parser.scanner.token.kind != TOKEN_END)
		ret = fail_expected(&parser, "an operator or the end");
	return ret;
}
