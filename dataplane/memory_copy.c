// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/memory_copy.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "dataplane/huge_memory.h"
#include "dataplane/operator.h"

enum {
	PAGE_SIZE = 4 << 10,
	TOUCHED_AT_ONCE = 1 << 20,
	REST_FACTOR = 4, // times as long as it works
	REST_MAX_NS = 100 * 1000 * 1000,
	RESTS_MAX = 2, // seconds, of all together: nothing else changes meanwhile
	LOOKED_AT_ONCE = 4096,
	PAGEMAP_USED = 62, // from this bit on: in swap, in memory
};

struct memory_part {
	uint8_t *memory, *copy;
	size_t size, used;
	bool *pages; // [size / PAGE_SIZE] whether there is one
};

// A part's next pages in a row that are there.
struct run {
	size_t at, size;
};

static bool next_run(const struct memory_part *part, struct run *run) {
	const size_t count = part->size / PAGE_SIZE;
	size_t from = (run->at + run->size) / PAGE_SIZE;
	while (from < count && !part->pages[from])
		from++;
	size_t end = from;
	while (end < count && part->pages[end])
		end++;
	*run = (struct run){from * PAGE_SIZE, (end - from) * PAGE_SIZE};
	return run->size > 0;
}

// Which pages there are, also those in swap, of which mincore would say that they are not. Where the kernel does not
// tell: all.
static void look_up(int pagemap, const struct memory_part *part) {
	const size_t count = part->size / PAGE_SIZE, first = (uintptr_t)part->memory / PAGE_SIZE;
	uint64_t entries[LOOKED_AT_ONCE];
	for (size_t at = 0; at < count;) {
		const size_t some = RTE_MIN(count - at, (size_t)LOOKED_AT_ONCE), size = some * sizeof(*entries);
		if (pread(pagemap, entries, size, (off_t)((first + at) * sizeof(*entries))) != (ssize_t)size) {
			memset(part->pages, true, count);
			return;
		}
		for (size_t i = 0; i < some; i++)
			part->pages[at++] = entries[i] >> PAGEMAP_USED != 0;
	}
}

static void look(int pagemap, struct memory_part *part) {
	look_up(pagemap, part);
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
	*part = (struct memory_part){.memory = memory, .size = size, .pages = malloc(size / PAGE_SIZE * sizeof(bool))};
	if (part->pages == NULL)
		return;
	copy->count++;
	look(copy->pagemap, part);
}

static int compare_used(const void *a, const void *b) {
	const struct memory_part *one = a, *other = b;
	return (one->used > other->used) - (one->used < other->used);
}

static void drop_last(struct memory_copy *copy) {
	free(copy->parts[--copy->count].pages);
}

//   rests_ns  for all rests that are to come, less what these took
static void touch(uint8_t *memory, size_t size, uint64_t *rests_ns) {
	for (size_t at = 0; at < size;) {
		const uint64_t begun_ns = clock_monotonic_ns();
		const size_t end = size - at < TOUCHED_AT_ONCE ? size : at + TOUCHED_AT_ONCE;
		for (; at < end; at += PAGE_SIZE)
			*(volatile uint8_t *)(memory + at) = 0;
		uint64_t rest_ns = RTE_MIN((clock_monotonic_ns() - begun_ns) * REST_FACTOR, (uint64_t)REST_MAX_NS);
		rest_ns = RTE_MIN(rest_ns, *rests_ns);
		*rests_ns -= rest_ns;
		nanosleep(&(struct timespec){.tv_nsec = (long)rest_ns}, NULL);
	}
}

// None of the kernel's pool of huge pages: it may be needed for what is written to meanwhile, and such memory can't
// be moved by every kernel.
static bool take_memory(struct memory_part *part, uint64_t *rests_ns) {
	void *memory =
		mmap(NULL, part->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	madvise(memory, part->size, MADV_HUGEPAGE);
	part->copy = memory;
	for (struct run run = {0}; next_run(part, &run);)
		touch(part->copy + run.at, run.size, rests_ns);
	return true;
}

void memory_copy_init(struct memory_copy *copy, size_t limit) {
	unsigned taken = 0;
	uint64_t rests_ns = RESTS_MAX * UINT64_C(1000000000);
	*copy = (struct memory_copy){.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
	huge_memory_walk(add_part, copy);
	if (copy->count > 0)
		qsort(copy->parts, copy->count, sizeof(*copy->parts), compare_used);
	for (size_t left = limit; taken < copy->count && copy->parts[taken].used <= left; taken++) {
		left -= copy->parts[taken].used;
		if (!take_memory(&copy->parts[taken], &rests_ns))
			break;
	}
	while (copy->count > taken)
		drop_last(copy);
}

// Past the caches: they go on having what the workers need, and no line of the copy is fetched to be overwritten.
//   to, from  [size] whole pages
#ifdef __SSE2__
static void copy_pages(uint8_t *to, const uint8_t *from, size_t size) {
	enum { VECTORS = 4 }; // a cache line
	for (size_t at = 0; at < size; at += VECTORS * sizeof(__m128i)) {
		__m128i line[VECTORS];
		memcpy(line, from + at, sizeof(line));
		for (unsigned i = 0; i < VECTORS; i++)
			_mm_stream_si128((__m128i *)(to + at) + i, line[i]);
	}
	_mm_sfence();
}
#else
static void copy_pages(uint8_t *to, const uint8_t *from, size_t size) {
	memcpy(to, from, size);
}
#endif

void memory_copy_make(struct memory_copy *copy) {
	for (unsigned i = 0; i < copy->count; i++) {
		struct memory_part *part = &copy->parts[i];
		look(copy->pagemap, part);
		for (struct run run = {0}; next_run(part, &run);)
			copy_pages(part->copy + run.at, part->memory + run.at, run.size);
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
		munmap(copy->parts[i].copy, copy->parts[i].size);
	}
	while (copy->count > 0)
		drop_last(copy);
	free(copy->parts);
	if (copy->pagemap > 0)
		close(copy->pagemap);
	*copy = (struct memory_copy){0};
}
