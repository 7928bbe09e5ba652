// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The histories: an entry of each per interval, what of them goes to Redis with a transaction, and where an earlier
// controller left off.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctrlplane/aggregate.h"
#include "api/clock.h"
#include "ctrlplane/store.h"
#include "ctrlplane/store_parts.h"

// What was told since the entry before, of a node and then of all: the rates of all are the sums of the nodes'.
static void note_interval(struct history_entry *entry, const struct unnoted *unnoted, uint64_t elapsed_ms) {
	const uint64_t *grew = unnoted->totals.v;
	double per_s = 1000.0 / (double)elapsed_ms;
	entry->tcp_packets += grew[TOTALS_TCP_PACKETS];
	entry->tcp_retransmitted_packets += grew[TOTALS_TCP_RETRANSMITTED_PACKETS];
	entry->rates[HISTORY_PACKETS_PER_S] += per_s * (double)grew[TOTALS_PACKETS];
	entry->rates[HISTORY_BITS_PER_S] += per_s * 8 * (double)grew[TOTALS_BYTES];
	entry->rates[HISTORY_FLOWS_PER_S] += per_s * (double)grew[TOTALS_FLOWS_STARTED];
	memcpy(entry->rates_max, entry->rates, sizeof(entry->rates_max));
}

// What a node dropped since it was last looked at. Of one that ran before this controller did, the past is not known.
static uint64_t note_dropped(struct node *node) {
	struct history *history = node->history;
	if (node->operators == NULL)
		return 0;
	uint64_t now = node_counted(node, "dropped") + node_counted(node, "lost_outside"), before = history->dropped;
	bool is_same = history->dropped_of == node->incarnation;
	history->dropped = now;
	history->dropped_of = node->incarnation;
	if (!is_same)
		return node->had_controller ? 0 : now;
	return now > before ? now - before : 0;
}

//   whole  what the node adds to it; its end is set
static void note_node(struct node *node, struct history_entry *whole, struct histogram *rtt, uint64_t mono_ns) {
	struct history *history = node->history;
	struct history_entry entry = {.ms = whole->ms, .covered_ms = whole->covered_ms};
	bool is_same = history->noted_of == node->incarnation;
	uint64_t elapsed_ms =
		is_same ? history_elapsed_ms(history, entry.ms, mono_ns, entry.covered_ms) : entry.covered_ms;
	node_totals(node, &entry.totals);
	note_interval(&entry, &node->unnoted, elapsed_ms);
	note_interval(whole, &node->unnoted, elapsed_ms);
	entry.dropped = note_dropped(node);
	entry.flows_live_max = node_flows_live(node);
	entry.flows_live = (double)entry.flows_live_max;
	history_add(history, &entry, &node->unnoted.rtt);
	history->noted_mono_ns = mono_ns;
	history->noted_of = node->incarnation;
	histogram_merge(rtt, &node->unnoted.rtt);
	node->unnoted = (struct unnoted){.summaries = 0};
	whole->dropped += entry.dropped;
	whole->flows_live_max += entry.flows_live_max;
}

void store_note_interval(struct store *store, uint64_t wall_ns, uint64_t mono_ns) {
	struct state *state = store->state;
	uint64_t interval_ns = state->config.interval_ns;
	struct history_entry whole = {.ms = wall_ns / interval_ns * interval_ns / NS_PER_MS,
		.covered_ms = interval_ns / NS_PER_MS,
		.alerts_active_max = state->alerts.active_length};
	struct histogram rtt = {.lost_bits = 0};
	if (store->endpoint.kind == REDIS_NONE || whole.ms == store->history->levels[HISTORY_INTERVAL].last_ms)
		return;
	for (size_t i = 0; i < state->nodes.length; i++) {
		struct node *node = state->nodes.list[i];
		bool is_up = node->state == NODE_UP;
		whole.nodes_up_min += is_up;
		// Of one that an earlier controller knew, nothing is known until it is here; the last that one told
		// before it ended is noted.
		if ((is_up && node->commands.size > 0) || node->unnoted.summaries > 0)
			note_node(node, &whole, &rtt, mono_ns);
	}
	note_interval(&whole, &state->nodes.departed_unnoted, whole.covered_ms);
	histogram_merge(&rtt, &state->nodes.departed_unnoted.rtt);
	state->nodes.departed_unnoted = (struct unnoted){.summaries = 0};
	whole.flows_live = (double)whole.flows_live_max;
	whole.nodes_up = (double)whole.nodes_up_min;
	aggregate_totals(&state->nodes, &whole.totals);
	history_add(store->history, &whole, &rtt);
}

