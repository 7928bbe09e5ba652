// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The tree of an expression, as written: names and types are not looked at yet (expression_type.h).
#pragma once

#include "dataplane/expression_scan.h"

enum {
	EXPRESSION_NODES_MAX = 256,
	EXPRESSION_DEPTH_MAX = 48, // of brackets, signs and nested operators
};

enum node_kind {
	NODE_VALUE,  // token
	NODE_FIELD,  // token
	NODE_UNARY,  // sign, one child
	NODE_BINARY, // sign, two children; SIGN_IN with negated: not in
	NODE_CALL,   // token is the name, children the arguments
	NODE_ITEM,   // list and index
	NODE_LIST,   // children: only at the right of `in`
};

// Children are linked: the first one, and from each the next.
struct syntax_node {
	enum node_kind kind;
	struct token token; // what the node stands at
	bool negated;
	unsigned child_count;
	struct syntax_node *first, *last, *next;
};

struct syntax {
	unsigned count;
	struct syntax_node nodes[EXPRESSION_NODES_MAX];
};

// Parse a whole text.
//   root    filled: a node of `syntax`, whose tokens point into the text
//   error   [size]
//   return  0 or -EINVAL with the error filled
int syntax_parse(struct syntax *syntax, const char *text, struct syntax_node **root, char *error, size_t size);
