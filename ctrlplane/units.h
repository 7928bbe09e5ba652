// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Figures with units, for people: three significant digits.
#pragma once

#include <stdint.h>

enum { UNITS_SIZE = 32 };

// 1234567 packets/s -> "1.23 Mpps"; kilo is 1000.
char *units_rate(double value, const char *unit, char out[UNITS_SIZE]);
// 1536 -> "1.50 KiB"; kibi is 1024.
char *units_bytes(uint64_t bytes, char out[UNITS_SIZE]);
// 1234567 -> "1,234,567".
char *units_count(uint64_t count, char out[UNITS_SIZE]);
// 4100000 -> "4.10 ms", from nanoseconds on; from a minute on in two units: 83000000000 -> "1m 23s".
char *units_duration(uint64_t ns, char out[UNITS_SIZE]);
// Local time of day, with the date where it is not today: "14:03:59".
char *units_time(uint64_t ns, char out[UNITS_SIZE]);
