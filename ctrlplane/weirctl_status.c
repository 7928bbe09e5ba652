// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl status`.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctrlplane/units.h"
#include "ctrlplane/weirctl_show.h"
#include "ctrlplane/weirctl_table.h"

const char *show_text(const json_t *object, const char *name) {
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

uint64_t show_number(const json_t *object, const char *name) {
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

double show_real(const json_t *object, const char *name) {
	return json_number_value(json_object_get(object, name));
}

static void show_redis(const json_t *redis, uint64_t now_ns, FILE *file) {
	char ago[UNITS_SIZE];
	const char *state = show_text(redis, "state");
	enum table_style style = strcmp(state, "connected") == 0 ? TABLE_GOOD
				 : strcmp(state, "none") == 0    ? TABLE_DIM
								 : TABLE_BAD;
	uint64_t stored_ns = show_number(redis, "stored_ns");
	fprintf(file, "redis       %s%s%s", table_colour(style), state, table_colour(TABLE_PLAIN));
	if (stored_ns != 0 && now_ns > stored_ns)
		fprintf(file, ", stored %s ago", units_duration(now_ns - stored_ns, ago));
	if (show_number(redis, "errors") > 0)
		fprintf(file, ", %" PRIu64 " errors", show_number(redis, "errors"));
	uint64_t lost = show_number(redis, "alert_events_lost") + show_number(redis, "decisions_lost");
	if (lost > 0)
		fprintf(file, ", %" PRIu64 " entries of alerts and decisions lost", lost);
	if (show_text(redis, "primary")[0] != '\0')
		fprintf(file, ", primary %s, %" PRIu64 " Sentinels", show_text(redis, "primary"),
			show_number(redis, "sentinels"));
	fputc('\n', file);
	uint64_t since_ns = show_number(redis, "failing_since_ns");
	if (since_ns != 0)
		fprintf(file, "            %snot stored for %s%s: %s\n", table_colour(TABLE_BAD),
			units_duration(now_ns > since_ns ? now_ns - since_ns : 0, ago), table_colour(TABLE_PLAIN),
			show_text(redis, "error"));
}

// Who knocked and was not let in, by reason.
static void show_refused(const json_t *refused, FILE *file) {
	const char *name;
	json_t *value;
	const char *lead = "refused     ";
	json_object_foreach((json_t *)refused, name, value) {
		if (json_integer_value(value) == 0)
			continue;
		fprintf(file, "%s%" PRIu64 " %s", lead, (uint64_t)json_integer_value(value), name);
		lead = ", ";
	}
	fputs(lead[0] == ',' ? "\n" : "", file);
}

static void show_head(const json_t *answer, FILE *file) {
	char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE], d[UNITS_SIZE];
	const json_t *controller = json_object_get(answer, "controller"), *rates = json_object_get(answer, "rates");
	const json_t *totals = json_object_get(answer, "totals");
	uint64_t now_ns = show_number(controller, "now_ns");
	fprintf(file, "controller  %s, up %s, epoch %" PRIu64 ", weir %s\n", show_text(controller, "listen"),
		units_duration(now_ns - show_number(controller, "started_ns"), a), show_number(controller, "epoch"),
		show_text(controller, "version"));
	show_redis(json_object_get(answer, "redis"), now_ns, file);
	uint64_t active = show_number(answer, "alerts_active");
	fprintf(file, "alerts      %s%" PRIu64 " active%s\n", active > 0 ? table_colour(TABLE_BAD) : "", active,
		active > 0 ? table_colour(TABLE_PLAIN) : "");
	fprintf(file, "traffic     %s, %s, %s over 5 s; %s flows live\n",
		units_rate(show_real(rates, "packets_per_s"), "pps", a),
		units_rate(show_real(rates, "bits_per_s"), "bit/s", b),
		units_rate(show_real(rates, "flows_per_s"), "flows/s", c),
		units_count(show_number(answer, "flows_live"), d));
	show_refused(json_object_get(controller, "refused_connections"), file);
	fprintf(file, "in all      %s packets, %s, %s flows", units_count(show_number(totals, "packets"), a),
		units_bytes(show_number(totals, "bytes"), b), units_count(show_number(totals, "flows_started"), c));
	uint64_t repeated = show_number(json_object_get(answer, "repeated"), "packets");
	if (repeated > 0)
		fprintf(file, "; %s packets are known to be there twice, seen by two nodes", units_count(repeated, a));
	fputs("\n\n", file);
}

static void show_node(struct table *table, const json_t *node, uint64_t now_ns) {
	char text[UNITS_SIZE];
	const char *state = show_text(node, "state");
	const json_t *rates = json_object_get(node, "rates"), *unknown = json_object_get(node, "unknown");
	bool is_up = strcmp(state, "up") == 0;
	uint64_t started_ns = show_number(node, "incarnation");
	uint64_t lost = show_number(node, "dropped") + show_number(node, "lost_outside");
	uint64_t missing = show_number(json_object_get(node, "gaps"), "missing");
	uint64_t shed = show_number(node, "shed"), late = show_number(node, "late");
	uint64_t unknown_ns = show_number(unknown, "duration_ns");
	table_cell(table, TABLE_PLAIN, "%s", show_text(node, "name"));
	table_cell(table, is_up ? TABLE_GOOD : strcmp(state, "lost") == 0 ? TABLE_BAD : TABLE_DIM, "%s", state);
	table_cell(table, TABLE_PLAIN, "%s", show_text(node, "host"));
	table_cell(table, TABLE_PLAIN, "%" PRIu64, show_number(node, "workers"));
	table_cell(table, TABLE_PLAIN, "%s",
		is_up && now_ns > started_ns ? units_duration(now_ns - started_ns, text) : "-");
	table_cell(table, TABLE_PLAIN, "%s", is_up ? units_rate(show_real(rates, "packets_per_s"), "pps", text) : "-");
	table_cell(table, TABLE_PLAIN, "%s", is_up ? units_rate(show_real(rates, "bits_per_s"), "bit/s", text) : "-");
	table_cell(table, TABLE_PLAIN, "%s", is_up ? units_count(show_number(node, "flows_live"), text) : "-");
	table_cell(
		table, TABLE_PLAIN, "%s", units_count(show_number(json_object_get(node, "totals"), "packets"), text));
	table_cell(table, lost > 0 ? TABLE_BAD : TABLE_PLAIN, "%s", units_count(lost, text));
	table_cell(table, missing > 0 ? TABLE_BAD : TABLE_PLAIN, "%s", units_count(missing, text));
	table_cell(table, late > 0 ? TABLE_BAD : TABLE_PLAIN, "%s", units_count(late, text));
	table_cell(table, shed > 0 ? TABLE_BAD : TABLE_PLAIN, "%s", units_count(shed, text));
	bool is_open = json_is_integer(json_object_get(unknown, "since_ns"));
	table_cell(table, unknown_ns > 0 ? TABLE_BAD : TABLE_PLAIN, "%s%s",
		unknown_ns > 0 ? units_duration(unknown_ns, text) : "-", is_open ? " and counting" : "");
}

static void show_clock(const json_t *node, FILE *file) {
	char text[UNITS_SIZE];
	int64_t offset_ns = json_integer_value(json_object_get(node, "clock_offset_ns"));
	if (offset_ns != 0)
		fprintf(file, "%s: its time is %s %s the controller's: a clock is wrong, or it replays a capture\n",
			show_text(node, "name"), units_duration((uint64_t)llabs(offset_ns), text),
			offset_ns > 0 ? "ahead of" : "behind");
}

void show_status(const json_t *answer, FILE *file) {
	static const char *const heads[] = {"NODE", "STATE", "HOST", ">WORKERS", ">UP", ">PACKETS", ">BITS", ">FLOWS",
		">TOTAL", ">DROPPED", ">MISSING", ">LATE", ">SHED", ">UNKNOWN", NULL};
	show_head(answer, file);
	struct table table;
	table_init(&table, heads);
	size_t i;
	json_t *node;
	const json_t *nodes = json_object_get(answer, "nodes");
	json_array_foreach(nodes, i, node)
		show_node(&table, node, show_number(json_object_get(answer, "controller"), "now_ns"));
	table_print(&table, file);
	json_array_foreach(nodes, i, node) show_clock(node, file);
	if (json_array_size(nodes) == 0)
		fputs("no node has registered yet\n", file);
}
