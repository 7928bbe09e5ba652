// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/memory_copy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dataplane/huge_memory.h"
#include "dataplane/operator.h"

enum {
	PAGE_SIZE = 4 << 10,
	TOUCHED_AT_ONCE = 1 << 20,
	REST_FACTOR = 4, // times as long as it works
	REST_MAX_NS = 100 * 1000 * 1000,
};

struct memory_part {
	uint8_t *memory, *copy;
	size_t size, used;
	uint8_t *pages; // [size / PAGE_SIZE] whether there is one
};

// A part's next pages in a row that are there.
struct run {
	size_t at, size;
};

static bool next_run(const struct memory_part *part, struct run *run) {
	const size_t count = part->size / PAGE_SIZE;
	size_t from = (run->at + run->size) / PAGE_SIZE;
	while (from < count && (part->pages[from] & 1) == 0)
		from++;
	size_t end = from;
	while (end < count && (part->pages[end] & 1) != 0)
		end++;
	*run = (struct run){from * PAGE_SIZE, (end - from) * PAGE_SIZE};
	return run->size > 0;
}

static void look(struct memory_part *part) {
	if (mincore(part->memory, part->size, part->pages) != 0)
		memset(part->pages, 1, part->size / PAGE_SIZE);
	part->used = 0;
	for (struct run run = {0}; next_run(part, &run);)
		part->used += run.size;
}

static void add_part(void *context, void *memory, size_t size) {
	struct memory_copy *copy = context;
	struct memory_part *parts = realloc(copy->parts, (copy->count + 1) * sizeof(*parts));
	if (parts == NULL)
		return;
	copy->parts = parts;
	struct memory_part *part = &parts[copy->count];
	*part = (struct memory_part){.memory = memory, .size = size, .pages = malloc(size / PAGE_SIZE)};
	if (part->pages == NULL)
		return;
	copy->count++;
	look(part);
}

static int compare_used(const void *a, const void *b) {
	const struct memory_part *one = a, *other = b;
	return (one->used > other->used) - (one->used < other->used);
}

static void drop_last(struct memory_copy *copy) {
	free(copy->parts[--copy->count].pages);
}

static void touch(uint8_t *memory, size_t size) {
	for (size_t at = 0; at < size;) {
		const uint64_t begun_ns = clock_monotonic_ns();
		const size_t end = size - at < TOUCHED_AT_ONCE ? size : at + TOUCHED_AT_ONCE;
		for (; at < end; at += PAGE_SIZE)
			*(volatile uint8_t *)(memory + at) = 0;
		const uint64_t rest_ns = (clock_monotonic_ns() - begun_ns) * REST_FACTOR;
		nanosleep(&(struct timespec){.tv_nsec = (long)RTE_MIN(rest_ns, (uint64_t)REST_MAX_NS)}, NULL);
	}
}

static bool take_memory(struct memory_part *part) {
	part->copy = huge_memory_new(part->size);
	for (struct run run = {0}; part->copy != NULL && next_run(part, &run);)
		touch(part->copy + run.at, run.size);
	return part->copy != NULL;
}

void memory_copy_init(struct memory_copy *copy, size_t limit) {
	unsigned taken = 0;
	*copy = (struct memory_copy){0};
	huge_memory_walk(add_part, copy);
	if (copy->count > 0)
		qsort(copy->parts, copy->count, sizeof(*copy->parts), compare_used);
	for (size_t left = limit; taken < copy->count && copy->parts[taken].used <= left; taken++) {
		left -= copy->parts[taken].used;
		if (!take_memory(&copy->parts[taken]))
			break;
	}
	while (copy->count > taken)
		drop_last(copy);
}

void memory_copy_make(struct memory_copy *copy) {
	for (unsigned i = 0; i < copy->count; i++) {
		struct memory_part *part = &copy->parts[i];
		look(part);
		for (struct run run = {0}; next_run(part, &run);)
			memcpy(part->copy + run.at, part->memory + run.at, run.size);
		madvise(part->memory, part->size, MADV_DONTFORK);
	}
}

bool memory_copy_enter(const struct memory_copy *copy) {
	bool is_there = true;
	for (unsigned i = 0; i < copy->count; i++) {
		const struct memory_part *part = &copy->parts[i];
		is_there &= mremap(part->copy, part->size, part->size, MREMAP_MAYMOVE | MREMAP_FIXED, part->memory) ==
			    part->memory;
	}
	return is_there;
}

void memory_copy_fini(struct memory_copy *copy) {
	for (unsigned i = 0; i < copy->count; i++) {
		madvise(copy->parts[i].memory, copy->parts[i].size, MADV_DOFORK);
		huge_memory_free(copy->parts[i].copy, copy->parts[i].size);
	}
	while (copy->count > 0)
		drop_last(copy);
	free(copy->parts);
	*copy = (struct memory_copy){0};
}
