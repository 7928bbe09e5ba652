// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A copy of the process's tables (huge_memory.h) for a process made by fork, in place of pages that both share until
// one writes. Sharing looks cheaper, and is not where tables are written all over: each first write is a fault that
// copies 4 KB, also where pages are huge, several times the cost of copying the same in one go; all of them come in the
// first moments after the fork, and leave the tables in small pages. The process whose tables are copied has none of
// that: it waits for the copy, and goes on as before.
//
//   thread  one, while no table is taken or freed
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct memory_part;

struct memory_copy {
	struct memory_part *parts; // [count]
	unsigned count;
	int pagemap; // of the kernel, which pages there are
};

// Take the memory for copies, and touch it, slowly: who works on this CPU has most of it. Tables that would exceed the
// limit, by what is touched of them, or for which there is no memory, are left to be shared; the smallest come first.
//   limit  bytes of all copies
void memory_copy_init(struct memory_copy *copy, size_t limit);
// Copy, while nobody writes to any table. The next fork makes the process that has the copies.
void memory_copy_make(struct memory_copy *copy);
// In that process: have the copies where the tables were.
//   return  false: the kernel refused, the tables are not to be looked at
bool memory_copy_enter(const struct memory_copy *copy);
// In the one that goes on: give the memory back. Zeroed is fine.
void memory_copy_fini(struct memory_copy *copy);
