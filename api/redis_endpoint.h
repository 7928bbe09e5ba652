// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Where Redis is, as configured: a Unix socket, an address, or Sentinels that know the address. Addresses are numbers:
// a name would have to be looked up, and looking up waits. A password comes from a file, never from an endpoint.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
	REDIS_PATH_SIZE = 256,
	REDIS_HOST_SIZE = 46, // INET6_ADDRSTRLEN
	REDIS_USER_SIZE = 64,
	REDIS_PASSWORD_SIZE = 512,
	REDIS_SENTINELS_MAX = 8,
	REDIS_ERROR_SIZE = 512,
};

enum redis_endpoint_kind { REDIS_NONE, REDIS_UNIX, REDIS_TCP, REDIS_SENTINEL };

struct redis_address {
	char host[REDIS_HOST_SIZE];
	int port;
};

struct redis_endpoint {
	enum redis_endpoint_kind kind;
	char user[REDIS_USER_SIZE];                          // empty: the default user
	char path[REDIS_PATH_SIZE];                          // UNIX: of the socket; SENTINEL: the primary's name
	struct redis_address addresses[REDIS_SENTINELS_MAX]; // [length]: of Redis, or of the Sentinels
	size_t length;
};

// Parse none, unix://[USER@]/PATH, tcp://[USER@]ADDRESS:PORT, or sentinel://[USER@]ADDRESS:PORT,…/NAME.
//   error   one line, without a password
//   return  0; -EINVAL
int redis_endpoint_parse(const char *text, struct redis_endpoint *out, char error[REDIS_ERROR_SIZE]);

// Whether a host needs no looking up.
bool redis_host_is_numeric(const char *host);

// Read a password: the first line of a file that nobody else may read or write.
//   error   what is wrong with it, without the path
//   return  0; -errno of open(2) or read(2); -EPERM: others may read it; -EINVAL: no password in it
int redis_password_read(const char *path, char out[REDIS_PASSWORD_SIZE], char error[REDIS_ERROR_SIZE]);
