// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The command line.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/redis_endpoint.h"
#include "dashboard/auth.h"

enum {
	OPTIONS_HOSTS_MAX = 16,
	OPTIONS_PATH_SIZE = 4096,
};

struct options {
	const char *redis, *listen;
	struct redis_endpoint endpoint; // of redis
	char password[REDIS_PASSWORD_SIZE];
	char token[AUTH_TOKEN_SIZE];          // empty: none
	const char *hosts[OPTIONS_HOSTS_MAX]; // [hosts_length]
	size_t hosts_length;
	char pages[2][OPTIONS_PATH_SIZE]; // [pages_length], the first that is there
	size_t pages_length;
};

// Read the command line and the files it names.
//   return  -1: go on; an exit code otherwise
int options_parse(int argc, char **argv, struct options *out);
// Beyond loopback nobody gets in without a token.
//   error   [AUTH_ERROR_SIZE]
//   return  0; -EACCES
int options_check_access(const struct options *options, bool is_loopback, char *error);
