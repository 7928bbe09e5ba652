// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/series_query.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000LL
#define LAST_MAX_S 31622400LL         // a leap year
#define TIME_MAX_MS 253402300799000LL // the end of the year 9999

enum {
	LAST_MIN_S = 10,
	LAST_DEFAULT_S = 900,
	POINTS_MIN = 10,
	POINTS_DEFAULT = 600,
	FRESH_ENTRIES = 3, // so far behind the clock the newest entry may be
};

const struct series_field series_fields[] = {
	{"packets_per_s", SERIES_RATE, "packets_per_s", NULL, 1},
	{"bits_per_s", SERIES_RATE, "bits_per_s", NULL, 1},
	{"flows_per_s", SERIES_RATE, "flows_per_s", NULL, 1},
	{"packets_per_s_max", SERIES_GREATEST, "packets_per_s", "packets_per_s_max", 1},
	{"bits_per_s_max", SERIES_GREATEST, "bits_per_s", "bits_per_s_max", 1},
	{"flows_per_s_max", SERIES_GREATEST, "flows_per_s", "flows_per_s_max", 1},
	{"dropped_per_s", SERIES_AMOUNT, "dropped", NULL, 1},
	{"flows_ended_per_s", SERIES_GROWTH, "flows_ended", NULL, 1},
	{"tcp_packets_per_s", SERIES_GROWTH, "tcp_packets", NULL, 1},
	{"udp_packets_per_s", SERIES_GROWTH, "udp_packets", NULL, 1},
	{"icmp_packets_per_s", SERIES_GROWTH, "icmp_packets", NULL, 1},
	{"tcp_bits_per_s", SERIES_GROWTH, "tcp_bytes", NULL, 8},
	{"udp_bits_per_s", SERIES_GROWTH, "udp_bytes", NULL, 8},
	{"icmp_bits_per_s", SERIES_GROWTH, "icmp_bytes", NULL, 8},
	{"tcp_retransmitted_packets_per_s", SERIES_GROWTH, "tcp_retransmitted_packets", NULL, 1},
	{"tcp_out_of_order_packets_per_s", SERIES_GROWTH, "tcp_out_of_order_packets", NULL, 1},
	{"tcp_zero_windows_per_s", SERIES_GROWTH, "tcp_zero_windows", NULL, 1},
	{"alerts_active", SERIES_GREATEST, "alerts_active", "alerts_active_max", 1},
	{"nodes_up", SERIES_LEAST, "nodes_up", "nodes_up_min", 1},
	{"flows_live", SERIES_MEAN, "flows_live", NULL, 1},
	{"tcp_rtt_p50_ns", SERIES_MEAN, "tcp_rtt_p50_ns", NULL, 1},
	{"tcp_rtt_p95_ns", SERIES_MEAN, "tcp_rtt_p95_ns", NULL, 1},
	{"tcp_rtt_p99_ns", SERIES_MEAN, "tcp_rtt_p99_ns", NULL, 1},
	{"tcp_retransmitted_share", SERIES_MEAN, "tcp_retransmitted_share", NULL, 1},
};
const size_t series_fields_length = sizeof(series_fields) / sizeof(*series_fields);

static const int64_t resolution_ms[SNAPSHOT_RESOLUTIONS] = {0, 60 * MS_PER_S, 3600 * MS_PER_S};

static int fail(char *error, const char *name, const char *given, const char *expected) {
	snprintf(error, SERIES_ERROR_SIZE, "%s: \"%.40s\": expected %s", name, given, expected);
	return -EINVAL;
}

// A whole number without a sign; an absent one keeps its default.
static int parse_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *out, char *error) {
	if (text == NULL)
		return 0;
	char *end, expected[64];
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 && value >= min && value <= max) {
		*out = value;
		return 0;
	}
	snprintf(expected, sizeof(expected), "a whole number, %lld..%lld", (long long)min, (long long)max);
	return fail(error, name, text, expected);
}

static int parse_range(
	const struct series_parameters *parameters, int64_t now_ms, struct series_query *out, char *error) {
	int64_t last_s = LAST_DEFAULT_S, from_ms = -1;
	int err = parse_number("last", parameters->last, LAST_MIN_S, LAST_MAX_S, &last_s, error);
	out->to_ms = now_ms;
	if (err == 0)
		err = parse_number("from", parameters->from, 0, TIME_MAX_MS, &from_ms, error);
	if (err == 0)
		err = parse_number("to", parameters->to, 0, TIME_MAX_MS, &out->to_ms, error);
	if (err != 0)
		return err;
	if (parameters->last != NULL && (parameters->from != NULL || parameters->to != NULL))
		return fail(error, "last", parameters->last, "last, or from and to");
	out->from_ms = parameters->from != NULL ? from_ms : out->to_ms - last_s * MS_PER_S;
	if (out->from_ms < 0)
		out->from_ms = 0;
	if (out->to_ms - out->from_ms < MS_PER_S)
		return fail(error, "from", parameters->from != NULL ? parameters->from : "",
			"at least one second before to");
	return out->to_ms - out->from_ms <= LAST_MAX_S * MS_PER_S
		       ? 0
		       : fail(error, "from", parameters->from, "at most 366 days before to");
}

static int parse_node(const char *node, struct series_query *out, char *error) {
	size_t length = node != NULL ? strlen(node) : 0;
	if (length >= sizeof(out->node))
		return fail(error, "node", node, "a node's name");
	snprintf(out->node, sizeof(out->node), "%s", node != NULL ? node : "");
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)node[i]) && strchr("._-", node[i]) == NULL)
			return fail(error, "node", node, "a node's name");
	return 0;
}

