// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Numbers, addresses and names begin alike (10, 10.0.0.1, fe80::1, fe80): what holds two colons or three points is an
// address, and nothing else in the language has colons.
#include "dataplane/expression_scan.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/text.h"

enum { ADDRESS_TEXT_MAX = 64 };

// Longer ones before those that they begin with.
static const struct {
	const char *text;
	enum sign sign;
} signs[] = {
	{"||", SIGN_OR},
	{"&&", SIGN_AND},
	{"==", SIGN_EQ},
	{"!=", SIGN_NE},
	{"<=", SIGN_LE},
	{">=", SIGN_GE},
	{"<<", SIGN_SHL},
	{">>", SIGN_SHR},
	{"//", SIGN_WHOLE_DIV},
	{"<", SIGN_LT},
	{">", SIGN_GT},
	{"!", SIGN_NOT},
	{"|", SIGN_BIT_OR},
	{"^", SIGN_BIT_XOR},
	{"&", SIGN_BIT_AND},
	{"~", SIGN_BIT_NOT},
	{"+", SIGN_ADD},
	{"-", SIGN_SUB},
	{"*", SIGN_MUL},
	{"/", SIGN_DIV},
	{"%", SIGN_MOD},
	{"(", SIGN_OPEN},
	{")", SIGN_CLOSE},
	{"[", SIGN_OPEN_LIST},
	{"]", SIGN_CLOSE_LIST},
	{",", SIGN_COMMA},
};

static const struct {
	const char *text;
	enum sign sign;
} words[] = {
	{"or", SIGN_OR},
	{"and", SIGN_AND},
	{"not", SIGN_NOT},
	{"in", SIGN_IN},
	{"true", SIGN_TRUE},
	{"false", SIGN_FALSE},
};

// Counts in thousands, sizes in bytes, times in nanoseconds.
static const struct {
	const char *text;
	uint64_t factor;
} units[] = {
	{"", 1},
	{"k", 1000},
	{"M", 1000000},
	{"G", 1000000000},
	{"KiB", UINT64_C(1) << 10},
	{"MiB", UINT64_C(1) << 20},
	{"GiB", UINT64_C(1) << 30},
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", 1000000000},
	{"m", UINT64_C(60) * 1000000000},
	{"h", UINT64_C(3600) * 1000000000},
	{"d", UINT64_C(86400) * 1000000000},
};

