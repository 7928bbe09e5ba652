// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/eal_args.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <rte_config.h>

static char program_name[] = "weir-dataplane";
static char *const without_huge_pages[] = {"--no-huge", "--no-shconf", "--no-pci", "--log-level=error"};
static char *const with_huge_pages[] = {"--in-memory", "--no-pci", "--log-level=error"};
static char no_shconf[] = "--no-shconf";
static char memory_option[] = "-m", lcores_option[] = "--lcores";

enum { FEW_WORKERS = 8, MEMORY_MB = 64, MEMORY_MB_PER_WORKER = 4 };

static int append(struct eal_args *args, char *value) {
	if (args->count == EAL_ARGS_MAX)
		return -E2BIG;
	args->values[args->count++] = value;
	args->values[args->count] = NULL;
	return 0;
}

int eal_args_append_memory(struct eal_args *args, unsigned workers) {
	if (workers <= FEW_WORKERS)
		return 0;
	snprintf(args->memory_mb, sizeof(args->memory_mb), "%u", MEMORY_MB + workers * MEMORY_MB_PER_WORKER);
	int rc = append(args, memory_option);
	return rc == 0 ? append(args, args->memory_mb) : rc;
}

int eal_args_append_lcore(struct eal_args *args) {
	cpu_set_t cpus;
	int last = CPU_SETSIZE - 1;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0)
		return 0;
	while (last > 0 && !CPU_ISSET(last, &cpus))
		last--;
	snprintf(args->lcore, sizeof(args->lcore), "0@%d", last);
	int rc = append(args, lcores_option);
	return rc == 0 ? append(args, args->lcore) : rc;
}

// The EAL makes a worker of each CPU, up to its own limit.
static unsigned count_workers(void) {
	cpu_set_t cpus;
	int count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
	return count < RTE_MAX_LCORE ? (unsigned)count : RTE_MAX_LCORE;
}

static bool huge_pages_free(void) {
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	unsigned long pages = 0;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "HugePages_Free: %lu", &pages) == 1)
			break;
	if (file != NULL)
		fclose(file);
	return pages >= 64;
}

// EAL 22.11 refuses --no-huge together with --in-memory, though the second is harmless then.
static void mend_in_memory(struct eal_args *args) {
	bool no_huge = false;
	for (int i = 1; i < args->count; i++)
		no_huge |= strcmp(args->values[i], "--no-huge") == 0;
	for (int i = 1; no_huge && i < args->count; i++)
		if (strcmp(args->values[i], "--in-memory") == 0) {
			fprintf(stderr, "weir-dataplane: --no-huge with --in-memory: the EAL refuses the pair; "
					"using --no-huge --no-shconf\n");
			args->values[i] = no_shconf;
		}
}

int eal_args_compose(struct eal_args *args, char *const *given, int given_count, const struct option_list *configured) {
	char *const *source = given;
	size_t count = given_count > 0 ? (size_t)given_count : 0;
	if (given_count < 0 && configured->count > 0) {
		source = configured->items;
		count = configured->count;
	} else if (given_count < 0 && huge_pages_free()) {
		source = with_huge_pages;
		count = sizeof(with_huge_pages) / sizeof(with_huge_pages[0]);
	} else if (given_count < 0) {
		source = without_huge_pages;
		count = sizeof(without_huge_pages) / sizeof(without_huge_pages[0]);
	}
	args->count = 0;
	int rc = append(args, program_name);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = append(args, source[i]);
	mend_in_memory(args);
	return rc == 0 && source == without_huge_pages ? eal_args_append_memory(args, count_workers()) : rc;
}

int eal_args_keep_lcores(struct eal_args *args) {
	static const char *const with_value[] = {"-l", "-c", "--lcores", "--main-lcore"};
	struct eal_args kept = {.count = 0};
	int rc = append(&kept, program_name);
	for (int i = 1; rc == 0 && i < args->count; i++) {
		for (size_t k = 0; k < sizeof(with_value) / sizeof(with_value[0]); k++) {
			size_t length = strlen(with_value[k]);
			if (strncmp(args->values[i], with_value[k], length) != 0)
				continue;
			bool apart = args->values[i][length] == '\0';
			rc = append(&kept, args->values[i]);
			if (rc == 0 && apart && i + 1 < args->count)
				rc = append(&kept, args->values[++i]);
			break;
		}
	}
	for (size_t i = 0; rc == 0 && i < sizeof(without_huge_pages) / sizeof(without_huge_pages[0]); i++)
		rc = append(&kept, without_huge_pages[i]);
	memcpy(args->values, kept.values, sizeof(kept.values));
	args->count = kept.count;
	return rc;
}
