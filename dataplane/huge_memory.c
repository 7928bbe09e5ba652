// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Anonymous mappings in huge pages (see huge_memory.h).
#include "dataplane/huge_memory.h"

#include <stdint.h>
#include <sys/mman.h>

enum { HUGE_PAGE_SIZE = 2 << 20 };

// Whole huge pages, so that the size unmapped is the size mapped whichever kind it was.
static size_t mapped_size(size_t size) {
	return size < HUGE_PAGE_SIZE ? size : (size + HUGE_PAGE_SIZE - 1) & ~(size_t)(HUGE_PAGE_SIZE - 1);
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

void *huge_memory_new(size_t size) {
	size = mapped_size(size);
	int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	if (size < HUGE_PAGE_SIZE) {
		void *memory = mmap(NULL, size, protection, flags, -1, 0);
		return memory == MAP_FAILED ? NULL : memory;
	}
	void *memory = mmap(NULL, size, protection, flags | MAP_HUGETLB, -1, 0);
	return memory == MAP_FAILED ? map_aligned(size) : memory;
}

void huge_memory_free(void *memory, size_t size) {
	if (memory != NULL)
		munmap(memory, mapped_size(size));
}
