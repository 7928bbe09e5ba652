// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Figures for people, at the edges where the unit or the number of digits changes.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctrlplane/units.h"

static void rates(void **state) {
	char out[UNITS_SIZE];
	assert_string_equal(units_rate(0, "pps", out), "0 pps");
	assert_string_equal(units_rate(0.25, "pps", out), "0.25 pps");
	assert_string_equal(units_rate(999, "pps", out), "999 pps");
	assert_string_equal(units_rate(999.9, "pps", out), "1.00 kpps");
	assert_string_equal(units_rate(9996, "pps", out), "10.0 kpps");
	assert_string_equal(units_rate(99960, "pps", out), "100 kpps");
	assert_string_equal(units_rate(1234567, "bit/s", out), "1.23 Mbit/s");
	assert_string_equal(units_rate(4e15, "bit/s", out), "4000 Tbit/s");
}

static void bytes(void **state) {
	char out[UNITS_SIZE];
	assert_string_equal(units_bytes(0, out), "0 B");
	assert_string_equal(units_bytes(1023, out), "1023 B");
	assert_string_equal(units_bytes(1024, out), "1.00 KiB");
	assert_string_equal(units_bytes(1536, out), "1.50 KiB");
	assert_string_equal(units_bytes(UINT64_MAX, out), "16384 PiB");
}

static void counts(void **state) {
	char out[UNITS_SIZE];
	assert_string_equal(units_count(0, out), "0");
	assert_string_equal(units_count(999, out), "999");
	assert_string_equal(units_count(1000, out), "1,000");
	assert_string_equal(units_count(UINT64_MAX, out), "18,446,744,073,709,551,615");
}

static void durations(void **state) {
	char out[UNITS_SIZE];
	assert_string_equal(units_duration(0, out), "0 ns");
	assert_string_equal(units_duration(999, out), "999 ns");
	assert_string_equal(units_duration(1000, out), "1.00 µs");
	assert_string_equal(units_duration(4100000, out), "4.10 ms");
	assert_string_equal(units_duration(999960000, out), "1.00 s");
	assert_string_equal(units_duration(2500000000ULL, out), "2.50 s");
	assert_string_equal(units_duration(59999999999ULL, out), "60.0 s");
	assert_string_equal(units_duration(60000000000ULL, out), "1m 00s");
	assert_string_equal(units_duration(83000000000ULL, out), "1m 23s");
	assert_string_equal(units_duration(3600000000000ULL, out), "1h 00m");
	assert_string_equal(units_duration(90000000000000ULL, out), "1d 01h");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates),
		cmocka_unit_test(bytes),
		cmocka_unit_test(counts),
		cmocka_unit_test(durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
