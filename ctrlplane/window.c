// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct window_slot {
	uint64_t number; // of the interval: event time / interval_ns; 0: empty
	struct window_sums sums;
	struct window_times *times; // NULL: none
	struct topn lists[LISTS];
};

struct window {
	uint32_t length;
	uint64_t interval_ns;
	uint64_t first, newest;  // interval numbers; 0: none yet
	uint64_t newest_mono_ns; // when the newest was first seen
	unsigned late;           // summaries in a row
	struct window_slot slots[];
};

int window_new(struct window **out, uint32_t slots, uint64_t interval_ns, size_t entries) {
	struct window *window = calloc(1, sizeof(*window) + slots * sizeof(window->slots[0]));
	if (window == NULL)
		return -ENOMEM;
	window->length = slots;
	window->interval_ns = interval_ns;
	for (uint32_t i = 0; i < slots; i++)
		for (int kind = 0; kind < LISTS; kind++)
			list_init(&window->slots[i].lists[kind], (enum list_kind)kind, entries);
	*out = window;
	return 0;
}

static void window_clear(struct window_slot *slot) {
	slot->number = 0;
	slot->sums = (struct window_sums){.repeated_packets = 0};
	free(slot->times);
	slot->times = NULL;
	for (int kind = 0; kind < LISTS; kind++)
		topn_fini(&slot->lists[kind]);
}

void window_restart(struct window *window) {
	for (uint32_t i = 0; i < window->length; i++)
		window_clear(&window->slots[i]);
	window->first = window->newest = 0;
	window->late = 0;
}

void window_free(struct window *window) {
	if (window == NULL)
		return;
	window_restart(window);
	free(window);
}

static void window_add_times(struct window_slot *slot, const Weir__Summary *summary) {
	if (summary->rtt.len + summary->handshake.len == 0)
		return;
	if (slot->times == NULL)
		slot->times = calloc(1, sizeof(*slot->times));
	if (slot->times == NULL)
		return;
	// What is no histogram is not counted.
	histogram_merge_packed(&slot->times->rtt, summary->rtt.data, summary->rtt.len);
	histogram_merge_packed(&slot->times->handshake, summary->handshake.data, summary->handshake.len);
}

bool window_add(
	struct window *window, const Weir__Summary *summary, const struct window_repeats *repeats, uint64_t mono_ns) {
	// An interval that ends at 10.0 s holds what came before: it is interval 9.
	uint64_t number = (summary->end_ns > 0 ? summary->end_ns - 1 : 0) / window->interval_ns + 1;
	if (number + window->length <= window->newest && ++window->late < WINDOW_LATE_MAX)
		return false;
	if (window->late == WINDOW_LATE_MAX)
		window_restart(window);
	window->late = 0;
	struct window_slot *slot = &window->slots[number % window->length];
	if (slot->number != number) {
		window_clear(slot);
		slot->number = number;
	}
	if (number > window->newest) {
		window->newest = number;
		window->newest_mono_ns = mono_ns;
	}
	if (window->first == 0 || number < window->first)
		window->first = number;
	struct totals totals;
	totals_from_message(summary->interval, &totals);
	totals_add(&slot->sums.totals, &totals);
	if (repeats != NULL) {
		slot->sums.repeated_packets += repeats->packets;
		slot->sums.repeated_bytes += repeats->bytes;
	}
	window_add_times(slot, summary);
	lists_add_summary(slot->lists, summary, repeats != NULL ? repeats->flows : NULL);
	return true;
}

uint64_t window_newest(const struct window *window) {
	return window->newest;
}

// The newest interval at this moment: the next summary is due one interval after the last, so the first is free.
static uint64_t window_now(const struct window *window, uint64_t mono_ns) {
	uint64_t silent =
		mono_ns > window->newest_mono_ns ? (mono_ns - window->newest_mono_ns) / window->interval_ns : 0;
	return window->newest + (silent > 0 ? silent - 1 : 0);
}

static const struct window_slot *window_slot(const struct window *window, uint64_t number) {
	const struct window_slot *slot = &window->slots[number % window->length];
	return number > 0 && slot->number == number ? slot : NULL;
}

uint32_t window_known(const struct window *window, uint32_t length, uint64_t mono_ns) {
	uint64_t now = window->newest > 0 ? window_now(window, mono_ns) : 0;
	uint32_t known = 0;
	for (uint32_t i = 0; i < length && i < window->length && i < now; i++)
		known += window_slot(window, now - i) != NULL;
	return known;
}

void window_merge(
	const struct window *window, enum list_kind kind, uint32_t length, struct topn *into, uint64_t mono_ns) {
	uint64_t now = window_now(window, mono_ns);
	for (uint32_t i = 0; i < length && i < window->length && i < now; i++) {
		const struct window_slot *slot = window_slot(window, now - i);
		if (slot != NULL)
			topn_merge(into, &slot->lists[kind]);
	}
}

void window_times(const struct window *window, uint32_t length, uint64_t mono_ns, struct window_times *into) {
	uint64_t now = window_now(window, mono_ns);
	for (uint32_t i = 0; i < length && i < window->length && i < now; i++) {
		const struct window_slot *slot = window_slot(window, now - i);
		if (slot == NULL || slot->times == NULL)
			continue;
		histogram_merge(&into->rtt, &slot->times->rtt);
		histogram_merge(&into->handshake, &slot->times->handshake);
	}
}

uint32_t window_totals(const struct window *window, uint32_t length, uint64_t mono_ns, struct window_sums *out) {
	*out = (struct window_sums){.repeated_packets = 0};
	if (window->newest == 0)
		return 1;
	uint64_t now = window_now(window, mono_ns);
	for (uint32_t i = 0; i < length && i < window->length && i < now; i++) {
		const struct window_slot *slot = window_slot(window, now - i);
		if (slot == NULL)
			continue;
		totals_add(&out->totals, &slot->sums.totals);
		out->repeated_packets += slot->sums.repeated_packets;
		out->repeated_bytes += slot->sums.repeated_bytes;
	}
	uint64_t age = now - window->first + 1;
	return age < length ? (uint32_t)age : length;
}
