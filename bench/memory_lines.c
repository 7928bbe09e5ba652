// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What one line at a random place costs to read and write, by how much memory the places lie in and by the size of the
// pages: the part of a packet's cost that no code can take away. 16 lines are on their way at any time, as in the data
// plane. One JSON object a line; pages that the kernel does not have are left out.
//
//   memory_lines [MEGABYTES]...   (default: 32 256 1024 2048 3072 6144)
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
	LINE_SIZE = 64,
	AHEAD = 16,
	TOUCHES = 1 << 22,
	PASSES = 9, // the best counts: the others had company
};

static const struct {
	const char *name;
	int flags, advice;
} pages[] = {
	{"4 kB", 0, MADV_NOHUGEPAGE},
	{"2 MB", 0, MADV_HUGEPAGE},
	{"1 GB", MAP_HUGETLB | 30 << MAP_HUGE_SHIFT, MADV_NORMAL},
};

static double now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

// splitmix64, scaled to [0, bound)
static uint64_t random_below(uint64_t *state, uint64_t bound) {
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint64_t)((__uint128_t)(z ^ z >> 31) * bound >> 64);
}

static double touch_ns(char *memory, size_t size) {
	uint64_t state = 1, *places[AHEAD];
	for (size_t i = 0; i < AHEAD; i++)
		places[i] = (uint64_t *)memory;
	double start_ns = now_ns();
	for (size_t i = 0; i < TOUCHES; i++) {
		uint64_t **place = &places[i % AHEAD];
		++**place;
		*place = (uint64_t *)(memory + random_below(&state, size / LINE_SIZE) * LINE_SIZE);
		__builtin_prefetch(*place, 1);
	}
	return (now_ns() - start_ns) / TOUCHES;
}

static int measure(size_t megabytes, size_t which) {
	size_t size = megabytes << 20, page = pages[which].flags != 0 ? 1UL << 30 : 1UL << 21;
	size_t mapped = (size + page - 1) / page * page;
	char *memory =
		mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | pages[which].flags, -1, 0);
	if (memory == MAP_FAILED)
		return pages[which].flags != 0 ? 0 : -errno;
	madvise(memory, mapped, pages[which].advice);
	memset(memory, 1, size);
	double best = touch_ns(memory, size);
	for (int i = 1; i < PASSES; i++) {
		double ns = touch_ns(memory, size);
		best = ns < best ? ns : best;
	}
	printf("{\"megabytes\": %zu, \"pages\": \"%s\", \"ns\": %.1f}\n", megabytes, pages[which].name, best);
	fflush(stdout);
	munmap(memory, mapped);
	return 0;
}

int main(int argc, char **argv) {
	char *defaults[] = {"32", "256", "1024", "2048", "3072", "6144"};
	char **words = argc > 1 ? argv + 1 : defaults;
	size_t length = argc > 1 ? (size_t)argc - 1 : sizeof(defaults) / sizeof(*defaults);
	for (size_t i = 0; i < length; i++) {
		char *end;
		unsigned long megabytes = strtoul(words[i], &end, 10);
		if (*end != '\0' || megabytes == 0 || megabytes > 1 << 20) {
			fprintf(stderr, "memory_lines: \"%s\": expected 1..%d megabytes\n", words[i], 1 << 20);
			return 2;
		}
		for (size_t which = 0; which < sizeof(pages) / sizeof(*pages); which++) {
			int err = measure(megabytes, which);
			if (err != 0) {
				fprintf(stderr, "memory_lines: %lu MB: %s\n", megabytes, strerror(-err));
				return EXIT_FAILURE;
			}
		}
	}
	return EXIT_SUCCESS;
}
