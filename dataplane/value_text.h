// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Single values as text, at memory speed, written at `out`; each function returns the end of what it wrote. The caller
// has made sure of the room.
//
//   RFC 5952 (text form of IPv6 addresses)
#pragma once

#include <stdint.h>

#include "api/schema.h"

char *value_write_u64(char *out, uint64_t value);     // 20 characters at most
char *value_write_i64(char *out, int64_t value);      // 20
char *value_write_f64(char *out, double value);       // 32; the shortest digits that read back; nothing if not finite
char *value_write_mac(char *out, const uint8_t *mac); // 18, the last of which is scratch
char *value_write_ip(char *out, const uint8_t *ip);   // 48; ip[16], IPv4 where it is v4-mapped

// What forms of a line differ in.
struct value_style {
	char *(*text)(char *out, const char *text, size_t size);
	char *(*f64)(char *out, double value);
	char *(*ip)(char *out, const uint8_t *ip);
	char *(*mac)(char *out, const uint8_t *mac);
	const char *list_begin, *list_end;
	char list_separator;
};

// The value of a field that applies.
char *value_write(char *out, const struct value_style *style, const struct field *field, const uint8_t *body);
