// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/waiting_tuples.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/huge_memory.h"

static size_t slab_size(const struct waiting_tuples *waiting) {
	return ((size_t)waiting->pool.capacity + 1) * waiting->stride;
}

int waiting_tuples_init(struct waiting_tuples *waiting, uint64_t capacity, size_t body_size, unsigned parts) {
	waiting->stride = (sizeof(struct waiting) + body_size + 15) / 16 * 16;
	int ret = index_pool_init(&waiting->pool, (uint32_t)capacity, parts);
	if (ret != 0)
		return ret;
	waiting->caches = calloc(parts, sizeof(*waiting->caches));
	waiting->slab = huge_memory_new(slab_size(waiting));
	return waiting->caches != NULL && waiting->slab != NULL ? 0 : -ENOMEM;
}

void waiting_tuples_fini(struct waiting_tuples *waiting) {
	huge_memory_free(waiting->slab, slab_size(waiting));
	index_pool_fini(&waiting->pool);
	free(waiting->caches);
	waiting->slab = NULL;
	waiting->caches = NULL;
}

uint32_t waiting_tuples_take(struct waiting_tuples *waiting, unsigned part, uint64_t time_ns) {
	uint32_t number = index_take(&waiting->pool, &waiting->caches[part]);
	if (number != 0)
		*waiting_at(waiting, number) = (struct waiting){.time_ns = time_ns};
	return number;
}

void waiting_tuples_give(struct waiting_tuples *waiting, unsigned part, uint32_t number) {
	index_give(&waiting->pool, &waiting->caches[part], number);
}

void waiting_tuples_leave_part(struct waiting_tuples *waiting, unsigned part) {
	index_pool_leave(&waiting->pool, &waiting->caches[part]);
}

void waiting_lists_add(
	const struct waiting_tuples *waiting, struct waiting_lists *lists, unsigned side, uint32_t number) {
	waiting_at(waiting, number)->next = lists->heads[side];
	lists->heads[side] = number;
	lists->counts[side]++;
}

void waiting_lists_append(const struct waiting_tuples *waiting, struct waiting_lists *lists, unsigned side,
	uint32_t last, uint32_t number) {
	*(last != 0 ? &waiting_at(waiting, last)->next : &lists->heads[side]) = number;
	lists->counts[side]++;
}

uint64_t waiting_lists_earliest_ns(const struct waiting_tuples *waiting, const struct waiting_lists *lists) {
	uint64_t earliest_ns = UINT64_MAX;
	for (unsigned side = 0; side < WAITING_SIDES; side++)
		for (uint32_t number = lists->heads[side]; number != 0;) {
			const struct waiting *one = waiting_at(waiting, number);
			earliest_ns = one->time_ns < earliest_ns ? one->time_ns : earliest_ns;
			number = one->next;
		}
	return earliest_ns;
}

static unsigned forget(
	struct waiting_tuples *waiting, unsigned part, struct waiting_lists *lists, unsigned side, uint64_t before_ns) {
	uint32_t *link = &lists->heads[side];
	unsigned count = 0;
	while (*link != 0) {
		struct waiting *one = waiting_at(waiting, *link);
		if (one->time_ns >= before_ns) {
			link = &one->next;
			continue;
		}
		uint32_t number = *link;
		*link = one->next;
		waiting_tuples_give(waiting, part, number);
		count++;
	}
	lists->counts[side] -= count;
	return count;
}

unsigned waiting_lists_forget(
	struct waiting_tuples *waiting, unsigned part, struct waiting_lists *lists, uint64_t before_ns) {
	return forget(waiting, part, lists, 0, before_ns) + forget(waiting, part, lists, 1, before_ns);
}
