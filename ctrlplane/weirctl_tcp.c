// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl tcp`.
#include <inttypes.h>

#include "ctrlplane/units.h"
#include "ctrlplane/weirctl_show.h"
#include "ctrlplane/weirctl_table.h"

static void cell_time(struct table *table, const json_t *object, const char *name) {
	char text[UNITS_SIZE];
	if (json_is_integer(json_object_get(object, name)))
		table_cell(table, TABLE_PLAIN, "%s", units_duration(show_number(object, name), text));
	else
		table_cell(table, TABLE_DIM, "-");
}

static void cell_share(struct table *table, double share) {
	enum table_style style = share >= 0.01 ? TABLE_BAD : TABLE_PLAIN;
	table_cell(table, style, "%.2f %%", 100 * share);
}

static void cell_count(struct table *table, const json_t *object, const char *name) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(object, name), text));
}

static void row_distribution(struct table *table, const char *name, const json_t *distribution) {
	table_cell(table, TABLE_PLAIN, "%s", name);
	cell_time(table, distribution, "p50_ns");
	cell_time(table, distribution, "p90_ns");
	cell_time(table, distribution, "p95_ns");
	cell_time(table, distribution, "p99_ns");
	cell_time(table, distribution, "max_ns");
	cell_count(table, distribution, "samples");
}

static void row_prefix(struct table *table, const json_t *prefix) {
	table_cell(table, TABLE_BOLD, "%s", show_text(prefix, "prefix"));
	cell_count(table, prefix, "packets");
	cell_count(table, prefix, "retransmitted_packets");
	cell_share(table, show_real(prefix, "retransmitted_share"));
	cell_count(table, prefix, "out_of_order_packets");
	cell_count(table, prefix, "zero_windows");
	cell_time(table, prefix, "rtt_p50_ns");
	cell_time(table, prefix, "rtt_p95_ns");
	cell_count(table, prefix, "samples");
}

void show_tcp(const json_t *answer, FILE *file) {
	static const char *const times[] = {
		"TIME", ">MEDIAN", ">90 %", ">95 %", ">99 %", ">GREATEST", ">SAMPLES", NULL};
	static const char *const prefixes[] = {"PREFIX", ">PACKETS", ">AGAIN", ">SHARE", ">OUT OF ORDER",
		">ZERO WINDOWS", ">RTT MEDIAN", ">RTT 95 %", ">SAMPLES", NULL};
	char packets[UNITS_SIZE], again[UNITS_SIZE], late[UNITS_SIZE], zero[UNITS_SIZE];
	struct table table;
	fprintf(file,
		"TCP of the last %" PRIu64
		" s: %s packets, %s retransmitted (%.2f %%), %s out of order, %s zero windows\n\n",
		show_number(answer, "window_s"), units_count(show_number(answer, "packets"), packets),
		units_count(show_number(answer, "retransmitted_packets"), again),
		100 * show_real(answer, "retransmitted_share"),
		units_count(show_number(answer, "out_of_order_packets"), late),
		units_count(show_number(answer, "zero_windows"), zero));
	table_init(&table, times);
	row_distribution(&table, "round trip", json_object_get(answer, "rtt"));
	row_distribution(&table, "handshake", json_object_get(answer, "handshake"));
	table_print(&table, file);
	fputc('\n', file);
	table_init(&table, prefixes);
	size_t i;
	json_t *prefix;
	const json_t *list = json_object_get(answer, "prefixes");
	json_array_foreach(list, i, prefix) row_prefix(&table, prefix);
	table_print(&table, file);
	if (json_array_size(list) == 0)
		fputs("no prefix with TCP traffic\n", file);
}
