// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tokens of expressions (expression.h).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WHOLE,   // 5, 0x1f, 10k, 30s: u64
	TOKEN_REAL,    // 2.5, 1e9: f64
	TOKEN_TEXT,    // 'GET', "GET"
	TOKEN_ADDRESS, // 10.0.0.1, fe80::1
	TOKEN_PREFIX,  // 10.0.0.0/8
	TOKEN_MAC,     // 02:00:00:00:00:01
	TOKEN_NAME,    // src_ip, fwd.bytes, `any name`
	TOKEN_SIGN,    // an operator or a bracket: sign
};

enum sign {
	SIGN_OR,
	SIGN_AND,
	SIGN_NOT,
	SIGN_IN,
	SIGN_TRUE,
	SIGN_FALSE,
	SIGN_EQ,
	SIGN_NE,
	SIGN_LE,
	SIGN_GE,
	SIGN_LT,
	SIGN_GT,
	SIGN_SHL,
	SIGN_SHR,
	SIGN_BIT_OR,
	SIGN_BIT_XOR,
	SIGN_BIT_AND,
	SIGN_BIT_NOT,
	SIGN_ADD,
	SIGN_SUB,
	SIGN_WHOLE_DIV,
	SIGN_MUL,
	SIGN_DIV,
	SIGN_MOD,
	SIGN_OPEN,
	SIGN_CLOSE,
	SIGN_OPEN_LIST,
	SIGN_CLOSE_LIST,
	SIGN_COMMA,
	SIGNS,
};

struct token {
	enum token_kind kind;
	enum sign sign;
	const char *start; // in the text; of a quoted one, behind the quote
	unsigned length;   // of what stands there
	unsigned column;   // from 1
	union {
		uint64_t u64;
		double f64;
		struct {
			uint8_t address[16]; // IPv4 v4-mapped; a MAC's first 6 bytes
			uint8_t bits;        // of a prefix, 0..128 of the 16 bytes
		};
	};
};

struct scanner {
	const char *text; // as a whole
	const char *at;
	struct token token; // the current one
	char *error;        // [size]
	size_t size;
};

// Go on to the next token.
//   return  0, or -EINVAL with the error filled
int scanner_next(struct scanner *scanner);

// Decode the escapes of a TOKEN_TEXT, or the name of a TOKEN_NAME.
//   out     [token->length + 1], ended by a zero
//   return  its length
unsigned token_decode(const struct token *token, char *out);

// Fill the error with "column N: " and a message; for any part of the compiler.
//   return  -EINVAL
int expression_fail(char *error, size_t size, unsigned column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
