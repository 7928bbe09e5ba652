// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"
#include "ctrlplane/units.h"
#include "ctrlplane/weirctl_show.h"

static double text_cell(const json_t *entry, const char *name, char *cell) {
	snprintf(cell, LIVE_CELL_SIZE, "%s", show_text(entry, name));
	return 0;
}

static double bytes_cell(const json_t *entry, const char *name, char *cell) {
	units_bytes(show_number(entry, name), cell);
	return (double)show_number(entry, name);
}

static double count_cell(const json_t *entry, const char *name, char *cell) {
	units_count(show_number(entry, name), cell);
	return (double)show_number(entry, name);
}

static double rate_cell(const json_t *entry, const char *name, const char *unit, char *cell) {
	if (!json_is_number(json_object_get(entry, name))) {
		snprintf(cell, LIVE_CELL_SIZE, "-");
		return -1;
	}
	units_rate(show_real(entry, name), unit, cell);
	return show_real(entry, name);
}

static double endpoint_cell(const json_t *entry, const char *ip, const char *port, char *cell) {
	const char *address = show_text(entry, ip);
	snprintf(cell, LIVE_CELL_SIZE, strchr(address, ':') != NULL ? "[%s]:%" PRIu64 : "%s:%" PRIu64, address,
		show_number(entry, port));
	return 0;
}

#define CELL(name, call)                                                                                               \
	static double cell_##name(const json_t *entry, char cell[LIVE_CELL_SIZE]) {                                    \
		return call;                                                                                           \
	}
CELL(bits, rate_cell(entry, "bits_per_s", "bit/s", cell))
CELL(packets, rate_cell(entry, "packets_per_s", "pps", cell))
CELL(bytes, bytes_cell(entry, "bytes", cell))
CELL(protocol, text_cell(entry, "protocol", cell))
CELL(source, endpoint_cell(entry, "src_ip", "src_port", cell))
CELL(destination, endpoint_cell(entry, "dst_ip", "dst_port", cell))
CELL(ip, text_cell(entry, "ip", cell))
CELL(prefix, text_cell(entry, "prefix", cell))
CELL(application, text_cell(entry, "application", cell))
CELL(sent, bytes_cell(entry, "sent_bytes", cell))
CELL(received, bytes_cell(entry, "received_bytes", cell))
CELL(flows, count_cell(entry, "flows", cell))
CELL(flows_live, count_cell(entry, "flows_live", cell))
CELL(flows_out, count_cell(entry, "flows_out", cell))
CELL(name, text_cell(entry, "name", cell))
CELL(state, text_cell(entry, "state", cell))
CELL(dropped, count_cell(entry, "dropped", cell))
CELL(node_packets, rate_cell(json_object_get(entry, "rates"), "packets_per_s", "pps", cell))
CELL(node_bits, rate_cell(json_object_get(entry, "rates"), "bits_per_s", "bit/s", cell))
CELL(missing, count_cell(json_object_get(entry, "gaps"), "missing", cell))
CELL(severity, text_cell(entry, "severity", cell))
CELL(rule, text_cell(entry, "rule", cell))
CELL(subject, text_cell(entry, "subject", cell))
#undef CELL

static double cell_port(const json_t *entry, char cell[LIVE_CELL_SIZE]) {
	snprintf(cell, LIVE_CELL_SIZE, "%s/%" PRIu64, show_text(entry, "protocol"), show_number(entry, "port"));
	return 0;
}

static double cell_since(const json_t *entry, char cell[LIVE_CELL_SIZE]) {
	units_time(show_number(entry, "start_ns"), cell);
	return (double)show_number(entry, "start_ns");
}

static double cell_value(const json_t *entry, char cell[LIVE_CELL_SIZE]) {
	snprintf(cell, LIVE_CELL_SIZE, "%.6g", show_real(entry, "value"));
	return show_real(entry, "value");
}

#define RATES                                                                                                          \
	{"BITS", 11, true, cell_bits}, {"PACKETS", 9, true, cell_packets}, {                                           \
		"BYTES", 9, true, cell_bytes                                                                           \
	}
