// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl top`, `weirctl operators` and `weirctl alerts`.
#include <inttypes.h>
#include <string.h>

#include "ctrlplane/units.h"
#include "ctrlplane/weirctl_show.h"
#include "ctrlplane/weirctl_table.h"

static void cell_rates(struct table *table, const json_t *entry) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_BOLD, "%s", units_rate(show_real(entry, "bits_per_s"), "bit/s", text));
	table_cell(table, TABLE_PLAIN, "%s", units_rate(show_real(entry, "packets_per_s"), "pps", text));
	table_cell(table, TABLE_PLAIN, "%s", units_bytes(show_number(entry, "bytes"), text));
}

static void cell_bytes(struct table *table, const json_t *entry, const char *name) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_PLAIN, "%s", units_bytes(show_number(entry, name), text));
}

static void cell_endpoint(struct table *table, const json_t *entry, const char *ip, const char *port) {
	const char *address = show_text(entry, ip);
	table_cell(table, TABLE_PLAIN, strchr(address, ':') != NULL ? "[%s]:%" PRIu64 : "%s:%" PRIu64, address,
		show_number(entry, port));
}

static void row_flow(struct table *table, const json_t *entry) {
	table_cell(table, TABLE_PLAIN, "%s", show_text(entry, "protocol"));
	cell_endpoint(table, entry, "src_ip", "src_port");
	cell_endpoint(table, entry, "dst_ip", "dst_port");
	cell_rates(table, entry);
	cell_bytes(table, entry, "fwd_bytes");
	cell_bytes(table, entry, "rev_bytes");
	cell_bytes(table, entry, "total_bytes");
}

static void row_host(struct table *table, const json_t *entry) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_PLAIN, "%s", show_text(entry, "ip"));
	cell_rates(table, entry);
	cell_bytes(table, entry, "sent_bytes");
	cell_bytes(table, entry, "received_bytes");
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(entry, "flows_out"), text));
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(entry, "flows_in"), text));
}

static void row_port(struct table *table, const json_t *entry) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_PLAIN, "%s/%" PRIu64, show_text(entry, "protocol"), show_number(entry, "port"));
	cell_rates(table, entry);
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(entry, "flows"), text));
}

static void row_prefix(struct table *table, const json_t *entry) {
	table_cell(table, TABLE_PLAIN, "%s", show_text(entry, "prefix"));
	cell_rates(table, entry);
	cell_bytes(table, entry, "sent_bytes");
	cell_bytes(table, entry, "received_bytes");
}

static void row_application(struct table *table, const json_t *entry) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_PLAIN, "%s", show_text(entry, "application"));
	cell_rates(table, entry);
	table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(entry, "flows"), text));
}

static const struct list_view {
	const char *name;
	const char *heads[TABLE_COLUMNS_MAX];
	void (*row)(struct table *table, const json_t *entry);
} views[] = {
	{"flows",
		{"PROTOCOL", "SOURCE", "DESTINATION", ">BITS", ">PACKETS", ">BYTES", ">FORWARD", ">REVERSE",
			">SINCE START"},
		row_flow},
	{"hosts", {"HOST", ">BITS", ">PACKETS", ">BYTES", ">SENT", ">RECEIVED", ">FLOWS OUT", ">FLOWS IN"}, row_host},
	{"ports", {"PORT", ">BITS", ">PACKETS", ">BYTES", ">NEW FLOWS"}, row_port},
	{"applications", {"APPLICATION", ">BITS", ">PACKETS", ">BYTES", ">NEW FLOWS"}, row_application},
	{"prefixes", {"PREFIX", ">BITS", ">PACKETS", ">BYTES", ">SENT", ">RECEIVED"}, row_prefix},
};

void show_top(const json_t *answer, FILE *file) {
	const struct list_view *view = views;
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		if (strcmp(views[i].name,
			    show_text(answer, json_object_get(answer, "over") != NULL ? "over" : "what")) == 0)
			view = &views[i];
	char bytes[UNITS_SIZE], packets[UNITS_SIZE], count[UNITS_SIZE];
	bool is_exact = json_is_true(json_object_get(answer, "exact"));
	fprintf(file, "top %s of the last %" PRIu64 " s", show_text(answer, "what"), show_number(answer, "window_s"));
	if (is_exact)
		fputc('\n', file);
	else if (show_number(answer, "error") > 0)
		fprintf(file, " (not exact: too low by %s at most)\n",
			units_bytes(show_number(answer, "error"), bytes));
	else
		fputs(" (these are exact; others were left out on the way)\n", file);
	struct table table;
	table_init(&table, view->heads);
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(answer, "entries"), i, entry) view->row(&table, entry);
	table_print(&table, file);
	const json_t *rest = json_object_get(answer, "rest");
	if (show_number(rest, "packets") > 0)
		fprintf(file, "and %s more: %s, %s packets\n", units_count(show_number(rest, "count"), count),
			units_bytes(show_number(rest, "bytes"), bytes),
			units_count(show_number(rest, "packets"), packets));
}

