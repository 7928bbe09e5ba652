// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Writes single JSON values (json_value.h).
//
//   RFC 8259 (JSON), 5952 (text form of IPv6 addresses), 3629 (UTF-8)
#include "dataplane/json_value.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

char *json_write_u64(char *out, uint64_t value) {
	char digits[20];
	unsigned at = sizeof(digits);
	// Two digits per division: divisions are what this costs.
	while (value >= 100) {
		unsigned pair = (unsigned)(value % 100);
		value /= 100;
		digits[--at] = (char)('0' + pair % 10);
		digits[--at] = (char)('0' + pair / 10);
	}
	if (value >= 10) {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	}
	digits[--at] = (char)('0' + value);
	return mempcpy(out, digits + at, sizeof(digits) - at);
}

char *json_write_f64(char *out, double value) {
	if (!isfinite(value))
		return mempcpy(out, "null", 4);
	for (int precision = 15;; precision++) {
		int size = snprintf(out, 32, "%.*g", precision, value);
		if (precision == 17 || strtod(out, NULL) == value)
			return out + size;
	}
}

char *json_write_mac(char *out, const uint8_t *mac) {
	*out++ = '"';
	for (unsigned i = 0; i < 6; i++) {
		*out++ = hex_digits[mac[i] >> 4];
		*out++ = hex_digits[mac[i] & 15];
		*out++ = i < 5 ? ':' : '"';
	}
	return out;
}

static char *write_u8(char *out, unsigned value) {
	if (value >= 100)
		*out++ = (char)('0' + value / 100);
	if (value >= 10)
		*out++ = (char)('0' + value / 10 % 10);
	*out++ = (char)('0' + value % 10);
	return out;
}

static char *write_ipv4(char *out, const uint8_t *ip) {
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			*out++ = '.';
		out = write_u8(out, ip[i]);
	}
	return out;
}

static char *write_group(char *out, unsigned group) {
	if (group >= 0x1000)
		*out++ = hex_digits[group >> 12];
	if (group >= 0x100)
		*out++ = hex_digits[group >> 8 & 15];
	if (group >= 0x10)
		*out++ = hex_digits[group >> 4 & 15];
	*out++ = hex_digits[group & 15];
	return out;
}

static char *write_ipv6(char *out, const uint8_t *ip) {
	uint16_t groups[8];
	unsigned zero_start = 8, zero_length = 1; // the longest run of two or more zero groups, the first of equals
	for (unsigned i = 0, run = 0; i < 8; i++) {
		groups[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
		run = groups[i] ? 0 : run + 1;
		if (run > zero_length) {
			zero_length = run;
			zero_start = i + 1 - run;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == zero_start) {
			*out++ = ':';
			*out++ = ':';
			i += zero_length - 1;
			continue;
		}
		if (i && i != zero_start + zero_length)
			*out++ = ':';
		out = write_group(out, groups[i]);
	}
	return out;
}

char *json_write_ip(char *out, const uint8_t *ip) {
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	*out++ = '"';
	out = memcmp(ip, v4_mapped, sizeof(v4_mapped)) ? write_ipv6(out, ip) : write_ipv4(out, ip + sizeof(v4_mapped));
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
