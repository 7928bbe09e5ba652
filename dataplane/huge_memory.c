// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Anonymous mappings in huge pages (see huge_memory.h).
#include "dataplane/huge_memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE_SIZE = 4 << 10, HUGE_PAGE_SIZE = 2 << 20 };

// What was mapped for snapshots too.
struct mapping {
	struct mapping *next;
	void *memory;
	size_t size;
};

static struct mapping *mappings;
static pthread_mutex_t mappings_lock = PTHREAD_MUTEX_INITIALIZER;

// Whole huge pages, so that the size unmapped is the size mapped whichever kind it was.
static size_t mapped_size(size_t size) {
	size_t page_size = size < HUGE_PAGE_SIZE ? PAGE_SIZE : HUGE_PAGE_SIZE;
	return (size + page_size - 1) & ~(page_size - 1);
}

// A mapping that starts on a huge page: map one page more and give the ends back.
static void *map_aligned(size_t size) {
	uint8_t *start = mmap(NULL, size + HUGE_PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return NULL;
	size_t before = -(uintptr_t)start & (HUGE_PAGE_SIZE - 1);
	if (before > 0)
		munmap(start, before);
	munmap(start + before + size, HUGE_PAGE_SIZE - before);
	madvise(start + before, size, MADV_HUGEPAGE); // refused where the kernel has none: small pages serve too
	return start + before;
}

//   size  as mapped
static void *map(size_t size) {
	int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	if (size < HUGE_PAGE_SIZE) {
		void *memory = mmap(NULL, size, protection, flags, -1, 0);
		return memory == MAP_FAILED ? NULL : memory;
	}
	void *memory = mmap(NULL, size, protection, flags | MAP_HUGETLB, -1, 0);
	return memory == MAP_FAILED ? map_aligned(size) : memory;
}

void *huge_memory_new(size_t size) {
	struct mapping *mapping = malloc(sizeof(*mapping));
	if (mapping == NULL)
		return NULL;
	*mapping = (struct mapping){.memory = map(mapped_size(size)), .size = mapped_size(size)};
	if (mapping->memory == NULL) {
		free(mapping);
		return NULL;
	}
	pthread_mutex_lock(&mappings_lock);
	mapping->next = mappings;
	mappings = mapping;
	pthread_mutex_unlock(&mappings_lock);
	return mapping->memory;
}

void *huge_memory_new_unsaved(size_t size) {
	void *memory = map(mapped_size(size));
	if (memory != NULL)
		madvise(memory, mapped_size(size), MADV_DONTFORK); // refused: it is copied as all else
	return memory;
}

static void forget(const void *memory) {
	pthread_mutex_lock(&mappings_lock);
	struct mapping **link = &mappings;
	while (*link != NULL && (*link)->memory != memory)
		link = &(*link)->next;
	struct mapping *found = *link;
	if (found != NULL)
		*link = found->next;
	pthread_mutex_unlock(&mappings_lock);
	free(found);
}

void huge_memory_free(void *memory, size_t size) {
	if (memory == NULL)
		return;
	forget(memory);
	munmap(memory, mapped_size(size));
}

void huge_memory_walk(huge_memory_visit *visit, void *context) {
	for (const struct mapping *mapping = mappings; mapping != NULL; mapping = mapping->next)
		visit(context, mapping->memory, mapping->size);
}
