// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/clock.h"

const char *const history_names[HISTORY_RESOLUTIONS] = {"1s", "1m", "1h"};

const char *const history_time_names[HISTORY_TIMES] = {"tcp_rtt_p50_ns", "tcp_rtt_p95_ns", "tcp_rtt_p99_ns"};
const double history_time_shares[HISTORY_TIMES] = {0.5, 0.95, 0.99};

static const uint64_t pending_max[HISTORY_RESOLUTIONS] = {HISTORY_PENDING_MAX, HISTORY_MINUTES_MAX, HISTORY_HOURS_MAX};
static const uint64_t length_ms[HISTORY_RESOLUTIONS] = {0, 60 * 1000, 3600 * 1000};

int history_new(struct history **out) {
	struct history *history = calloc(1, sizeof(*history));
	if (history == NULL)
		return -ENOMEM;
	for (int i = 0; i < HISTORY_RESOLUTIONS; i++) {
		struct history_level *level = &history->levels[i];
		level->max = pending_max[i];
		level->added = level->stored = level->storing = level->max; // so that an older one can come before
		level->entries = calloc(level->max, sizeof(*level->entries));
		if (level->entries == NULL) {
			history_free(history);
			return -ENOMEM;
		}
	}
	*out = history;
	return 0;
}

void history_free(struct history *history) {
	if (history == NULL)
		return;
	for (int i = 0; i < HISTORY_RESOLUTIONS; i++)
		free(history->levels[i].entries);
	free(history);
}

void history_add_gap(struct history *history, const struct history_gap *gap) {
	struct history_gap *last = history->gaps_length > 0 ? &history->gaps[history->gaps_length - 1] : NULL;
	bool joins =
		last != NULL && history->gaps_length > history->gaps_storing && strcmp(last->reason, gap->reason) == 0;
	if (joins || history->gaps_length == HISTORY_GAPS_MAX) {
		last->to_ms = gap->to_ms;
		return;
	}
	history->gaps[history->gaps_length++] = *gap;
}

