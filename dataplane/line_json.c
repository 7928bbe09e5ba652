// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One JSON object to a record (line_record.h). The text is scanned once, without a tree: what is checked is the whole
// of RFC 8259's grammar, what is kept are the members that are fields.
#include <string.h>

#include "dataplane/line_record.h"

enum { DEPTH_MAX = 64 };

struct scan {
	const char *at, *end;
	struct line_layout *layout;
	uint8_t *body;
	unsigned depth;
	unsigned next_column; // the one that is expected: members mostly come in the order of the fields
	bool is_cut;
	size_t path_size; // of the name of the member that is read, with those of the objects around it
	char path[SCHEMA_NAME_MAX + 1];
};

// Text of a string or number, in the line or in the layout's scratch.
struct piece {
	const char *text;
	size_t size;
};

static void skip_space(struct scan *scan) {
	while (scan->at < scan->end &&
		(*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
		scan->at++;
}

static bool take(struct scan *scan, char c) {
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static bool take_word(struct scan *scan, const char *word, size_t size) {
	if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
		return false;
	scan->at += size;
	return true;
}

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

static bool take_digits(struct scan *scan) {
	const char *start = scan->at;
	while (scan->at < scan->end && is_digit(*scan->at))
		scan->at++;
	return scan->at > start;
}

static bool scan_number(struct scan *scan, struct piece *piece) {
	piece->text = scan->at;
	take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return false;
	if (take(scan, '.') && !take_digits(scan))
		return false;
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '+'))
			take(scan, '-');
		if (!take_digits(scan))
			return false;
	}
	piece->size = (size_t)(scan->at - piece->text);
	return true;
}

// Bytes of the character of two bytes or more at `at`.
//   return  0: it is not UTF-8
static size_t utf8_size(const uint8_t *at, const uint8_t *end) {
	// The second byte's bounds rule out overlong forms, surrogates and what lies beyond U+10FFFF.
	uint8_t low = *at == 0xe0 ? 0xa0 : *at == 0xf0 ? 0x90 : 0x80;
	uint8_t high = *at == 0xed ? 0x9f : *at == 0xf4 ? 0x8f : 0xbf;
	size_t size = *at >= 0xc2 && *at <= 0xdf ? 2 : (*at & 0xf0) == 0xe0 ? 3 : *at >= 0xf0 && *at <= 0xf4 ? 4 : 0;
	if (size == 0 || (size_t)(end - at) < size || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

static bool take_hex4(struct scan *scan, unsigned *out) {
	*out = 0;
	if (scan->end - scan->at < 4)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		char c = *scan->at++;
		unsigned digit = is_digit(c)                              ? (unsigned)(c - '0')
				 : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (unsigned)((c | 0x20) - 'a' + 10)
									  : 16;
		if (digit > 15)
			return false;
		*out = *out << 4 | digit;
	}
	return true;
}

static size_t encode_utf8(unsigned code, char out[4]) {
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = size - 1; i > 0; i--, code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)((0xf00 >> size & 0xff) | code);
	return size;
}

// What stands behind \u, which may be the first of two surrogates. U+0000 is refused: strings end there.
static size_t take_unicode(struct scan *scan, char out[4]) {
	unsigned code, second;
	if (!take_hex4(scan, &code) || code == 0 || (code >= 0xdc00 && code < 0xe000))
		return 0;
	if (code >= 0xd800 && code < 0xdc00) {
		if (!take_word(scan, "\\u", 2) || !take_hex4(scan, &second) || second < 0xdc00 || second >= 0xe000)
			return 0;
		code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
	}
	return encode_utf8(code, out);
}

// What stands behind a backslash.
//   return  bytes of the character, 0: malformed
static size_t take_escape(struct scan *scan, char out[4]) {
	if (scan->at == scan->end)
		return 0;
	char c = *scan->at++;
	if (c == 'u')
		return take_unicode(scan, out);
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name = memchr(names, c, sizeof(names) - 1);
	if (name == NULL)
		return 0;
	out[0] = values[name - names];
	return 1;
}

// Up to the next quote, backslash, or what needs a look.
static bool skip_plain(struct scan *scan) {
	while (scan->at < scan->end) {
		uint8_t c = (uint8_t)*scan->at;
		if (c == '"' || c == '\\')
			return true;
		if (c < 0x20)
			return false;
		size_t size = c < 0x80 ? 1 : utf8_size((const uint8_t *)scan->at, (const uint8_t *)scan->end);
		if (size == 0)
			return false;
		scan->at += size;
	}
	return false;
}

static void keep(const struct line_layout *layout, size_t *size, const char *text, size_t count) {
	size_t room = layout->scratch_size - *size, kept = count < room ? count : room;
	memcpy(layout->scratch + *size, text, kept);
	*size += kept;
}

// A string that has escapes: put together in the scratch, cut where that ends.
static bool scan_escaped(struct scan *scan, const char *start, struct piece *piece) {
	size_t size = 0;
	for (;;) {
		keep(scan->layout, &size, start, (size_t)(scan->at - start));
		if (take(scan, '"'))
			break;
		scan->at++; // the backslash
		char out[4];
		size_t count = take_escape(scan, out);
		if (count == 0)
			return false;
		keep(scan->layout, &size, out, count);
		start = scan->at;
		if (!skip_plain(scan))
			return false;
	}
	*piece = (struct piece){scan->layout->scratch, size};
	return true;
}

