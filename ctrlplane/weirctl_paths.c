// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl paths`.
#include <inttypes.h>
#include <string.h>

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

static void cell_lost(struct table *table, const json_t *object, const char *name) {
	json_int_t lost = json_integer_value(json_object_get(object, name));
	table_cell(table, lost > 0 ? TABLE_BAD : TABLE_PLAIN, "%" JSON_INTEGER_FORMAT, lost);
}

static void row_pair(struct table *table, const json_t *pair) {
	char text[UNITS_SIZE];
	const json_t *delay = json_object_get(pair, "delay");
	table_cell(table, TABLE_BOLD, "%s", show_text(pair, "from_node"));
	table_cell(table, TABLE_BOLD, "%s", show_text(pair, "to_node"));
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(pair, "flows"), text));
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(pair, "packets"), text));
	cell_lost(table, pair, "lost_packets");
	table_cell(table, TABLE_PLAIN, "%.2f %%", 100 * show_real(pair, "lost_share"));
	cell_time(table, delay, "min_ns");
	cell_time(table, delay, "p50_ns");
	cell_time(table, delay, "p95_ns");
}

static void cell_endpoint(struct table *table, const json_t *flow, const char *ip, const char *port) {
	const char *address = show_text(flow, ip);
	table_cell(table, TABLE_PLAIN, strchr(address, ':') != NULL ? "[%s]:%" PRIu64 : "%s:%" PRIu64, address,
		show_number(flow, port));
}

static void row_flow(struct table *table, const json_t *flow) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_PLAIN, "%s", show_text(flow, "protocol"));
	cell_endpoint(table, flow, "src_ip", "src_port");
	cell_endpoint(table, flow, "dst_ip", "dst_port");
	table_cell(table, TABLE_PLAIN, "%s", show_text(flow, "from_node"));
	table_cell(table, TABLE_PLAIN, "%s", show_text(flow, "to_node"));
	cell_time(table, flow, "delay_ns");
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(flow, "packets"), text));
	cell_lost(table, flow, "lost_packets");
	cell_lost(table, flow, "reverse_lost_packets");
}

void show_paths(const json_t *answer, FILE *file) {
	static const char *const pairs[] = {
		"FROM", "TO", ">FLOWS", ">PACKETS", ">LOST", ">SHARE", ">DELAY LEAST", ">MEDIAN", ">95 %", NULL};
	static const char *const flows[] = {
		"PROTOCOL", "SOURCE", "DESTINATION", "FROM", "TO", ">DELAY", ">PACKETS", ">LOST", ">LOST BACK", NULL};
	struct table table;
	size_t i;
	json_t *item;
	if (json_array_size(json_object_get(answer, "pairs")) == 0) {
		fputs("no flow was seen by two nodes\n", file);
		return;
	}
	table_init(&table, pairs);
	json_array_foreach(json_object_get(answer, "pairs"), i, item) row_pair(&table, item);
	table_print(&table, file);
	fputc('\n', file);
	table_init(&table, flows);
	json_array_foreach(json_object_get(answer, "flows"), i, item) row_flow(&table, item);
	table_print(&table, file);
}