static uint64_t greater(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

// Add what an entry tells to the interval it is part of: means are weighted with the time they are of.
static void history_merge(struct history_entry *into, const struct history_entry *from) {
	double covered = (double)(into->covered_ms + from->covered_ms);
	double weight = covered > 0 ? (double)from->covered_ms / covered : 0;
	for (int i = 0; i < HISTORY_RATES; i++) {
		into->rates[i] += weight * (from->rates[i] - into->rates[i]);
		if (from->rates_max[i] > into->rates_max[i])
			into->rates_max[i] = from->rates_max[i];
	}
	into->flows_live += weight * (from->flows_live - into->flows_live);
	into->nodes_up += weight * (from->nodes_up - into->nodes_up);
	into->flows_live_max = greater(into->flows_live_max, from->flows_live_max);
	into->alerts_active_max = greater(into->alerts_active_max, from->alerts_active_max);
	if (into->covered_ms == 0 || from->nodes_up_min < into->nodes_up_min)
		into->nodes_up_min = from->nodes_up_min;
	into->totals = from->totals;
	into->dropped += from->dropped;
	into->tcp_packets += from->tcp_packets;
	into->tcp_retransmitted_packets += from->tcp_retransmitted_packets;
	into->covered_ms += from->covered_ms;
}

static struct history_entry *history_at(struct history_level *level, uint64_t number) {
	return &level->entries[number % level->max];
}

//   return  the entry that had to make room, NULL: none
static const struct history_entry *history_push(struct history_level *level, const struct history_entry *entry) {
	static struct history_entry given_up;
	bool is_full = level->added - level->stored == level->max;
	if (is_full)
		given_up = *history_at(level, level->stored++);
	*history_at(level, level->added++) = *entry;
	return is_full ? &given_up : NULL;
}

static void history_set_times(struct history_entry *entry, const struct histogram *rtt) {
	for (int i = 0; i < HISTORY_TIMES; i++)
		entry->rtt_ns[i] = histogram_quantile(rtt, history_time_shares[i]);
}

static void history_close(struct history_level *level) {
	history_set_times(&level->open, &level->rtt);
	if (level->open.ms != 0)
		history_push(level, &level->open);
	level->open = (struct history_entry){0};
	level->rtt = (struct histogram){.lost_bits = 0};
}

static void history_add_coarse(
	struct history_level *level, const struct history_entry *entry, const struct histogram *rtt, uint64_t size_ms) {
	uint64_t end_ms = (entry->ms + size_ms - 1) / size_ms * size_ms;
	if (level->open.ms != end_ms)
		history_close(level);
	level->open.ms = end_ms;
	history_merge(&level->open, entry);
	histogram_merge(&level->rtt, rtt);
	if (level->open.covered_ms > size_ms)
		level->open.covered_ms = size_ms;
	if (entry->ms == end_ms)
		history_close(level);
}

void history_add(struct history *history, const struct history_entry *entry, const struct histogram *rtt) {
	struct history_level *level = &history->levels[HISTORY_INTERVAL];
	struct history_entry timed = *entry;
	if (entry->ms == level->last_ms)
		return;
	level->last_ms = entry->ms;
	history_set_times(&timed, rtt);
	const struct history_entry *given_up = history_push(level, &timed);
	if (given_up != NULL)
		history_add_gap(history,
			&(struct history_gap){given_up->ms - given_up->covered_ms, given_up->ms, "redis was away"});
	for (int i = HISTORY_MINUTE; i < HISTORY_RESOLUTIONS; i++)
		history_add_coarse(&history->levels[i], entry, rtt, length_ms[i]);
}

uint64_t history_elapsed_ms(const struct history *history, uint64_t ms, uint64_t mono_ns, uint64_t interval_ms) {
	uint64_t last_ms = history->levels[HISTORY_INTERVAL].last_ms;
	uint64_t elapsed_ms = last_ms != 0 && ms > last_ms ? ms - last_ms : interval_ms;
	if (history->noted_mono_ns == 0)
		return elapsed_ms;
	uint64_t mono_ms = (mono_ns - history->noted_mono_ns) / NS_PER_MS;
	bool was_set = elapsed_ms > mono_ms + 2 * interval_ms || mono_ms > elapsed_ms + 2 * interval_ms;
	if (!was_set)
		return elapsed_ms;
	return greater((mono_ms + interval_ms / 2) / interval_ms, 1) * interval_ms;
}

uint64_t history_id(const struct history_entry *entry, uint64_t *last_id_ms) {
	*last_id_ms = entry->ms > *last_id_ms ? entry->ms : *last_id_ms + 1;
	return *last_id_ms;
}

void history_mark_stored(struct history *history) {
	bool has_new = history->levels[HISTORY_INTERVAL].storing > history->levels[HISTORY_INTERVAL].stored;
	for (int i = 0; i < HISTORY_RESOLUTIONS; i++) {
		struct history_level *level = &history->levels[i];
		if (level->storing <= level->stored) // given up meanwhile, or nothing new
			continue;
		level->stored = level->storing;
		level->last_id_ms = level->storing_id_ms;
	}
	history->gaps_after += history->gaps_storing;
	history->gaps_length -= history->gaps_storing;
	memmove(history->gaps, history->gaps + history->gaps_storing, history->gaps_length * sizeof(history->gaps[0]));
	history->gaps_storing = 0;
	if (has_new)
		history->gaps_after = 0;
}

// Members of the entry that is open, and where they are kept.
static const char *const rate_names[HISTORY_RATES] = {"packets_per_s", "bits_per_s", "flows_per_s"};
static const char *const rate_max_names[HISTORY_RATES] = {"packets_per_s_max", "bits_per_s_max", "flows_per_s_max"};

static json_t *entry_to_json(const struct history_entry *entry) {
	json_t *object = totals_to_json(&entry->totals);
	for (int i = 0; i < HISTORY_RATES; i++) {
		json_object_set_new(object, rate_names[i], json_real(entry->rates[i]));
		json_object_set_new(object, rate_max_names[i], json_real(entry->rates_max[i]));
	}
	json_object_set_new(object, "flows_live", json_real(entry->flows_live));
	json_object_set_new(object, "nodes_up", json_real(entry->nodes_up));
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {{"end_ms", entry->ms}, {"covered_ms", entry->covered_ms},
		{"flows_live_max", entry->flows_live_max}, {"nodes_up_min", entry->nodes_up_min},
		{"alerts_active_max", entry->alerts_active_max}, {"dropped", entry->dropped},
		{"interval_tcp_packets", entry->tcp_packets},
		{"interval_tcp_retransmitted_packets", entry->tcp_retransmitted_packets}};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		json_object_set_new(object, numbers[i].name, json_integer((json_int_t)numbers[i].value));
	for (int i = 0; i < HISTORY_TIMES; i++)
		json_object_set_new(object, history_time_names[i], json_integer((json_int_t)entry->rtt_ns[i]));
	return object;
}

// Round-trip times as they are in messages, in hexadecimal.
static json_t *times_to_json(const struct histogram *rtt) {
	static const char digits[] = "0123456789abcdef";
	uint8_t packed[HISTOGRAM_PACKED_MAX];
	char text[2 * HISTOGRAM_PACKED_MAX];
	size_t size = histogram_pack(rtt, HISTOGRAM_RESOLUTION_MAX, packed, sizeof(packed));
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[packed[i] >> 4];
		text[2 * i + 1] = digits[packed[i] & 15];
	}
	return json_stringn(text, 2 * size);
}

