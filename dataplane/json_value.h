// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Single JSON values, written at `out`; each function returns the end of what it wrote. The caller has made sure of the
// room: 32 characters for a double, 50 for an address, 6 a byte and 2 for a string.
#pragma once

#include <stddef.h>
#include <stdint.h>

char *json_write_f64(char *out, double value);       // the shortest digits that read back the same; null if not finite
char *json_write_mac(char *out, const uint8_t *mac); // [6]

// An address as RFC 5952 writes it, in quotes; IPv4 where it is v4-mapped.
//   ip  [16]
char *json_write_ip(char *out, const uint8_t *ip);

// A string in quotes, escaped; each byte that belongs to no valid UTF-8 character becomes U+FFFD.
char *json_write_string(char *out, const char *text, size_t size);
