// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "api/clock.h"

// Three digits: 1.23, 12.3, 123.
static int digits_after(double value) {
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

static char *scaled(double value, double step, const char *const *prefixes, const char *unit, char out[UNITS_SIZE]) {
	int prefix = 0;
	while (value >= step * 0.9995 && prefixes[prefix + 1] != NULL) {
		value /= step;
		prefix++;
	}
	int digits = prefix == 0 && value == (double)(uint64_t)value ? 0 : digits_after(value);
	snprintf(out, UNITS_SIZE, "%.*f %s%s", digits, value, prefixes[prefix], unit);
	return out;
}

char *units_rate(double value, const char *unit, char out[UNITS_SIZE]) {
	static const char *const prefixes[] = {"", "k", "M", "G", "T", NULL};
	return scaled(value, 1000, prefixes, unit, out);
}

char *units_bytes(uint64_t bytes, char out[UNITS_SIZE]) {
	static const char *const prefixes[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", NULL};
	return scaled((double)bytes, 1024, prefixes, "B", out);
}

char *units_count(uint64_t count, char out[UNITS_SIZE]) {
	char plain[UNITS_SIZE];
	int length = snprintf(plain, sizeof(plain), "%" PRIu64, count), used = 0;
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			out[used++] = ',';
		out[used++] = plain[i];
	}
	out[used] = '\0';
	return out;
}

char *units_duration(uint64_t ns, char out[UNITS_SIZE]) {
	static const char *const prefixes[] = {"n", "µ", "m", "", NULL};
	uint64_t s = ns / NS_PER_S;
	if (s < 60)
		scaled((double)ns, 1000, prefixes, "s", out);
	else if (s < 3600)
		snprintf(out, UNITS_SIZE, "%" PRIu64 "m %02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, UNITS_SIZE, "%" PRIu64 "h %02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(out, UNITS_SIZE, "%" PRIu64 "d %02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return out;
}

char *units_time(uint64_t ns, char out[UNITS_SIZE]) {
	time_t at = (time_t)(ns / NS_PER_S), now = time(NULL);
	struct tm then, today;
	localtime_r(&at, &then);
	localtime_r(&now, &today);
	bool is_today = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
	strftime(out, UNITS_SIZE, is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
	return out;
}