static void format_drops(const json_t *instance, char *out, size_t size) {
	const char *name;
	json_t *value;
	size_t used = 0;
	out[0] = '\0';
	json_object_foreach(json_object_get((json_t *)instance, "drops"), name, value) {
		if (json_integer_value(value) > 0 && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s%s %" PRIu64, used > 0 ? ", " : "", name,
				(uint64_t)json_integer_value(value));
	}
}

// How full the rings into this instance are: the fullest counts.
static void format_rings(const json_t *channels, const json_t *instance, char *out, size_t size) {
	size_t i;
	json_t *channel;
	double fullest = -1;
	json_array_foreach(channels, i, channel) {
		bool is_here =
			json_is_true(json_object_get(channel, "ring")) &&
			json_equal(json_object_get(channel, "pipeline"), json_object_get(instance, "pipeline")) &&
			json_equal(json_object_get(channel, "to"), json_object_get(instance, "operator")) &&
			json_equal(json_object_get(channel, "to_index"), json_object_get(instance, "index"));
		uint64_t ring_size = show_number(channel, "ring_size");
		if (!is_here || ring_size == 0)
			continue;
		double fill = 100.0 * (double)show_number(channel, "ring_used") / (double)ring_size;
		fullest = fill > fullest ? fill : fullest;
	}
	snprintf(out, size, fullest < 0 ? "-" : "%.0f %%", fullest);
}

// How long the tuples took that ended here in the last second.
static void cells_latency(struct table *table, const json_t *instance) {
	static const char *const members[] = {"p50_ns", "p99_ns", "max_ns"};
	const json_t *latency = json_object_get(instance, "latency");
	char text[UNITS_SIZE];
	for (int i = 0; i < 3; i++)
		table_cell(table, TABLE_PLAIN, "%s",
			json_is_object(latency) ? units_duration(show_number(latency, members[i]), text) : "-");
}

static void row_operator(struct table *table, const json_t *node, const json_t *instance) {
	static const char *const counters[] = {"in", "forwarded", "absorbed", "created", "out", "held", NULL};
	char text[TABLE_CELL_SIZE];
	table_cell(table, TABLE_PLAIN, "%s", show_text(node, "name"));
	table_cell(table, TABLE_PLAIN, "%s/%s.%" PRIu64, show_text(instance, "pipeline"),
		show_text(instance, "operator"), show_number(instance, "index"));
	table_cell(table, TABLE_PLAIN, "%" PRIu64, show_number(instance, "worker"));
	for (int i = 0; counters[i] != NULL; i++)
		table_cell(table, TABLE_PLAIN, "%s", units_count(show_number(instance, counters[i]), text));
	uint64_t lost = show_number(instance, "lost_outside");
	table_cell(table, lost > 0 ? TABLE_BAD : TABLE_PLAIN, "%s", units_count(lost, text));
	format_rings(json_object_get(node, "channels"), instance, text, sizeof(text));
	table_cell(table, TABLE_PLAIN, "%s", text);
	cells_latency(table, instance);
	bool holds = json_is_true(json_object_get(instance, "holds"));
	table_cell(table, holds ? TABLE_GOOD : TABLE_BAD, "%s", holds ? "yes" : "NO");
	format_drops(instance, text, sizeof(text));
	table_cell(table, TABLE_PLAIN, "%s", text[0] != '\0' ? text : "-");
}

void show_operators(const json_t *answer, FILE *file) {
	static const char *const heads[] = {"NODE", "INSTANCE", ">WORKER", ">IN", ">FORWARDED", ">ABSORBED", ">CREATED",
		">OUT", ">HELD", ">LOST OUTSIDE", ">RING", ">LATENCY P50", ">P99", ">MAX", "ADDS UP", "DROPS", NULL};
	struct table table;
	table_init(&table, heads);
	size_t n, i;
	json_t *node, *instance;
	json_array_foreach(json_object_get(answer, "nodes"), n, node) json_array_foreach(
		json_object_get(node, "operators"), i, instance) row_operator(&table, node, instance);
	bool is_empty = table.length == 0;
	table_print(&table, file);
	if (is_empty)
		fputs("no node has reported its operators yet\n", file);
}

