// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// `weirctl channels`, and what `weirctl explain CHANNEL` says of one.
#include <inttypes.h>

#include "ctrlplane/units.h"
#include "ctrlplane/weirctl_show.h"
#include "ctrlplane/weirctl_table.h"

// null: no limit, or not known
static void cell_rate(struct table *table, const json_t *object, const char *name, const char *otherwise) {
	char text[UNITS_SIZE];
	if (json_is_number(json_object_get(object, name)))
		table_cell(table, TABLE_PLAIN, "%s",
			units_rate(json_number_value(json_object_get(object, name)), "bit/s", text));
	else
		table_cell(table, TABLE_DIM, "%s", otherwise);
}

static void cell_share(struct table *table, const json_t *object, const char *name) {
	const json_t *share = json_object_get(object, name);
	if (json_is_number(share))
		table_cell(table, json_number_value(share) < 0.999 ? TABLE_BAD : TABLE_PLAIN, "%.0f %%",
			100 * json_number_value(share));
	else
		table_cell(table, TABLE_DIM, "-");
}

static void row_channel(struct table *table, const json_t *channel) {
	const char *bottleneck = show_text(channel, "bottleneck");
	table_cell(table, TABLE_BOLD, "%s", show_text(channel, "channel"));
	table_cell(table, TABLE_PLAIN, "%s", show_text(channel, "from_node"));
	table_cell(table, TABLE_PLAIN, "%s", show_text(channel, "to_node"));
	cell_rate(table, channel, "offered_bps", "-");
	cell_rate(table, channel, "rate_bps", "any");
	cell_share(table, channel, "share");
	cell_rate(table, channel, "fair_bps", "-");
	cell_share(table, channel, "fair_share");
	table_cell(table, TABLE_PLAIN, "%s", bottleneck[0] != '\0' ? bottleneck : "-");
}

static void row_link(struct table *table, const json_t *link) {
	char text[UNITS_SIZE];
	table_cell(table, TABLE_BOLD, "%s", show_text(link, "link"));
	cell_rate(table, link, "capacity_bps", "not known");
	table_cell(table, TABLE_PLAIN, "%s", units_rate(show_real(link, "allocated_bps"), "bit/s", text));
	table_cell(table, TABLE_PLAIN, "%" PRIu64, show_number(link, "channels"));
	table_cell(table, TABLE_PLAIN, "%.3g", show_real(link, "price_per_mbit"));
}

void show_channels(const json_t *answer, FILE *file) {
	static const char *const channels[] = {
		"CHANNEL", "FROM", "TO", ">OFFERED", ">RATE", ">SHARE", ">TCP", ">SHARE", "BOTTLENECK", NULL};
	static const char *const links[] = {"LINK", ">CAPACITY", ">ALLOCATED", ">CHANNELS", ">PRICE PER MBIT/S", NULL};
	struct table table;
	size_t i;
	json_t *item;
	if (json_array_size(json_object_get(answer, "channels")) == 0) {
		fputs("no node reports a channel to another node\n", file);
		return;
	}
	if (show_text(answer, "error")[0] != '\0')
		fprintf(file, "%s: the last rates stay\n\n", show_text(answer, "error"));
	table_init(&table, links);
	json_array_foreach(json_object_get(answer, "links"), i, item) row_link(&table, item);
	table_print(&table, file);
	fputc('\n', file);
	table_init(&table, channels);
	json_array_foreach(json_object_get(answer, "channels"), i, item) row_channel(&table, item);
	table_print(&table, file);
}

static void show_queue(const json_t *channel, const char *side, const char *begin, const char *end, FILE *file) {
	char before[UNITS_SIZE], after[UNITS_SIZE];
	if (json_is_integer(json_object_get(channel, begin)))
		fprintf(file, "%s queue: %s, then %s\n", side, units_bytes(show_number(channel, begin), before),
			units_bytes(show_number(channel, end), after));
}

void show_channel(const json_t *channel, FILE *file) {
	static const char *const heads[] = {
		"CHANNEL", "FROM", "TO", ">OFFERED", ">RATE", ">SHARE", ">TCP", ">SHARE", "BOTTLENECK", NULL};
	struct table table;
	table_init(&table, heads);
	row_channel(&table, channel);
	table_print(&table, file);
	show_queue(channel, "sender's", "sender_begin_bytes", "sender_end_bytes", file);
	show_queue(channel, "receiver's", "receiver_begin_bytes", "receiver_end_bytes", file);
	if (show_text(channel, "text")[0] != '\0')
		fprintf(file, "%s.\n", show_text(channel, "text"));
}
