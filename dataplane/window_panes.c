// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Panes and windows (see window_panes.h).
#include "dataplane/window_panes.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/huge_memory.h"

static struct window_pane *newest(const struct window_panes *panes, uint32_t record) {
	return keyed_table_value(panes->table, record);
}

static struct window_pane *pane_at(const struct window_panes *panes, uint32_t number) {
	return (struct window_pane *)(panes->slab + number * panes->stride);
}

static struct window_pane *older_than(const struct window_panes *panes, const struct window_pane *pane) {
	return pane->next != 0 ? pane_at(panes, pane->next) : NULL;
}

static size_t slab_size(const struct window_panes *panes) {
	return ((size_t)panes->pool.capacity + 1) * panes->stride;
}

int window_panes_init(struct window_panes *panes, struct keyed_table_shape *shape, uint64_t older) {
	panes->state_offset = panes->shape.kind == WINDOW_TUMBLING ? offsetof(struct window_pane, last_ns)
								   : sizeof(struct window_pane);
	panes->pane_size = panes->state_offset + panes->aggregates->size;
	panes->stride = (panes->pane_size + 15) / 16 * 16;
	shape->value_size = panes->pane_size;
	if (older < 1 || older > KEYED_TABLE_CAPACITY_MAX)
		return -EINVAL;
	int error = keyed_table_new(&panes->table, shape);
	if (error == 0)
		error = index_pool_init(&panes->pool, (uint32_t)older, shape->parts);
	if (error != 0)
		return error;
	panes->caches = calloc(shape->parts, sizeof(*panes->caches));
	panes->slab = huge_memory_new(slab_size(panes));
	return panes->caches != NULL && panes->slab != NULL ? 0 : -ENOMEM;
}

void window_panes_fini(struct window_panes *panes) {
	keyed_table_free(panes->table);
	huge_memory_free(panes->slab, slab_size(panes));
	index_pool_fini(&panes->pool);
	free(panes->caches);
	panes->table = NULL;
	panes->slab = NULL;
	panes->caches = NULL;
}

void window_panes_leave_part(struct window_panes *panes, unsigned part) {
	index_pool_leave(&panes->pool, &panes->caches[part]);
	keyed_table_leave_part(panes->table, part);
}

static void begin_pane(const struct window_panes *panes, struct window_pane *pane, uint64_t start_ns) {
	pane->start_ns = start_ns;
	pane->length = 0;
	if (panes->shape.kind == WINDOW_SESSION || panes->shape.kind == WINDOW_COUNT)
		pane->last_ns = start_ns;
	memset(window_pane_state(panes, pane), 0, panes->aggregates->size);
}

// Put a pane of the slab behind another one.
//   return  NULL: none is left
static struct window_pane *add_behind(
	struct window_panes *panes, unsigned part, struct window_pane *newer, uint64_t start_ns) {
	uint32_t number = index_take(&panes->pool, &panes->caches[part]);
	if (number == 0)
		return NULL;
	struct window_pane *pane = pane_at(panes, number);
	begin_pane(panes, pane, start_ns);
	pane->next = newer->next;
	newer->next = number;
	return pane;
}

// The key's newest pane becomes an older one, to make room in the record.
static struct window_pane *add_newest(
	struct window_panes *panes, unsigned part, struct window_pane *first, uint64_t start_ns) {
	struct window_pane *copy = add_behind(panes, part, first, 0);
	if (copy == NULL)
		return NULL;
	uint32_t next = copy->next, number = first->next;
	memcpy(copy, first, panes->pane_size);
	copy->next = next;
	begin_pane(panes, first, start_ns);
	first->next = number;
	return first;
}

static void remove_behind(struct window_panes *panes, unsigned part, struct window_pane *newer) {
	uint32_t number = newer->next;
	newer->next = pane_at(panes, number)->next;
	index_give(&panes->pool, &panes->caches[part], number);
}

static struct window_pane *pane_of_time(
	struct window_panes *panes, unsigned part, struct window_pane *pane, uint64_t start_ns) {
	if (start_ns > pane->start_ns)
		return add_newest(panes, part, pane, start_ns);
	struct window_pane *older = pane;
	while (older != NULL && start_ns < older->start_ns) {
		pane = older;
		older = older_than(panes, older);
	}
	if (older != NULL && older->start_ns == start_ns)
		return older;
	return add_behind(panes, part, pane, start_ns);
}

// Join the pane behind `newer` to it: they turned out to be one session.
static void join_older(struct window_panes *panes, unsigned part, struct window_pane *newer) {
	struct window_pane *older = older_than(panes, newer);
	newer->start_ns = older->start_ns;
	newer->last_ns = older->last_ns > newer->last_ns ? older->last_ns : newer->last_ns;
	aggregates_merge(panes->aggregates, window_pane_state(panes, newer), window_pane_state(panes, older));
	remove_behind(panes, part, newer);
}

