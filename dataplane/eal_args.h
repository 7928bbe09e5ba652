// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The EAL's arguments: those the user wrote, those of the configuration, or a set that works without root, huge pages
// or knowledge of DPDK.
#pragma once

#include "dataplane/option.h"

enum { EAL_ARGS_MAX = 96 };

struct eal_args {
	int count;
	char *values[EAL_ARGS_MAX + 1]; // ends with NULL; point to what they were made from, to constants or in here
	char memory_mb[16], lcore[16];
};

// Compose the arguments.
//   given       [given_count] from the command line before `--`; given_count < 0: there was no `--`
//   configured  `eal:` of the configuration; used where nothing was given
//   return      0, or -E2BIG
int eal_args_compose(struct eal_args *args, char *const *given, int given_count, const struct option_list *configured);

// One worker, on the last CPU that the process may use: for a capture file of which nothing else is known. What one
// reader reads is counted faster on its own CPU than handed over to another.
//   return  0, or -E2BIG
int eal_args_append_lcore(struct eal_args *args);

// For --check: only what decides the number of lcores, so that nothing but threads comes up.
int eal_args_keep_lcores(struct eal_args *args);

// Without huge pages the EAL takes 64 MB, which serve the pools of a few workers; ask for more where there are many. It
// is address space until it is used.
//   return  0, or -E2BIG
int eal_args_append_memory(struct eal_args *args, unsigned workers);