const struct live_list live_lists[] = {
	{"flows", "top", "entries", 3,
		{{"PROTO", 5, false, cell_protocol}, {"SOURCE", 0, false, cell_source},
			{"DESTINATION", 0, false, cell_destination}, RATES}},
	{"hosts", "top", "entries", 1,
		{{"HOST", 0, false, cell_ip}, RATES, {"SENT", 9, true, cell_sent}, {"RECEIVED", 9, true, cell_received},
			{"NEW FLOWS", 9, true, cell_flows_out}}},
	{"ports", "top", "entries", 1, {{"PORT", 0, false, cell_port}, RATES, {"NEW FLOWS", 9, true, cell_flows}}},
	{"prefixes", "top", "entries", 1,
		{{"PREFIX", 0, false, cell_prefix}, RATES, {"SENT", 9, true, cell_sent},
			{"RECEIVED", 9, true, cell_received}}},
	{"applications", "top", "entries", 1,
		{{"APPLICATION", 0, false, cell_application}, RATES, {"NEW FLOWS", 9, true, cell_flows}}},
	{"nodes", "status", "nodes", 2,
		{{"NODE", 0, false, cell_name}, {"STATE", 5, false, cell_state},
			{"PACKETS", 9, true, cell_node_packets}, {"BITS", 11, true, cell_node_bits},
			{"FLOWS", 9, true, cell_flows_live}, {"DROPPED", 9, true, cell_dropped},
			{"MISSING", 7, true, cell_missing}}},
	{"alerts", "alerts", "active", 4,
		{{"SEVERITY", 8, false, cell_severity}, {"RULE", 0, false, cell_rule},
			{"SUBJECT", 0, false, cell_subject}, {"VALUE", 11, true, cell_value},
			{"SINCE", 19, true, cell_since}}},
};
const unsigned live_lists_length = sizeof(live_lists) / sizeof(*live_lists);

const struct live_list *live_list_lookup(const char *name) {
	for (unsigned i = 0; i < live_lists_length; i++)
		if (strcmp(live_lists[i].name, name) == 0)
			return &live_lists[i];
	return NULL;
}

static void history_add(struct live_history *history, double value) {
	history->samples[history->count++ % LIVE_SAMPLES] = value;
}

static double rate_of(const json_t *object) {
	const json_t *rates = json_object_get(object, "rates");
	return json_is_object(rates) ? show_real(rates, "packets_per_s") : -1;
}

const struct live_history *live_node_history(const struct live *live, const char *name) {
	for (unsigned i = 0; i < live->nodes_length; i++)
		if (strcmp(live->nodes[i].name, name) == 0)
			return &live->nodes[i];
	return NULL;
}

void live_take_status(struct live *live, json_t *status) {
	size_t i;
	json_t *node;
	json_decref(live->status);
	live->status = status;
	history_add(&live->total, rate_of(status));
	json_array_foreach(json_object_get(status, "nodes"), i, node) {
		struct live_history *history = (struct live_history *)live_node_history(live, show_text(node, "name"));
		if (history == NULL && live->nodes_length < LIVE_NODES_MAX) {
			history = &live->nodes[live->nodes_length++];
			*history = (struct live_history){.count = 0};
			snprintf(history->name, sizeof(history->name), "%s", show_text(node, "name"));
		}
		if (history != NULL)
			history_add(history, rate_of(node));
	}
}

static bool row_matches(const struct live_row *row, const char *filter) {
	for (unsigned c = 0; c < LIVE_COLUMNS_MAX; c++)
		if (strcasestr(row->cells[c], filter) != NULL)
			return true;
	return false;
}

static int compare_rows(const void *a, const void *b, void *context) {
	const struct live_row *one = a, *other = b;
	const struct live *live = context;
	int order = live->list->columns[live->sort].is_figure
			    ? (one->values[live->sort] < other->values[live->sort]) -
				      (one->values[live->sort] > other->values[live->sort])
			    : strcmp(one->cells[live->sort], other->cells[live->sort]);
	return live->is_reversed ? -order : order;
}

void live_make_rows(struct live *live) {
	size_t i;
	json_t *entry;
	const json_t *source = strcmp(live->list->command, "status") == 0 ? live->status : live->answer;
	live->rows_length = 0;
	json_array_foreach(json_object_get(source, live->list->entries), i, entry) {
		struct live_row *row = &live->rows[live->rows_length];
		if (live->rows_length == LIVE_ROWS_MAX)
			break;
		*row = (struct live_row){.entry = entry};
		for (unsigned c = 0; c < LIVE_COLUMNS_MAX && live->list->columns[c].head != NULL; c++)
			row->values[c] = live->list->columns[c].format(entry, row->cells[c]);
		live->rows_length += row_matches(row, live->filter);
	}
	qsort_r(live->rows, live->rows_length, sizeof(*live->rows), compare_rows, live);
	if (live->first >= live->rows_length)
		live->first = live->rows_length > 0 ? live->rows_length - 1 : 0;
}

void live_sparkline(const struct live_history *history, unsigned width, bool is_utf8, char *out) {
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	unsigned length = history->count < LIVE_SAMPLES ? (unsigned)history->count : LIVE_SAMPLES;
	double greatest = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < length; i++)
		if (history->samples[i] > greatest)
			greatest = history->samples[i];
	if (length > width)
		length = width;
	for (uint64_t i = history->count - length; i < history->count; i++) {
		double value = history->samples[i % LIVE_SAMPLES];
		int height = greatest > 0 ? (int)(value / greatest * 7.999) : 0;
		strcat(out, value < 0 ? " " : is_utf8 ? blocks[height] : ascii[height]);
	}
}