static struct window_pane *session_of(
	struct window_panes *panes, unsigned part, struct window_pane *pane, uint64_t time_ns) {
	const uint64_t gap_ns = panes->shape.gap_ns;
	if (time_ns >= pane->last_ns + gap_ns)
		return add_newest(panes, part, pane, time_ns);
	// The youngest session that did not begin after it, and the one before which it comes.
	struct window_pane *newer = NULL;
	while (pane != NULL && time_ns < pane->start_ns) {
		newer = pane;
		pane = older_than(panes, pane);
	}
	bool in_older = pane != NULL && time_ns < pane->last_ns + gap_ns;
	bool in_newer = newer != NULL && newer->start_ns - time_ns < gap_ns;
	if (in_older) {
		pane->last_ns = time_ns > pane->last_ns ? time_ns : pane->last_ns;
		if (in_newer)
			join_older(panes, part, newer);
		return in_newer ? newer : pane;
	}
	if (!in_newer)
		return add_behind(panes, part, newer, time_ns);
	newer->start_ns = time_ns;
	return newer;
}

static struct window_pane *pane_by_count(
	struct window_panes *panes, unsigned part, struct window_pane *pane, uint64_t time_ns) {
	if (pane->length == panes->shape.slide && add_newest(panes, part, pane, time_ns) == NULL)
		return NULL;
	if (pane->length++ == 0)
		pane->start_ns = time_ns;
	pane->last_ns = time_ns;
	return pane;
}

struct window_pane *window_panes_at(
	struct window_panes *panes, unsigned part, uint32_t record, uint64_t start_ns, bool is_new) {
	struct window_pane *pane = newest(panes, record);
	if (is_new)
		begin_pane(panes, pane, start_ns);
	switch (panes->shape.kind) {
	case WINDOW_SESSION:
		return session_of(panes, part, pane, start_ns);
	case WINDOW_COUNT:
		return pane_by_count(panes, part, pane, start_ns);
	default:
		return pane->start_ns == start_ns ? pane : pane_of_time(panes, part, pane, start_ns);
	}
}

static const struct window_pane *oldest(const struct window_panes *panes, const struct window_pane *pane) {
	while (pane->next != 0)
		pane = pane_at(panes, pane->next);
	return pane;
}

// Where the earliest window of a key ends.
static uint64_t next_end_ns(const struct window_panes *panes, const struct window_pane *first) {
	const struct window_shape *shape = &panes->shape;
	uint64_t end_ns = oldest(panes, first)->start_ns + shape->slide_ns;
	if (shape->kind == WINDOW_SLIDING && first->last_ns + shape->slide_ns > end_ns)
		end_ns = first->last_ns + shape->slide_ns;
	return end_ns;
}

uint64_t window_panes_deadline_ns(const void *owner, uint32_t record) {
	const struct window_panes *panes = owner;
	const struct window_shape *shape = &panes->shape;
	const struct window_pane *first = newest(panes, record);
	if (shape->kind == WINDOW_COUNT)
		return UINT64_MAX;
	if (shape->kind == WINDOW_SESSION)
		return oldest(panes, first)->last_ns + shape->gap_ns + shape->lateness_ns;
	return next_end_ns(panes, first) + shape->lateness_ns;
}

// Remove the panes of a key that began before a time.
//   return  true if any is left
static bool remove_before(struct window_panes *panes, unsigned part, struct window_pane *first, uint64_t start_ns) {
	struct window_pane *pane = first;
	while (pane->next != 0) {
		struct window_pane *older = older_than(panes, pane);
		if (older->start_ns < start_ns)
			remove_behind(panes, part, pane);
		else
			pane = older;
	}
	return first->start_ns >= start_ns;
}

// Merge the panes that began in [from_ns, end_ns), the oldest first: they are few, and floating point sums depend on
// the order.
static void merge_between(
	const struct window_panes *panes, struct window_pane *pane, uint64_t from_ns, uint64_t end_ns, void *state) {
	struct window_pane *older = older_than(panes, pane);
	if (older != NULL && older->start_ns >= from_ns)
		merge_between(panes, older, from_ns, end_ns, state);
	if (pane->start_ns >= from_ns && pane->start_ns < end_ns)
		aggregates_merge(panes->aggregates, state, window_pane_state(panes, pane));
}

