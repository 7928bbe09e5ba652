// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/history.h"

#include <string.h>

uint64_t history_last_ms(const struct history *history) {
	return history->added > 0 ? history->entries[(history->added - 1) % HISTORY_PENDING_MAX].ms : 0;
}

void history_add_gap(struct history *history, const struct history_gap *gap) {
	struct history_gap *last = history->gaps_length > 0 ? &history->gaps[history->gaps_length - 1] : NULL;
	bool joins = last != NULL && strcmp(last->reason, gap->reason) == 0;
	if (joins || history->gaps_length == HISTORY_GAPS_MAX) {
		last->to_ms = gap->to_ms;
		last->id_ms = gap->id_ms;
		return;
	}
	history->gaps[history->gaps_length++] = *gap;
}

void history_add(struct history *history, const struct history_entry *entry) {
	if (entry->ms <= history_last_ms(history) || entry->ms <= history->last_stored_ms)
		return;
	if (history->added - history->stored == HISTORY_PENDING_MAX) {
		uint64_t ms = history->entries[history->stored++ % HISTORY_PENDING_MAX].ms;
		history_add_gap(history, &(struct history_gap){ms, ms, ms, "redis was away"});
	}
	history->entries[history->added++ % HISTORY_PENDING_MAX] = *entry;
}

void history_mark_stored(struct history *history, uint64_t added, size_t gaps) {
	if (added > history->stored) {
		if (history->first_ms == 0)
			history->first_ms = history->entries[history->stored % HISTORY_PENDING_MAX].ms;
		history->stored = added;
		history->last_stored_ms = history->entries[(added - 1) % HISTORY_PENDING_MAX].ms;
	}
	history->gaps_length -= gaps;
	memmove(history->gaps, history->gaps + gaps, history->gaps_length * sizeof(history->gaps[0]));
}
