// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Text for messages. Bytes above 0x7f pass as they are (UTF-8), so that names in any script stay readable.
#include "dataplane/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	QUOTED_MAX = 60, // bytes of the user's text in a message
	NAME_MAX_LENGTH = 63,
	NEAR_LENGTH_MAX = 32, // longer words are not compared
};

void text_names_add(struct text_names *names, const char *name) {
	for (unsigned i = 0; i < names->count; i++)
		if (strcmp(names->names[i], name) == 0)
			return;
	if (names->count < TEXT_NAMES_MAX)
		names->names[names->count++] = name;
}

void text_append(char *text, size_t size, const char *format, ...) {
	size_t used = strlen(text);
	if (used + 1 >= size)
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

void text_append_escaped(char *text, size_t size, const char *raw, size_t bytes) {
	for (size_t i = 0; raw[i] != '\0'; i++) {
		unsigned char c = (unsigned char)raw[i];
		// Cut only where a UTF-8 character begins.
		if (i >= bytes && (c & 0xc0) != 0x80) {
			text_append(text, size, "...");
			break;
		}
		// U+0080..U+009F: a terminal may take one for the beginning of an escape sequence.
		bool is_c1 = c == 0xc2 && ((unsigned char)raw[i + 1] & 0xe0) == 0x80;
		if (c == '\n')
			text_append(text, size, "\\n");
		else if (is_c1)
			text_append(text, size, "\\x%02x", (unsigned char)raw[++i]);
		else if (c < 0x20 || c == 0x7f)
			text_append(text, size, "\\x%02x", c);
		else
			text_append(text, size, "%c", c);
	}
}

void text_append_quoted(char *text, size_t size, const char *raw) {
	text_append(text, size, "\"");
	text_append_escaped(text, size, raw, QUOTED_MAX);
	text_append(text, size, "\"");
}

void text_append_names(char *text, size_t size, const struct text_names *names) {
	for (unsigned i = 0; i < names->count; i++) {
		const char *before = i == 0 ? "" : i + 1 == names->count ? " or " : ", ";
		text_append(text, size, "%s%s", before, names->names[i]);
	}
}

// Edit distance of two words (Levenshtein), one row at a time.
static unsigned distance(const char *a, const char *b) {
	size_t a_length = strlen(a), b_length = strlen(b);
	unsigned row[NEAR_LENGTH_MAX + 1];
	for (unsigned j = 0; j <= b_length; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a_length; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

const char *text_nearest(const char *text, const struct text_names *names) {
	size_t length = strlen(text);
	if (length > NEAR_LENGTH_MAX)
		return NULL;
	const char *nearest = NULL;
	// Two slips in a word of six letters or more, one in a word of three.
	unsigned least = (unsigned)(length / 3 < 2 ? length / 3 : 2) + 1;
	for (unsigned i = 0; i < names->count; i++) {
		if (strlen(names->names[i]) > NEAR_LENGTH_MAX)
			continue;
		unsigned d = distance(text, names->names[i]);
		if (d < least) {
			least = d;
			nearest = names->names[i];
		}
	}
	return nearest;
}

static bool is_name(const char *text, const char *allowed) {
	size_t length = strlen(text);
	if (length == 0 || length > NAME_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x80 || (!isalnum(c) && strchr(allowed, c) == NULL))
			return false;
	}
	return true;
}

bool text_is_name(const char *text) {
	return is_name(text, "_-");
}

bool text_is_node_name(const char *text) {
	return is_name(text, "_-.");
}
