// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/topn.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

enum { TOPN_ALLOCATED_MIN = 16 };

// Keys come from the network: where they fall is not for their senders to choose.
static uint64_t topn_seed(void) {
	static uint64_t seed;
	if (seed == 0 && getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = 1;
	return seed;
}

void topn_init(struct topn *topn, size_t max, unsigned score, uint32_t max_mask) {
	*topn = (struct topn){.max = max, .score = score, .max_mask = max_mask};
}

void topn_fini(struct topn *topn) {
	for (size_t i = 0; i < topn->length; i++) {
		free(topn->entries[i].sketch);
		free(topn->entries[i].rtt);
	}
	free(topn->entries);
	free(topn->buckets);
	free(topn->heap);
	topn_init(topn, topn->max, topn->score, topn->max_mask);
}

static uint32_t *topn_bucket(const struct topn *topn, const uint8_t *key) {
	return &topn->buckets[XXH3_64bits_withSeed(key, TOPN_KEY_SIZE, topn_seed()) & (topn->allocated - 1)];
}

static void topn_link(struct topn *topn, uint32_t i) {
	uint32_t *bucket = topn_bucket(topn, topn->entries[i].key);
	topn->entries[i].next = *bucket;
	*bucket = i + 1;
}

static void topn_unlink(struct topn *topn, uint32_t i) {
	uint32_t *link = topn_bucket(topn, topn->entries[i].key);
	while (*link != i + 1)
		link = &topn->entries[*link - 1].next;
	*link = topn->entries[i].next;
}

static bool topn_grow(struct topn *topn) {
	size_t allocated = topn->allocated == 0 ? TOPN_ALLOCATED_MIN : topn->allocated * 2;
	if (allocated > topn->max)
		allocated = topn->max;
	struct topn_entry *entries = realloc(topn->entries, allocated * sizeof(*entries));
	if (entries == NULL)
		return false;
	topn->entries = entries;
	uint32_t *buckets = calloc(allocated, sizeof(*buckets));
	if (buckets == NULL)
		return false;
	free(topn->buckets);
	topn->buckets = buckets;
	topn->allocated = allocated;
	for (uint32_t i = 0; i < topn->length; i++)
		topn_link(topn, i);
	return true;
}

static struct topn_entry *topn_lookup(const struct topn *topn, const uint8_t *key) {
	if (topn->length == 0)
		return NULL;
	for (uint32_t i = *topn_bucket(topn, key); i != 0; i = topn->entries[i - 1].next)
		if (memcmp(topn->entries[i - 1].key, key, TOPN_KEY_SIZE) == 0)
			return &topn->entries[i - 1];
	return NULL;
}

static void topn_leave_out(struct topn *topn, const struct topn_entry *entry) {
	topn_add_rest(topn, &(struct topn_rest){1, entry->values[TOPN_PACKETS], entry->values[TOPN_BYTES]});
}

static void topn_take_sketches(struct topn_entry *entry, const struct topn_entry *from) {
	if (from->sketch != NULL && entry->sketch == NULL)
		entry->sketch = calloc(1, sizeof(*entry->sketch));
	if (from->sketch != NULL && entry->sketch != NULL)
		hll_merge(entry->sketch, from->sketch);
	if (from->rtt != NULL && entry->rtt == NULL)
		entry->rtt = calloc(1, sizeof(*entry->rtt));
	if (from->rtt != NULL && entry->rtt != NULL)
		histogram_merge(entry->rtt, from->rtt);
}

// Score and error: the most that this key may have, as far as it differs between keys.
static int64_t topn_most(const struct topn *topn, uint32_t i) {
	return (int64_t)topn->entries[i].values[topn->score] + topn->entries[i].error;
}

static bool topn_is_less(const struct topn *topn, uint32_t a, uint32_t b) {
	int64_t x = topn_most(topn, a), y = topn_most(topn, b);
	return x != y ? x < y : a < b;
}

static void topn_sink(struct topn *topn, size_t place) {
	uint32_t *heap = topn->heap, moved = heap[place];
	for (size_t child; (child = 2 * place + 1) < topn->length; place = child) {
		if (child + 1 < topn->length && topn_is_less(topn, heap[child + 1], heap[child]))
			child++;
		if (!topn_is_less(topn, heap[child], moved))
			break;
		heap[place] = heap[child];
		topn->entries[heap[place]].place = (uint32_t)place;
	}
	heap[place] = moved;
	topn->entries[moved].place = (uint32_t)place;
}

static void topn_rise(struct topn *topn, size_t place) {
	uint32_t *heap = topn->heap, moved = heap[place];
	for (; place > 0 && topn_is_less(topn, moved, heap[(place - 1) / 2]); place = (place - 1) / 2) {
		heap[place] = heap[(place - 1) / 2];
		topn->entries[heap[place]].place = (uint32_t)place;
	}
	heap[place] = moved;
	topn->entries[moved].place = (uint32_t)place;
}

// Move an entry that has changed to its place in the heap: an error may shrink by more than a score grows.
static void topn_settle(struct topn *topn, const struct topn_entry *entry) {
	if (topn->heap == NULL)
		return;
	topn_rise(topn, entry->place);
	topn_sink(topn, entry->place);
}

static bool topn_make_heap(struct topn *topn) {
	topn->heap = malloc(topn->length * sizeof(*topn->heap));
	if (topn->heap == NULL)
		return false;
	for (uint32_t i = 0; i < topn->length; i++) {
		topn->heap[i] = i;
		topn->entries[i].place = i;
	}
	for (size_t place = topn->length / 2; place > 0; place--)
		topn_sink(topn, place - 1);
	return true;
}

//   return  the index of a free entry, the least one evicted if need be; topn->max: no memory
static size_t topn_make_room(struct topn *topn) {
	if (topn->length < topn->max) {
		if (topn->length == topn->allocated && !topn_grow(topn))
			return topn->max;
		return topn->length++;
	}
	if (topn->heap == NULL && !topn_make_heap(topn))
		return topn->max;
	uint32_t least = topn->heap[0];
	if (topn->evicted < topn_most(topn, least))
		topn->evicted = topn_most(topn, least);
	topn_unlink(topn, least);
	topn_leave_out(topn, &topn->entries[least]);
	free(topn->entries[least].sketch);
	free(topn->entries[least].rtt);
	return least;
}

// Begin an entry; its key may have been in the table before, and made room.
static void topn_begin(struct topn *topn, const struct topn_entry *entry, int64_t error) {
	size_t i = topn_make_room(topn);
	if (i == topn->max) {
		topn_leave_out(topn, entry);
		topn->evicted += (int64_t)entry->values[topn->score];
		return;
	}
	struct topn_entry *new = &topn->entries[i];
	*new = *entry;
	new->error = error + topn->evicted;
	new->place = 0; // where the one was that made room
	new->sketch = NULL;
	new->rtt = NULL;
	topn_take_sketches(new, entry);
	topn_link(topn, (uint32_t)i);
	topn_settle(topn, new);
}

void topn_add_uncertain(struct topn *topn, const struct topn_entry *entry, int64_t error) {
	struct topn_entry *known = topn_lookup(topn, entry->key);
	if (known == NULL) {
		topn_begin(topn, entry, error);
		return;
	}
	for (int i = 0; i < TOPN_VALUES; i++) {
		if ((topn->max_mask >> i & 1) == 0)
			known->values[i] += entry->values[i];
		else if (known->values[i] < entry->values[i])
			known->values[i] = entry->values[i];
	}
	known->error += error;
	topn_settle(topn, known);
	topn_take_sketches(known, entry);
}

void topn_add(struct topn *topn, const struct topn_entry *entry) {
	topn_add_uncertain(topn, entry, 0);
}

// All keys will have been missed by as much (topn_add_missed); this one was not.
void topn_add_listed(struct topn *topn, const struct topn_entry *entry, uint64_t missed) {
	topn_add_uncertain(topn, entry, -(int64_t)missed);
}

void topn_add_missed(struct topn *topn, uint64_t missed) {
	topn->missed += missed;
}

// What bytes entries may have too few is in the remainder, or was hidden with one.
static uint64_t topn_bounded(const struct topn *topn, int64_t error) {
	uint64_t bound = error > 0 ? (uint64_t)error : 0;
	uint64_t left_out = topn->rest.bytes + topn->hidden_bytes;
	return topn->score == TOPN_BYTES && bound > left_out ? left_out : bound;
}

uint64_t topn_absent(const struct topn *topn) {
	return topn_bounded(topn, topn->evicted + (int64_t)topn->missed);
}

uint64_t topn_error(const struct topn *topn, const struct topn_entry *entry) {
	return topn_bounded(topn, entry->error + (int64_t)topn->missed);
}

void topn_add_rest(struct topn *topn, const struct topn_rest *rest) {
	topn->rest.count += rest->count;
	topn->rest.packets += rest->packets;
	topn->rest.bytes += rest->bytes;
}

void topn_merge(struct topn *into, const struct topn *from) {
	uint64_t absent = topn_absent(from);
	for (size_t i = 0; i < from->length; i++)
		topn_add_uncertain(
			into, &from->entries[i], (int64_t)topn_error(from, &from->entries[i]) - (int64_t)absent);
	topn_add_missed(into, absent);
	topn_add_rest(into, &from->rest);
	into->hidden_bytes += from->hidden_bytes;
}

static int topn_compare(const void *a, const void *b, void *value) {
	const struct topn_entry *x = a, *y = b;
	unsigned v = *(unsigned *)value;
	if (x->values[v] != y->values[v])
		return x->values[v] < y->values[v] ? 1 : -1;
	return memcmp(x->key, y->key, TOPN_KEY_SIZE);
}

void topn_sort(struct topn *topn, unsigned value) {
	if (topn->length > 1)
		qsort_r(topn->entries, topn->length, sizeof(*topn->entries), topn_compare, &value);
}
