// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/value_parse.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 400 }; // longer numbers than this are refused

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

bool value_parse_u64(const char *text, size_t size, uint64_t *out) {
	uint64_t value = 0;
	if (size == 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned digit = (unsigned)(text[i] - '0');
		if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return true;
}

bool value_parse_i64(const char *text, size_t size, int64_t *out) {
	bool is_negative = size > 0 && text[0] == '-';
	uint64_t magnitude;
	if (!value_parse_u64(text + is_negative, size - is_negative, &magnitude) ||
		magnitude > (uint64_t)INT64_MAX + is_negative)
		return false;
	*out = (int64_t)(is_negative ? -magnitude : magnitude);
	return true;
}

// Digits with at most one point: the digits as a whole number, and how many of them stand behind the point.
//   return  characters taken; 0: more than 15 digits, or none
static size_t parse_short_decimal(const char *text, size_t size, uint64_t *digits, unsigned *decimals) {
	unsigned count = 0;
	bool has_point = false;
	size_t i = 0;
	*digits = 0;
	*decimals = 0;
	for (; i < size && count <= 15; i++) {
		if (text[i] == '.' && !has_point) {
			has_point = true;
			continue;
		}
		if (!is_digit(text[i]))
			break;
		*digits = *digits * 10 + (unsigned)(text[i] - '0');
		*decimals += has_point;
		count++;
	}
	return count > 0 && count <= 15 ? i : 0;
}

// What strtod would take beyond plain decimal numbers.
static bool is_plain_number(const char *text, size_t size) {
	for (size_t i = 0; i < size; i++)
		if (!is_digit(text[i]) && memchr("+-.eE", text[i], 5) == NULL)
			return false;
	return size > 0 && size < NUMBER_TEXT_MAX && text[0] != '+';
}

bool value_parse_f64(const char *text, size_t size, double *out) {
	// Whole numbers below 2^53 and powers of ten up to 22 are exact, and so their quotient is rounded once.
	static const double powers[] = {
		1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	bool is_negative = size > 0 && text[0] == '-';
	uint64_t digits;
	unsigned decimals;
	if (parse_short_decimal(text + is_negative, size - is_negative, &digits, &decimals) == size - is_negative &&
		size > is_negative) {
		double value = (double)digits / powers[decimals];
		*out = is_negative ? -value : value;
		return true;
	}
	if (!is_plain_number(text, size))
		return false;
	char copy[NUMBER_TEXT_MAX], *end;
	*(char *)mempcpy(copy, text, size) = '\0';
	double value = strtod(copy, &end);
	if (end != copy + size || !isfinite(value))
		return false;
	*out = value;
	return true;
}

bool value_parse_ip(const char *text, size_t size, uint8_t *out) {
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
	char copy[INET6_ADDRSTRLEN];
	uint8_t address[16];
	if (size >= sizeof(copy) || memchr(text, '\0', size) != NULL)
		return false;
	*(char *)mempcpy(copy, text, size) = '\0';
	if (inet_pton(AF_INET, copy, address) == 1) {
		memcpy(mempcpy(out, v4_mapped, sizeof(v4_mapped)), address, 4);
		return true;
	}
	if (inet_pton(AF_INET6, copy, address) != 1)
		return false;
	memcpy(out, address, sizeof(address));
	return true;
}

static int hex_digit(char c) {
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_mac(const char *text, size_t size, uint8_t *out) {
	uint8_t mac[6];
	if (size != 17)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
		char separator = text[3 * i + 2 - (i == 5)];
		if (high < 0 || low < 0 || (i < 5 && separator != ':' && separator != '-'))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, mac, sizeof(mac));
	return true;
}

// As many digits as the number has, or fail.
static bool parse_digits(const char **text, const char *end, unsigned count, unsigned *out) {
	*out = 0;
	for (unsigned i = 0; i < count; i++, ++*text) {
		if (*text == end || !is_digit(**text))
			return false;
		*out = *out * 10 + (unsigned)(**text - '0');
	}
	return true;
}

static bool skip(const char **text, const char *end, char c) {
	if (*text == end || **text != c)
		return false;
	++*text;
	return true;
}

// Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that the leap day is their last.
static int64_t days_of(unsigned year, unsigned month, unsigned day) {
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = y / 400, year_of_era = y % 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static unsigned days_of_month(unsigned year, unsigned month) {
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && is_leap);
}

// Digits of a fraction, in nanoseconds; more than nine are cut.
static uint64_t parse_fraction(const char **text, const char *end) {
	uint64_t value = 0, place = 100000000;
	for (; *text < end && is_digit(**text); ++*text, place /= 10)
		value += (unsigned)(**text - '0') * place;
	return value;
}

// "Z", "+01:00", "+0100" or nothing, which is UTC.
static bool parse_zone(const char *text, const char *end, int64_t *seconds) {
	unsigned hours, minutes;
	*seconds = 0;
	if (text == end || (*text == 'Z' && text + 1 == end))
		return true;
	bool is_west = *text == '-';
	if (!is_west && *text != '+')
		return false;
	text++;
	if (!parse_digits(&text, end, 2, &hours))
		return false;
	skip(&text, end, ':');
	if (!parse_digits(&text, end, 2, &minutes) || text != end || hours > 23 || minutes > 59)
		return false;
	*seconds = ((int64_t)hours * 60 + minutes) * (is_west ? -60 : 60);
	return true;
}

static bool parse_date_time(const char *text, size_t size, uint64_t *out_ns) {
	const char *end = text + size;
	unsigned year, month, day, hour, minute, second;
	int64_t zone;
	if (!parse_digits(&text, end, 4, &year) || !skip(&text, end, '-') || !parse_digits(&text, end, 2, &month) ||
		!skip(&text, end, '-') || !parse_digits(&text, end, 2, &day) ||
		(!skip(&text, end, 'T') && !skip(&text, end, ' ')) || !parse_digits(&text, end, 2, &hour) ||
		!skip(&text, end, ':') || !parse_digits(&text, end, 2, &minute) || !skip(&text, end, ':') ||
		!parse_digits(&text, end, 2, &second))
		return false;
	uint64_t fraction = skip(&text, end, '.') ? parse_fraction(&text, end) : 0;
	if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || hour > 23 || minute > 59 ||
		second > 60 || !parse_zone(text, end, &zone))
		return false;
	int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
	if (seconds < 0 || seconds > INT64_MAX / 1000000000 - 1)
		return false;
	*out_ns = (uint64_t)seconds * 1000000000 + fraction;
	return true;
}

// A number of units with decimals, without rounding through a double.
static bool parse_units(const char *text, size_t size, uint64_t unit_ns, uint64_t *out_ns) {
	const char *point = memchr(text, '.', size);
	size_t whole_size = point != NULL ? (size_t)(point - text) : size;
	uint64_t whole, value;
	if (!value_parse_u64(text, whole_size, &whole) || __builtin_mul_overflow(whole, unit_ns, &value) ||
		value > INT64_MAX)
		return false;
	if (point != NULL) {
		const char *at = point + 1, *end = text + size;
		uint64_t fraction = parse_fraction(&at, end); // in 1/10^9 of a unit
		if (at != end || at == point + 1)
			return false;
		value += fraction * (unit_ns / 1000) / 1000000;
	}
	*out_ns = value;
	return value <= INT64_MAX;
}

bool value_parse_time(const char *text, size_t size, uint64_t unit_ns, uint64_t *out_ns) {
	bool is_date = size > 4 && text[4] == '-';
	return is_date ? parse_date_time(text, size, out_ns) : parse_units(text, size, unit_ns, out_ns);
}

static bool parse_bool(const char *text, size_t size, bool *out) {
	*out = size == 4 && memcmp(text, "true", 4) == 0;
	bool is_one = size == 1 && text[0] == '1', is_zero = size == 1 && text[0] == '0';
	*out |= is_one;
	return *out || is_zero || (size == 5 && memcmp(text, "false", 5) == 0);
}

static bool parse_unsigned(enum field_type type, const char *text, size_t size, uint8_t *out) {
	uint64_t value;
	if (!value_parse_u64(text, size, &value))
		return false;
	switch (type) {
	case FIELD_U8:
		*out = (uint8_t)value;
		return value <= UINT8_MAX;
	case FIELD_U16:
		*(uint16_t *)out = (uint16_t)value;
		return value <= UINT16_MAX;
	case FIELD_U32:
		*(uint32_t *)out = (uint32_t)value;
		return value <= UINT32_MAX;
	default:
		*(uint64_t *)out = value;
		return true;
	}
}

static bool parse_enum(const struct field *field, const char *text, size_t size, uint8_t *out) {
	for (unsigned i = 0; field->choices[i] != NULL; i++) {
		if (strlen(field->choices[i]) == size && memcmp(field->choices[i], text, size) == 0) {
			*out = (uint8_t)i;
			return true;
		}
	}
	return false;
}

static bool parse_typed(const struct column *column, const char *text, size_t size, uint8_t *out) {
	const struct field *field = column->field;
	if (column->time_unit_ns > 0)
		return value_parse_time(text, size, column->time_unit_ns, (uint64_t *)out);
	switch (field->type) {
	case FIELD_BOOL:
		return parse_bool(text, size, (bool *)out);
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		return parse_unsigned(field->type, text, size, out);
	case FIELD_I64:
		return value_parse_i64(text, size, (int64_t *)out);
	case FIELD_F64:
		return value_parse_f64(text, size, (double *)out);
	case FIELD_IP:
		return value_parse_ip(text, size, out);
	case FIELD_MAC:
		return parse_mac(text, size, out);
	case FIELD_ENUM:
		return parse_enum(field, text, size, out);
	default:
		return false; // lists
	}
}

enum value_verdict value_parse(
	const struct schema *schema, const struct column *column, const char *text, size_t size, uint8_t *body) {
	const struct field *field = column->field;
	uint8_t *out = body + field->offset;
	bool is_cut = false;
	if (field->type == FIELD_STRING) {
		is_cut = size > field->length;
		memcpy(out, text, is_cut ? field->length : size);
	} else if (!parse_typed(column, text, size, out)) {
		return VALUE_WRONG;
	}
	if (field->present != FIELD_ALWAYS)
		*(uint64_t *)(body + schema->present_offset) |= UINT64_C(1) << field->present;
	return is_cut ? VALUE_CUT : VALUE_OK;
}
