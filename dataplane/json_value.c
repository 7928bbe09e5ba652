// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Writes single JSON values (json_value.h).
//
//   RFC 8259 (JSON), 3629 (UTF-8)
#include "dataplane/json_value.h"

#include <string.h>

#include "dataplane/value_text.h"

static const char hex_digits[] = "0123456789abcdef";

char *json_write_f64(char *out, double value) {
	char *end = value_write_f64(out, value);
	return end > out ? end : mempcpy(out, "null", 4);
}

char *json_write_mac(char *out, const uint8_t *mac) {
	*out = '"';
	out = value_write_mac(out + 1, mac);
	*out++ = '"';
	return out;
}

char *json_write_ip(char *out, const uint8_t *ip) {
	*out = '"';
	out = value_write_ip(out + 1, ip);
	*out++ = '"';
	return out;
}

// Size of the UTF-8 character at the start of text, 0 where there is none.
static unsigned utf8_character(const uint8_t *text, size_t size) {
	// The second byte's bounds rule out overlong forms, surrogates and what lies beyond U+10FFFF.
	uint8_t lead = text[0], low = 0x80, high = 0xbf;
	unsigned length;
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf) {
		length = 2;
	} else if (lead >= 0xe0 && lead <= 0xef) {
		length = 3;
		low = lead == 0xe0 ? 0xa0 : low;
		high = lead == 0xed ? 0x9f : high;
	} else if (lead >= 0xf0 && lead <= 0xf4) {
		length = 4;
		low = lead == 0xf0 ? 0x90 : low;
		high = lead == 0xf4 ? 0x8f : high;
	} else {
		return 0;
	}
	if (size < length || text[1] < low || text[1] > high)
		return 0;
	for (unsigned i = 2; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

static char *write_ascii(char *out, char c) {
	static const char short_forms[128] = {
		['"'] = '"',
		['\\'] = '\\',
		['\b'] = 'b',
		['\f'] = 'f',
		['\n'] = 'n',
		['\r'] = 'r',
		['\t'] = 't',
	};
	if (short_forms[(unsigned char)c]) {
		*out++ = '\\';
		*out++ = short_forms[(unsigned char)c];
	} else if ((unsigned char)c < 0x20) {
		out = mempcpy(out, "\\u00", 4);
		*out++ = hex_digits[(unsigned char)c >> 4];
		*out++ = hex_digits[(unsigned char)c & 15];
	} else {
		*out++ = c;
	}
	return out;
}

char *json_write_string(char *out, const char *text, size_t size) {
	*out++ = '"';
	for (size_t i = 0; i < size;) {
		unsigned length = utf8_character((const uint8_t *)text + i, size - i);
		if (length == 1)
			out = write_ascii(out, text[i]);
		else if (length)
			out = mempcpy(out, text + i, length);
		else
			out = mempcpy(out, "\xef\xbf\xbd", 3);
		i += length ? length : 1;
	}
	*out++ = '"';
	return out;
}
