// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Any text as a file of alert rules, and as a configuration of the controller: read, or refused with one line.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctrlplane/alert_rules.h"
#include "ctrlplane/conf.h"
#include "ctrlplane/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int err, const char *error) {
	if (err != 0 && (error[0] == '\0' || memchr(error, '\0', CONF_ERROR_SIZE) == NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct alert_rules rules;
	static const struct views views = {.list = {{.name = "by_prefix", .kind = LIST_PREFIXES}}, .length = 1};
	struct config config;
	char path[64], error[CONF_ERROR_SIZE] = "";
	int file = memfd_create("rules", MFD_CLOEXEC);

	if (file < 0 || write(file, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	check(alert_rules_load(&rules, &views, path, error), error);
	config_init(&config);
	check(config_load(&config, path, error), error);
	config_fini(&config);
	close(file);
	return 0;
}