static int parse_fields(const char *text, struct series_query *out, char *error) {
	char name[64];
	if (text == NULL)
		text = "packets_per_s,bits_per_s,flows_per_s,flows_live";
	for (size_t size; *text != '\0'; text += size + (text[size] == ',')) {
		size_t i = 0;
		size = strcspn(text, ",");
		snprintf(name, sizeof(name), "%.*s", size < sizeof(name) ? (int)size : (int)sizeof(name) - 1, text);
		while (i < series_fields_length && strcmp(series_fields[i].name, name) != 0)
			i++;
		if (i == series_fields_length)
			return fail(error, "fields", name, "names with commas, such as packets_per_s,flows_live");
		if (out->fields_length == SERIES_FIELDS_MAX)
			return fail(error, "fields", name, "at most 16");
		out->fields[out->fields_length++] = &series_fields[i];
	}
	return out->fields_length > 0 ? 0 : fail(error, "fields", "", "at least one");
}

static int64_t spacing_ms(unsigned resolution, const struct series_reach *reach) {
	if (resolution > 0)
		return resolution_ms[resolution];
	return reach->interval_ms >= MS_PER_S ? reach->interval_ms : MS_PER_S;
}

int64_t series_query_spacing_ms(const struct series_query *query, const struct series_reach *reach) {
	return spacing_ms(query->resolution, reach);
}

static bool is_short(const struct series_query *query, unsigned resolution, const struct series_reach *reach) {
	return (query->to_ms - query->from_ms) / spacing_ms(resolution, reach) <= SERIES_READ_MAX;
}

// The finest that is there from the beginning of the range on, and is not too long to read; where none reaches back so
// far, the one that reaches back farthest, the finer of two alike.
static unsigned choose(const struct series_query *query, const struct series_reach *reach) {
	unsigned best = SNAPSHOT_RESOLUTIONS;
	for (unsigned i = 0; i < SNAPSHOT_RESOLUTIONS; i++) {
		int64_t first_ms = reach->first_ms[i];
		// That a coarser entry sums up what was before the first finer one is no reach: its end must be older.
		bool reaches_farther = best == SNAPSHOT_RESOLUTIONS || first_ms < reach->first_ms[best];
		if (first_ms == 0 || !is_short(query, i, reach) || !reaches_farther)
			continue;
		if (first_ms - spacing_ms(i, reach) <= query->from_ms)
			return i;
		best = i;
	}
	for (unsigned i = 0; best == SNAPSHOT_RESOLUTIONS; i++)
		if (is_short(query, i, reach) || i == SNAPSHOT_RESOLUTIONS - 1)
			best = i;
	return best;
}

static int parse_resolution(
	const char *text, const struct series_reach *reach, struct series_query *query, char *error) {
	if (text == NULL || strcmp(text, "auto") == 0) {
		query->resolution = choose(query, reach);
		return 0;
	}
	for (unsigned i = 0; i < SNAPSHOT_RESOLUTIONS; i++) {
		if (strcmp(text, snapshot_resolutions[i]) != 0)
			continue;
		query->resolution = i;
		return is_short(query, i, reach) ? 0 : fail(error, "resolution", text, "a coarser one for this range");
	}
	return fail(error, "resolution", text, "auto, 1s, 1m or 1h");
}

// A range up to now ends with what is there by now, not with the void after it.
static void end_with_entry(struct series_query *query, const struct series_reach *reach) {
	int64_t entry_ms = spacing_ms(query->resolution, reach), behind_ms = query->to_ms - reach->last_ms;
	if (query->resolution == 0 && behind_ms >= 0 && behind_ms <= FRESH_ENTRIES * entry_ms &&
		reach->last_ms > query->from_ms)
		query->to_ms = reach->last_ms;
	if (query->to_ms - query->from_ms > entry_ms)
		query->to_ms = query->to_ms / entry_ms * entry_ms;
}

// Steps as short as `points` allows, in whole entries; the range is widened to whole steps.
static void make_grid(struct series_query *query, const struct series_reach *reach, int64_t points) {
	int64_t entry_ms = spacing_ms(query->resolution, reach);
	int64_t entries = (query->to_ms - query->from_ms + entry_ms - 1) / entry_ms;
	int64_t per_step = (entries + points - 1) / points;
	// Both ends are rounded outwards, which may add a step.
	for (;; per_step++) {
		query->step_ms = per_step * entry_ms;
		int64_t first = query->from_ms / query->step_ms;
		int64_t last = (query->to_ms + query->step_ms - 1) / query->step_ms;
		if (last - first > points)
			continue;
		query->from_ms = first * query->step_ms;
		query->to_ms = last * query->step_ms;
		query->length = (uint32_t)(last - first);
		return;
	}
}

int series_query_parse(const struct series_parameters *parameters, const struct series_reach *reach, int64_t now_ms,
	struct series_query *out, char *error) {
	int64_t points = POINTS_DEFAULT;
	memset(out, 0, sizeof(*out));
	int err = parse_range(parameters, now_ms, out, error);
	if (err == 0)
		err = parse_number("points", parameters->points, POINTS_MIN, SERIES_POINTS_MAX, &points, error);
	if (err == 0)
		err = parse_node(parameters->node, out, error);
	if (err == 0)
		err = parse_fields(parameters->fields, out, error);
	if (err == 0)
		err = parse_resolution(parameters->resolution, reach, out, error);
	if (err != 0)
		return err;
	if (parameters->to == NULL)
		end_with_entry(out, reach);
	make_grid(out, reach, points);
	// Where the clock was set back, ids go on from where it had been, and entries tell their times.
	bool is_ahead = reach->last_ms > now_ms + FRESH_ENTRIES * spacing_ms(0, reach);
	out->read_to_ms = is_ahead ? INT64_MAX : out->to_ms;
	return 0;
}
