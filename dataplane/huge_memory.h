// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Large tables outside the EAL heap: address space is taken at start, pages when they are first touched, so that a
// generous bound costs a small input nothing. Huge pages from the kernel's pool where they suffice, else transparent
// ones.
#pragma once

#include <stddef.h>

// Map `size` bytes of zeroes, aligned to a page at least.
//   return  NULL: the kernel refused
void *huge_memory_new(size_t size);
// The same for what no snapshot has a use for (frames, buffers): a process made by fork does not have it.
void *huge_memory_new_unsaved(size_t size);
// The same size as was asked for. NULL is fine.
void huge_memory_free(void *memory, size_t size);

// Visit all mappings but those that are not for snapshots.
//   size    whole pages
//   thread  any, one at a time, while none is taken or freed
typedef void huge_memory_visit(void *context, void *memory, size_t size);
void huge_memory_walk(huge_memory_visit *visit, void *context);