// A history being written.
struct writing {
	struct store_command *command;
	char prefix[NODE_NAME_SIZE + 16]; // of its keys: "" or "node:NAME:"
	bool is_whole;                    // of all nodes
	unsigned keep_s;                  // 0: for ever
	uint64_t entries_max;             // in this transaction, at each resolution
};

static void save_real(struct store_command *command, const char *name, double value) {
	store_word(command, "%s", name);
	store_word(command, "%.6g", value);
}

static void save_means(const struct writing *writing, const struct history_entry *entry) {
	struct store_command *command = writing->command;
	save_real(command, "packets_per_s_max", entry->rates_max[HISTORY_PACKETS_PER_S]);
	save_real(command, "bits_per_s_max", entry->rates_max[HISTORY_BITS_PER_S]);
	save_real(command, "flows_per_s_max", entry->rates_max[HISTORY_FLOWS_PER_S]);
	store_number(command, "covered_ms", entry->covered_ms);
	save_real(command, "flows_live", entry->flows_live);
	store_number(command, "flows_live_max", entry->flows_live_max);
	if (!writing->is_whole)
		return;
	save_real(command, "nodes_up", entry->nodes_up);
	store_number(command, "nodes_up_min", entry->nodes_up_min);
	store_number(command, "alerts_active_max", entry->alerts_active_max);
}

static void save_entry(const struct writing *writing, const struct history_entry *entry, bool is_mean) {
	struct store_command *command = writing->command;
	json_t *totals = totals_to_json(&entry->totals);
	store_members(command, "", totals);
	json_decref(totals);
	save_real(command, "packets_per_s", entry->rates[HISTORY_PACKETS_PER_S]);
	save_real(command, "bits_per_s", entry->rates[HISTORY_BITS_PER_S]);
	save_real(command, "flows_per_s", entry->rates[HISTORY_FLOWS_PER_S]);
	store_number(command, "dropped", entry->dropped);
	for (int i = 0; i < HISTORY_TIMES; i++)
		if (entry->rtt_ns[i] > 0)
			store_number(command, history_time_names[i], entry->rtt_ns[i]);
	if (entry->tcp_packets > 0)
		save_real(command, "tcp_retransmitted_share",
			(double)entry->tcp_retransmitted_packets / (double)entry->tcp_packets);
	if (is_mean) {
		save_means(writing, entry);
		return;
	}
	store_number(command, "flows_live", entry->flows_live_max);
	if (!writing->is_whole)
		return;
	store_number(command, "nodes_up", entry->nodes_up_min);
	store_number(command, "alerts_active", entry->alerts_active_max);
}

static void save_level(const struct writing *writing, struct history_level *level, const char *name, uint32_t length) {
	char key[NODE_NAME_SIZE + 32];
	snprintf(key, sizeof(key), "%shistory%s", writing->prefix, name);
	level->storing = level->stored;
	level->storing_id_ms = level->last_id_ms;
	uint64_t end = level->stored + writing->entries_max;
	for (; level->storing < level->added && level->storing < end; level->storing++) {
		const struct history_entry *entry = &level->entries[level->storing % level->max];
		uint64_t id_ms = history_id(entry, &level->storing_id_ms);
		store_start_entry(writing->command, key, length, id_ms, 0);
		save_entry(writing, entry, name[0] != '\0');
		if (id_ms != entry->ms)
			store_number(writing->command, "time_ms", entry->ms);
		store_command_end(writing->command);
	}
	if (level->storing > level->stored && writing->keep_s > 0)
		store_save_expiry(writing->command, key, writing->keep_s);
}

