// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/text.h"

#include <stdint.h>
#include <stdio.h>

void text_clean(char *text) {
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

bool text_is_clean(const char *text) {
	for (; text != NULL && *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

// The bytes of the character at text, if it is one of UTF-8 and printable; else 0.
static size_t printable_size(const unsigned char *text) {
	if (text[0] < 0x80)
		return text[0] >= ' ' && text[0] != 0x7f;
	size_t size = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	uint32_t point = text[0] & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (text[i] & 0x3f);
	}
	static const uint32_t least[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000}; // below 0xa0 are controls
	bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
	// Marks that turn the direction of what follows, and line ends.
	bool is_control = (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
	return point >= least[size] && point <= 0x10ffff && !is_surrogate && !is_control ? size : 0;
}

void text_clean_utf8(char *text) {
	while (*text != '\0') {
		size_t size = printable_size((const unsigned char *)text);
		if (size == 0)
			*text = '?';
		text += size > 0 ? size : 1;
	}
}

void text_copy(char *out, size_t size, const char *text) {
	snprintf(out, size, "%s", text);
	text_clean(out);
}

json_t *text_json(const char *text) {
	char clean[256];
	text_copy(clean, sizeof(clean), text);
	return json_string(clean);
}