// Instances are listed operator by operator.
static void count_pipeline(const json_t *instances, const char *pipeline, size_t *operators, size_t *length) {
	size_t i;
	json_t *instance;
	const char *last = "";
	json_array_foreach(instances, i, instance) {
		if (strcmp(show_text(instance, "pipeline"), pipeline) != 0)
			continue;
		*length += 1;
		*operators += strcmp(show_text(instance, "operator"), last) != 0;
		last = show_text(instance, "operator");
	}
}

// What a node says of a pipeline as a whole.
static const json_t *find_pipeline(const json_t *node, const char *name) {
	size_t i;
	json_t *pipeline;
	json_array_foreach(json_object_get(node, "pipelines"), i,
		pipeline) if (strcmp(show_text(pipeline, "pipeline"), name) == 0) return pipeline;
	return NULL;
}

void show_pipelines(const json_t *answer, FILE *file) {
	static const char *const heads[] = {
		"NODE", "PIPELINE", ">OPERATORS", ">INSTANCES", ">LATENCY P50", ">P99", ">MAX", NULL};
	struct table table;
	size_t n, i;
	json_t *node, *instance;
	table_init(&table, heads);
	json_array_foreach(json_object_get(answer, "nodes"), n, node) {
		const json_t *instances = json_object_get(node, "operators");
		const char *last = "";
		json_array_foreach(instances, i, instance) {
			const char *pipeline = show_text(instance, "pipeline");
			size_t operators = 0, length = 0;
			if (strcmp(pipeline, last) == 0)
				continue;
			count_pipeline(instances, pipeline, &operators, &length);
			table_cell(&table, TABLE_BOLD, "%s", show_text(node, "name"));
			table_cell(&table, TABLE_PLAIN, "%s", pipeline);
			table_cell(&table, TABLE_PLAIN, "%zu", operators);
			table_cell(&table, TABLE_PLAIN, "%zu", length);
			cells_latency(&table, find_pipeline(node, pipeline));
			last = pipeline;
		}
	}
	bool is_empty = table.length == 0;
	table_print(&table, file);
	if (is_empty)
		fputs("no node has told of a pipeline yet\n", file);
}

static void row_alert(struct table *table, const json_t *alert, const char *event) {
	char text[UNITS_SIZE];
	uint64_t start_ns = show_number(alert, "start_ns"), end_ns = show_number(alert, "end_ns");
	uint64_t last_ns = end_ns != 0 ? end_ns : show_number(alert, "last_ns");
	table_cell(table, strcmp(event, "active") == 0 ? TABLE_BAD : TABLE_DIM, "%s", event);
	table_cell(table, TABLE_PLAIN, "%s", units_time(start_ns, text));
	table_cell(table, TABLE_PLAIN, "%s", units_duration(last_ns > start_ns ? last_ns - start_ns : 0, text));
	table_cell(table, TABLE_PLAIN, "%s", show_text(alert, "severity"));
	table_cell(table, TABLE_BOLD, "%s", show_text(alert, "rule"));
	table_cell(table, TABLE_PLAIN, "%s", show_text(alert, "subject"));
	table_cell(table, TABLE_PLAIN, "%.5g", show_real(alert, "value"));
	table_cell(table, TABLE_PLAIN, "%.5g", show_real(alert, "threshold"));
	table_cell(table, TABLE_PLAIN, "%s", show_text(alert, "measure"));
	table_cell(table, TABLE_DIM, "%s", show_text(alert, "id"));
}

void show_reload(const json_t *answer, FILE *file) {
	fprintf(file, "reloaded: rules: %" PRIu64 ", keys: %" PRIu64 "\n", show_number(answer, "rules"),
		show_number(answer, "keys"));
}

void show_alerts(const json_t *answer, FILE *file) {
	static const char *const heads[] = {
		"STATE", "SINCE", ">FOR", "SEVERITY", "RULE", "SUBJECT", ">VALUE", ">THRESHOLD", "MEASURE", "ID", NULL};
	struct table table;
	table_init(&table, heads);
	size_t i;
	json_t *alert, *event;
	json_array_foreach(json_object_get(answer, "active"), i, alert) row_alert(&table, alert, "active");
	json_array_foreach(
		json_object_get(answer, "history"), i, event) if (strcmp(show_text(event, "event"), "end") == 0)
		row_alert(&table, json_object_get(event, "alert"), "ended");
	json_array_foreach(json_object_get(answer, "suppressed"), i, event) fprintf(file,
		"rule %s: %" PRIu64 " subjects now and %" PRIu64 " ever without an alert: at most %" PRIu64 "\n",
		show_text(event, "rule"), show_number(event, "now"), show_number(event, "ever"),
		show_number(event, "at_most"));
	if (table.length == 0)
		fputs("no alerts\n", file);
	else
		table_print(&table, file);
}