static void save_open(const struct writing *writing, const struct history *history) {
	char key[NODE_NAME_SIZE + 32];
	snprintf(key, sizeof(key), "%shistory:open", writing->prefix);
	store_word(writing->command, "HSET");
	store_word(writing->command, STORE_KEY "%s", key);
	for (int i = 0; i < HISTORY_RESOLUTIONS; i++) {
		json_t *value = history_open_to_json(&history->levels[i]);
		store_word(writing->command, "%s", history_names[i]);
		store_json(writing->command, value);
		json_decref(value);
	}
	store_command_end(writing->command);
	if (writing->keep_s > 0)
		store_save_expiry(writing->command, key, writing->keep_s);
}

static void save_gaps(struct store_command *command, struct history *history, uint32_t length) {
	uint64_t after_ms = history->levels[HISTORY_INTERVAL].last_id_ms;
	history->gaps_storing = history->gaps_length;
	for (size_t i = 0; i < history->gaps_length; i++) {
		const struct history_gap *gap = &history->gaps[i];
		store_start_entry(command, "history", length, after_ms, history->gaps_after + i + 1);
		store_number(command, "gap_from_ms", gap->from_ms);
		store_number(command, "gap_to_ms", gap->to_ms);
		store_word(command, "reason");
		store_word(command, "%s", gap->reason);
		store_command_end(command);
	}
}

static void save_history(const struct writing *writing, const struct config *config, struct history *history) {
	const uint32_t lengths[HISTORY_RESOLUTIONS] = {
		config->history_length, config->history_minutes, config->history_hours};
	static const char *const names[HISTORY_RESOLUTIONS] = {"", ":1m", ":1h"};
	bool is_new = false;
	for (int i = 0; i < HISTORY_RESOLUTIONS; i++) {
		save_level(writing, &history->levels[i], names[i], lengths[i]);
		is_new = is_new || history->levels[i].storing > history->levels[i].stored;
	}
	if (is_new)
		save_open(writing, history);
}

void store_save_histories(struct store_command *command, struct store *store) {
	struct state *state = store->state;
	struct history *history = store->history;
	struct history_level *level = &history->levels[HISTORY_INTERVAL];
	// What a long absence of Redis left waiting goes there bit by bit, evenly.
	uint64_t share = STORE_ENTRIES_MAX / (state->nodes.length + 1);
	uint64_t entries_max = share > STORE_ENTRIES_MIN ? share : STORE_ENTRIES_MIN;
	save_gaps(command, history, state->config.history_length);
	save_history(&(struct writing){.command = command, .is_whole = true, .entries_max = entries_max},
		&state->config, history);
	if (history->first_ms == 0)
		history->first_ms = level->storing > level->stored ? level->entries[level->stored % level->max].ms : 0;
	for (size_t i = 0; i < state->nodes.length; i++) {
		struct node *node = state->nodes.list[i];
		struct writing writing = {.command = command, .keep_s = STORE_NODE_KEEP_S, .entries_max = entries_max};
		snprintf(writing.prefix, sizeof(writing.prefix), "node:%s:", node->name);
		save_history(&writing, &state->config, node->history);
	}
}

void store_mark_histories(struct store *store) {
	struct nodes *nodes = &store->state->nodes;
	history_mark_stored(store->history);
	for (size_t i = 0; i < nodes->length; i++)
		history_mark_stored(nodes->list[i]->history);
}

void store_take_open(struct history *history, const redisReply *reply) {
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
		const char *name = reply->element[i]->str, *text = reply->element[i + 1]->str;
		json_t *value = text != NULL ? json_loads(text, 0, NULL) : NULL;
		for (int r = 0; value != NULL && name != NULL && r < HISTORY_RESOLUTIONS; r++)
			if (strcmp(name, history_names[r]) == 0)
				history_restore(&history->levels[r], value);
		json_decref(value);
	}
}