// A string whose first quote was taken.
static bool scan_string(struct scan *scan, struct piece *piece) {
	const char *start = scan->at;
	if (!skip_plain(scan))
		return false;
	if (*scan->at == '\\')
		return scan_escaped(scan, start, piece);
	*piece = (struct piece){start, (size_t)(scan->at - start)};
	scan->at++;
	return true;
}

//   return  the column of the member's path, or LINE_IGNORED
static unsigned lookup(struct scan *scan) {
	unsigned count = scan->layout->column_count;
	for (unsigned i = 0; i < count; i++) {
		unsigned column = scan->next_column + i < count ? scan->next_column + i : scan->next_column + i - count;
		const char *name = scan->layout->columns[column].field->name;
		if (strcmp(name, scan->path) == 0) {
			scan->next_column = column + 1 < count ? column + 1 : 0;
			return column;
		}
	}
	return LINE_IGNORED;
}

static bool scan_value(struct scan *scan, bool is_known);

static bool scan_array(struct scan *scan) {
	skip_space(scan);
	if (take(scan, ']'))
		return true;
	for (;;) {
		if (!scan_value(scan, false))
			return false;
		skip_space(scan);
		if (take(scan, ']'))
			return true;
		if (!take(scan, ','))
			return false;
	}
}

// Add a member's name to the path.
//   return  whether a field could have that name
static bool extend_path(struct scan *scan, const struct piece *name) {
	size_t dot = scan->path_size > 0;
	if (name->size == 0 || scan->path_size + dot + name->size > SCHEMA_NAME_MAX)
		return false;
	if (dot > 0)
		scan->path[scan->path_size++] = '.';
	memcpy(scan->path + scan->path_size, name->text, name->size);
	scan->path_size += name->size;
	scan->path[scan->path_size] = '\0';
	return true;
}

// One member, from its name on.
static bool scan_member(struct scan *scan, bool is_known) {
	struct piece name;
	size_t path_size = scan->path_size;
	skip_space(scan);
	if (!take(scan, '"') || !scan_string(scan, &name))
		return false;
	is_known = is_known && extend_path(scan, &name);
	skip_space(scan);
	if (!take(scan, ':') || !scan_value(scan, is_known))
		return false;
	scan->path_size = path_size;
	scan->path[path_size] = '\0';
	return true;
}

//   is_known  its members may be fields
static bool scan_object(struct scan *scan, bool is_known) {
	skip_space(scan);
	if (take(scan, '}'))
		return true;
	for (;;) {
		if (!scan_member(scan, is_known))
			return false;
		skip_space(scan);
		if (take(scan, '}'))
			return true;
		if (!take(scan, ','))
			return false;
	}
}

static void clear_value(struct scan *scan, unsigned column) {
	const struct field *field = scan->layout->columns[column].field;
	memset(scan->body + field->offset, 0, field_size(field));
	if (field->present != FIELD_ALWAYS)
		*(uint64_t *)(scan->body + scan->layout->schema->present_offset) &= ~(UINT64_C(1) << field->present);
}

// Give a value that is one piece of text to the field that the path names.
static bool keep_value(struct scan *scan, const struct piece *piece) {
	unsigned column = lookup(scan);
	if (column == LINE_IGNORED)
		return true;
	const struct line_layout *layout = scan->layout;
	const struct field *field = layout->columns[column].field;
	if (schema_is_present(layout->schema, field, scan->body))
		clear_value(scan, column); // given before
	enum value_verdict verdict =
		value_parse(layout->schema, &layout->columns[column], piece->text, piece->size, scan->body);
	scan->is_cut |= verdict == VALUE_CUT;
	return verdict != VALUE_WRONG;
}

static bool scan_null(struct scan *scan, bool is_known) {
	if (!take_word(scan, "null", 4))
		return false;
	unsigned column = is_known ? lookup(scan) : LINE_IGNORED;
	if (column != LINE_IGNORED)
		clear_value(scan, column);
	return true;
}

// An object or array, which is no field's value.
static bool scan_nested(struct scan *scan, bool is_known) {
	bool is_object = take(scan, '{');
	if (is_known && scan->path_size > 0 && lookup(scan) != LINE_IGNORED)
		return false;
	if (scan->depth == DEPTH_MAX)
		return false;
	scan->depth++;
	if (!is_object)
		scan->at++;
	bool is_ok = is_object ? scan_object(scan, is_known) : scan_array(scan);
	scan->depth--;
	return is_ok;
}

//   is_known  the path may name a field
static bool scan_value(struct scan *scan, bool is_known) {
	struct piece piece;
	skip_space(scan);
	if (scan->at == scan->end)
		return false;
	switch (*scan->at) {
	case '{':
	case '[':
		return scan_nested(scan, is_known);
	case 'n':
		return scan_null(scan, is_known);
	case '"':
		scan->at++;
		if (!scan_string(scan, &piece))
			return false;
		break;
	case 't':
	case 'f':
		piece = (struct piece){scan->at, *scan->at == 't' ? 4 : 5};
		if (!take_word(scan, *scan->at == 't' ? "true" : "false", piece.size))
			return false;
		break;
	default:
		if (!scan_number(scan, &piece))
			return false;
		break;
	}
	return !is_known || keep_value(scan, &piece);
}

enum line_verdict line_read_json(struct line_layout *layout, const char *line, size_t size, uint8_t *body) {
	struct scan scan = {.at = line, .end = line + size, .layout = layout, .body = body};
	skip_space(&scan);
	if (!take(&scan, '{') || !scan_object(&scan, true))
		return LINE_MALFORMED;
	skip_space(&scan);
	if (scan.at != scan.end)
		return LINE_MALFORMED;
	return scan.is_cut ? LINE_CUT : LINE_RECORD;
}
