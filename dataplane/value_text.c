// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/value_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

char *value_write_u64(char *out, uint64_t value) {
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

char *value_write_i64(char *out, int64_t value) {
	if (value >= 0)
		return value_write_u64(out, (uint64_t)value);
	*out++ = '-';
	return value_write_u64(out, -(uint64_t)value);
}

char *value_write_f64(char *out, double value) {
	if (!isfinite(value))
		return out;
	for (int precision = 15;; precision++) {
		int size = snprintf(out, 32, "%.*g", precision, value);
		if (precision == 17 || strtod(out, NULL) == value)
			return out + size;
	}
}

char *value_write_mac(char *out, const uint8_t *mac) {
	for (unsigned i = 0; i < 6; i++) {
		*out++ = hex_digits[mac[i] >> 4];
		*out++ = hex_digits[mac[i] & 15];
		*out++ = ':';
	}
	return out - 1;
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

char *value_write_ip(char *out, const uint8_t *ip) {
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(ip, v4_mapped, sizeof(v4_mapped)) ? write_ipv6(out, ip) : write_ipv4(out, ip + sizeof(v4_mapped));
}

static char *write_list(char *out, const struct value_style *style, const struct field *field, const uint8_t *body) {
	const uint8_t *value = body + field->offset;
	unsigned count = body[field->count_offset] < field->length ? body[field->count_offset] : field->length;
	out = stpcpy(out, style->list_begin);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			*out++ = style->list_separator;
		out = value_write_u64(out,
			field->type == FIELD_U16_LIST ? ((const uint16_t *)value)[i] : ((const uint32_t *)value)[i]);
	}
	return stpcpy(out, style->list_end);
}

static char *write_enum(char *out, const struct value_style *style, const struct field *field, uint8_t value) {
	unsigned i = 0;
	while (i < value && field->choices[i] != NULL)
		i++;
	if (field->choices[i] == NULL)
		return value_write_u64(out, value);
	return style->text(out, field->choices[i], strlen(field->choices[i]));
}

char *value_write(char *out, const struct value_style *style, const struct field *field, const uint8_t *body) {
	const uint8_t *value = body + field->offset;
	switch (field->type) {
	case FIELD_BOOL:
		return stpcpy(out, *value ? "true" : "false");
	case FIELD_U8:
		return value_write_u64(out, *value);
	case FIELD_U16:
		return value_write_u64(out, *(const uint16_t *)value);
	case FIELD_U32:
		return value_write_u64(out, *(const uint32_t *)value);
	case FIELD_U64:
		return value_write_u64(out, *(const uint64_t *)value);
	case FIELD_I64:
		return value_write_i64(out, *(const int64_t *)value);
	case FIELD_F64:
		return style->f64(out, *(const double *)value);
	case FIELD_IP:
		return style->ip(out, value);
	case FIELD_MAC:
		return style->mac(out, value);
	case FIELD_ENUM:
		return write_enum(out, style, field, *value);
	case FIELD_STRING:
		return style->text(out, (const char *)value, strnlen((const char *)value, field->length));
	case FIELD_U16_LIST:
	case FIELD_U32_LIST:
		return write_list(out, style, field, body);
	}
	return out;
}