bool window_panes_take_at(
	struct window_panes *panes, unsigned part, uint32_t record, uint64_t end_ns, struct window_result *result) {
	const struct window_shape *shape = &panes->shape;
	struct window_pane *first = newest(panes, record);
	memset(result->state, 0, panes->aggregates->size);
	result->end_ns = end_ns;
	result->start_ns = end_ns > shape->size_ns ? end_ns - shape->size_ns : 0;
	merge_between(panes, first, result->start_ns, end_ns, result->state);
	if (shape->kind == WINDOW_SLIDING)
		first->last_ns = end_ns;
	// What the next window does not cover; near time 0 windows begin before it.
	uint64_t next_ns = end_ns + shape->slide_ns;
	return remove_before(panes, part, first, next_ns > shape->size_ns ? next_ns - shape->size_ns : 0);
}

static bool take_session(
	struct window_panes *panes, unsigned part, struct window_pane *first, struct window_result *result) {
	struct window_pane *pane = first, *newer = NULL;
	while (pane->next != 0) {
		newer = pane;
		pane = pane_at(panes, pane->next);
	}
	result->start_ns = pane->start_ns;
	result->end_ns = pane->last_ns + panes->shape.gap_ns;
	memcpy(result->state, window_pane_state(panes, pane), panes->aggregates->size);
	if (newer != NULL)
		remove_behind(panes, part, newer);
	return newer != NULL;
}

// What it has now; the panes that the next window will still have stay.
static bool take_by_count(
	struct window_panes *panes, unsigned part, struct window_pane *first, struct window_result *result) {
	uint64_t kept = panes->shape.size / panes->shape.slide - 1, behind = 0;
	result->start_ns = oldest(panes, first)->start_ns;
	result->end_ns = first->last_ns;
	merge_between(panes, first, 0, UINT64_MAX, result->state);
	if (kept == 0) {
		begin_pane(panes, first, first->last_ns);
		return true;
	}
	struct window_pane *pane = first;
	while (pane->next != 0 && ++behind < kept)
		pane = pane_at(panes, pane->next);
	while (pane->next != 0)
		remove_behind(panes, part, pane);
	return true;
}

bool window_panes_take(struct window_panes *panes, unsigned part, uint32_t record, struct window_result *result) {
	struct window_pane *first = newest(panes, record);
	if (panes->shape.kind <= WINDOW_SLIDING)
		return window_panes_take_at(panes, part, record, next_end_ns(panes, first), result);
	memset(result->state, 0, panes->aggregates->size);
	if (panes->shape.kind == WINDOW_SESSION)
		return take_session(panes, part, first, result);
	return take_by_count(panes, part, first, result);
}

static void save_older(const void *owner, uint32_t record, struct state_writer *writer) {
	const struct window_panes *panes = owner;
	for (const struct window_pane *pane = newest(panes, record); (pane = older_than(panes, pane)) != NULL;)
		state_put(writer, STATE_PANE, pane, panes->pane_size);
}

void window_panes_save(const struct window_panes *panes, struct state_writer *writer) {
	const struct keyed_saving saving = {save_older, panes};
	keyed_state_save(panes->table, writer, &saving);
}

// Whether a pane of a snapshot can be one of a key's: what comes after it goes by their order and their number.
//   newer  the one before it; NULL: it is the key's newest
static bool is_sound(
	const struct window_panes_restoring *at, const struct window_pane *pane, const struct window_pane *newer) {
	const struct window_shape *shape = &at->panes->shape;
	const uint64_t start_ns = pane->start_ns;
	switch (shape->kind) {
	case WINDOW_SESSION:
		return start_ns <= pane->last_ns &&
		       (newer == NULL ||
			       (pane->last_ns <= newer->start_ns && newer->start_ns - pane->last_ns >= shape->gap_ns));
	case WINDOW_COUNT:
		return pane->length <= shape->slide && at->count < shape->size / shape->slide;
	default:
		if (start_ns % shape->slide_ns != 0)
			return false;
		if (newer != NULL)
			return start_ns < newer->start_ns;
		return shape->kind != WINDOW_SLIDING || pane->last_ns <= start_ns ||
		       pane->last_ns - start_ns <= shape->size_ns;
	}
}

uint32_t window_panes_restore(struct window_panes_restoring *restoring, const struct state_item *item) {
	struct window_panes *panes = restoring->panes;
	uint32_t record = UINT32_MAX;
	struct window_pane *newer = NULL, *pane;
	if (item->kind != STATE_PANE) {
		record = keyed_state_restore_key(panes->table, item);
		restoring->count = 0;
		pane = record != 0 ? newest(panes, record) : NULL;
	} else {
		newer = restoring->last;
		pane = newer != NULL && item->size == panes->pane_size ? add_behind(panes, 0, newer, 0) : NULL;
		if (pane != NULL)
			memcpy(pane, item->data, panes->pane_size);
	}
	restoring->last = pane;
	if (pane == NULL)
		return 0;
	pane->next = 0;
	if (!is_sound(restoring, pane, newer))
		return 0;
	restoring->count++;
	return record;
}