int expression_fail(char *error, size_t size, unsigned column, const char *format, ...) {
	va_list arguments;
	int used = snprintf(error, size, "column %u: ", column);
	va_start(arguments, format);
	if (used > 0 && (size_t)used < size)
		vsnprintf(error + used, size - (size_t)used, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

// Fail over what stands at the current token, `length` bytes of it.
static int fail(struct scanner *scanner, unsigned length, const char *expected) {
	char raw[80], quoted[200] = "";
	snprintf(
		raw, sizeof(raw), "%.*s", (int)(length < sizeof(raw) ? length : sizeof(raw) - 1), scanner->token.start);
	text_append_quoted(quoted, sizeof(quoted), raw);
	return expression_fail(
		scanner->error, scanner->size, scanner->token.column, "%s: expected %s", quoted, expected);
}

static unsigned span(const char *at, bool (*holds)(char c)) {
	unsigned length = 0;
	while (at[length] != '\0' && holds(at[length]))
		length++;
	return length;
}

static bool is_in_address(char c) {
	return isxdigit((unsigned char)c) || c == ':' || c == '.';
}

static bool is_in_number(char c) {
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

static bool is_in_name(char c) {
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static unsigned count_of(const char *at, unsigned length, char c) {
	unsigned count = 0;
	for (unsigned i = 0; i < length; i++)
		count += at[i] == c;
	return count;
}

//   return  length of what can only be an address, or 0
static unsigned address_length(const char *at) {
	unsigned length = span(at, is_in_address);
	if (count_of(at, length, ':') >= 2)
		return length;
	unsigned digits = 0;
	while (isdigit((unsigned char)at[digits]) || at[digits] == '.')
		digits++;
	return count_of(at, digits, '.') >= 3 ? digits : 0;
}

static bool parse_mac(const char *text, uint8_t *mac) {
	for (unsigned i = 0; i < 6; i++) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
			text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)strtoul((char[]){text[0], text[1], '\0'}, NULL, 16);
		text += 3;
	}
	return true;
}

static bool parse_ip(const char *text, uint8_t *address) {
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	memcpy(address, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, address + 12) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool has_bits_beyond(const struct token *token) {
	for (unsigned bit = token->bits; bit < 128; bit++)
		if (token->address[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	return false;
}

static int scan_prefix(struct scanner *scanner, bool is_v4, unsigned length) {
	struct token *token = &scanner->token;
	char *end;
	unsigned long bits = strtoul(scanner->at + length + 1, &end, 10);
	unsigned whole = (unsigned)(end - scanner->at), most = is_v4 ? 32 : 128;
	if (bits > most)
		return fail(scanner, whole, is_v4 ? "a prefix of 0..32 bits" : "a prefix of 0..128 bits");
	token->kind = TOKEN_PREFIX;
	token->bits = (uint8_t)(bits + 128 - most);
	token->length = whole;
	if (has_bits_beyond(token))
		return fail(scanner, whole, "an address without bits beyond its prefix, such as 10.0.0.0/8");
	return 0;
}

static int scan_address(struct scanner *scanner, unsigned length) {
	struct token *token = &scanner->token;
	char text[ADDRESS_TEXT_MAX];
	snprintf(text, sizeof(text), "%.*s", (int)(length < sizeof(text) ? length : sizeof(text) - 1), scanner->at);
	memset(token->address, 0, sizeof(token->address));
	token->length = length;
	token->kind = TOKEN_MAC;
	if (parse_mac(text, token->address))
		return 0;
	if (!parse_ip(text, token->address))
		return fail(scanner, length, "an address such as 10.0.0.1, 2001:db8::1 or 02:00:00:00:00:01");
	token->kind = TOKEN_ADDRESS;
	token->bits = 128;
	if (scanner->at[length] == '/' && isdigit((unsigned char)scanner->at[length + 1]))
		return scan_prefix(scanner, strchr(text, ':') == NULL, length);
	return 0;
}

static int scan_real(struct scanner *scanner, unsigned length) {
	char text[64], *end;
	// The sign of an exponent is no part of a word.
	if ((scanner->at[length - 1] == 'e' || scanner->at[length - 1] == 'E') &&
		(scanner->at[length] == '-' || scanner->at[length] == '+'))
		length += 1 + span(scanner->at + length + 1, is_in_number);
	if (length >= sizeof(text))
		return fail(scanner, length, "a number of fewer digits");
	snprintf(text, sizeof(text), "%.*s", (int)length, scanner->at);
	scanner->token.kind = TOKEN_REAL;
	scanner->token.length = length;
	scanner->token.f64 = strtod(text, &end);
	if (*end != '\0' || !(scanner->token.f64 < 1e300))
		return fail(scanner, length, "a number such as 5, 0x1f, 2.5, 1e9, 10k, 4KiB or 30s");
	return 0;
}

static int scan_number(struct scanner *scanner) {
	const char *at = scanner->at;
	struct token *token = &scanner->token;
	unsigned length = span(at, is_in_number);
	bool is_hex = at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
	char *end;
	errno = 0;
	uint64_t value = strtoull(at, &end, is_hex ? 16 : 10);
	unsigned digits = (unsigned)(end - at);
	if (!is_hex && (*end == '.' || *end == 'e' || *end == 'E'))
		return scan_real(scanner, length);
	token->kind = TOKEN_WHOLE;
	token->length = length;
	for (size_t i = 0; errno == 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].text) == length - digits && strncmp(units[i].text, end, length - digits) == 0)
			return __builtin_mul_overflow(value, units[i].factor, &token->u64)
				       ? fail(scanner, length, "a number below 2^64")
				       : 0;
	return fail(scanner, length,
		errno != 0 ? "a number below 2^64" : "a number such as 5, 0x1f, 2.5, 1e9, 10k, 4KiB or 30s");
}

static int scan_quoted(struct scanner *scanner, char quote) {
	struct token *token = &scanner->token;
	const char *end = scanner->at + 1;
	while (*end != '\0' && *end != quote)
		end += *end == '\\' && end[1] != '\0' && quote != '`' ? 2 : 1;
	if (*end == '\0')
		return fail(scanner, (unsigned)(end - scanner->at), "a closing quote");
	token->kind = quote == '`' ? TOKEN_NAME : TOKEN_TEXT;
	token->start = scanner->at + 1;
	token->length = (unsigned)(end - token->start);
	scanner->at = end + 1;
	return 0;
}

static void scan_name(struct scanner *scanner) {
	struct token *token = &scanner->token;
	token->kind = TOKEN_NAME;
	token->length = span(scanner->at, is_in_name);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].text) == token->length &&
			strncmp(words[i].text, token->start, token->length) == 0) {
			token->kind = TOKEN_SIGN;
			token->sign = words[i].sign;
		}
}

static int scan_sign(struct scanner *scanner) {
	struct token *token = &scanner->token;
	token->kind = TOKEN_SIGN;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		token->length = (unsigned)strlen(signs[i].text);
		if (strncmp(signs[i].text, scanner->at, token->length) == 0) {
			token->sign = signs[i].sign;
			return 0;
		}
	}
	if (*scanner->at == '=')
		return fail(scanner, 1, "== to compare");
	return fail(scanner, 1, "a field, a value or an operator");
}

int scanner_next(struct scanner *scanner) {
	while (isspace((unsigned char)*scanner->at))
		scanner->at++;
	const char *at = scanner->at;
	scanner->token = (struct token){.start = at, .column = (unsigned)(at - scanner->text) + 1};
	if (*at == '\0')
		return 0;
	if (*at == '\'' || *at == '"' || *at == '`')
		return scan_quoted(scanner, *at);
	int ret = 0;
	unsigned address = address_length(at);
	if (address > 0)
		ret = scan_address(scanner, address);
	else if (isdigit((unsigned char)*at))
		ret = scan_number(scanner);
	else if (isalpha((unsigned char)*at) || *at == '_')
		scan_name(scanner);
	else
		ret = scan_sign(scanner);
	scanner->at += scanner->token.length;
	return ret;
}

static char decode_escape(const char **at) {
	char c = *(*at)++;
	if (c == 'n' || c == 't')
		return c == 'n' ? '\n' : '\t';
	if (c != 'x' || !isxdigit((unsigned char)(*at)[0]) || !isxdigit((unsigned char)(*at)[1]))
		return c;
	char digits[3] = {(*at)[0], (*at)[1], '\0'};
	*at += 2;
	return (char)strtoul(digits, NULL, 16);
}

unsigned token_decode(const struct token *token, char *out) {
	const char *at = token->start, *end = at + token->length;
	unsigned length = 0;
	while (at < end) {
		char c = *at++;
		if (c == '\\' && token->kind == TOKEN_TEXT)
			c = decode_escape(&at);
		out[length++] = c;
	}
	out[length] = '\0';
	return length;
}