static void times_from_json(const json_t *value, struct histogram *out) {
	const char *text = json_string_value(value);
	uint8_t packed[HISTOGRAM_PACKED_MAX];
	size_t size = 0;
	for (; text != NULL && size < sizeof(packed) && text[2 * size] != '\0'; size++)
		if (sscanf(text + 2 * size, "%2hhx", &packed[size]) != 1)
			return;
	*out = (struct histogram){.lost_bits = 0};
	if (size > 0 && histogram_merge_packed(out, packed, size) != 0)
		*out = (struct histogram){.lost_bits = 0};
}

static uint64_t member(const json_t *object, const char *name) {
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static void entry_from_json(const json_t *object, struct history_entry *out) {
	*out = (struct history_entry){.ms = member(object, "end_ms"),
		.covered_ms = member(object, "covered_ms"),
		.flows_live = json_number_value(json_object_get(object, "flows_live")),
		.nodes_up = json_number_value(json_object_get(object, "nodes_up")),
		.flows_live_max = member(object, "flows_live_max"),
		.nodes_up_min = member(object, "nodes_up_min"),
		.alerts_active_max = member(object, "alerts_active_max"),
		.dropped = member(object, "dropped"),
		.tcp_packets = member(object, "interval_tcp_packets"),
		.tcp_retransmitted_packets = member(object, "interval_tcp_retransmitted_packets")};
	totals_from_json(object, &out->totals);
	for (int i = 0; i < HISTORY_RATES; i++) {
		out->rates[i] = json_number_value(json_object_get(object, rate_names[i]));
		out->rates_max[i] = json_number_value(json_object_get(object, rate_max_names[i]));
	}
	for (int i = 0; i < HISTORY_TIMES; i++)
		out->rtt_ns[i] = member(object, history_time_names[i]);
}

json_t *history_open_to_json(const struct history_level *level) {
	// What is on its way will be stored together with this.
	json_t *object = json_pack("{sI sI}", "last_ms", (json_int_t)level->last_ms, "last_id_ms",
		(json_int_t)(level->storing > level->stored ? level->storing_id_ms : level->last_id_ms));
	if (level->open.ms == 0)
		return object;
	struct history_entry open = level->open;
	history_set_times(&open, &level->rtt);
	json_object_set_new(object, "open", entry_to_json(&open));
	json_object_set_new(object, "rtt", times_to_json(&level->rtt));
	return object;
}

void history_restore(struct history_level *level, const json_t *object) {
	struct history_entry open;
	struct histogram rtt = {.lost_bits = 0};
	entry_from_json(json_object_get(object, "open"), &open);
	times_from_json(json_object_get(object, "rtt"), &rtt);
	level->last_id_ms = greater(level->last_id_ms, member(object, "last_id_ms"));
	if (level->last_ms == 0)
		level->last_ms = member(object, "last_ms");
	if (open.ms == 0)
		return;
	bool is_pending = level->added > level->stored;
	struct history_entry *next = is_pending ? history_at(level, level->stored) : &level->open;
	if (next->ms == 0 || next->ms == open.ms) {
		struct history_entry own = *next;
		*next = open;
		if (own.ms != 0)
			history_merge(next, &own);
		if (!is_pending)
			histogram_merge(&level->rtt, &rtt);
	} else if (level->stored > 0 && level->added - level->stored < level->max) {
		*history_at(level, --level->stored) = open;
		level->storing = level->stored;
	}
}
