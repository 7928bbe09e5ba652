// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who may ask: the token, the cookie of a session that was opened with it, and the Host a request is for.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/redis_endpoint.h"
#include "dashboard/attempts.h"
#include "dashboard/session.h"

enum {
	AUTH_TOKEN_MIN = 16, // characters: nobody guesses so many
	AUTH_TOKEN_SIZE = REDIS_PASSWORD_SIZE,
	AUTH_ERROR_SIZE = 1024,
};
#define AUTH_COOKIE "weir_session"

struct auth {
	char token[AUTH_TOKEN_SIZE]; // empty: none is needed
	const char *const *hosts;    // [hosts_length] names that are served besides loopback's
	size_t hosts_length;
	bool is_loopback; // listens nowhere else
	struct sessions sessions;
	struct attempts attempts;
};

// What a request says of itself; NULL: nothing.
struct auth_request {
	const char *authorization; // of the header
	const char *cookie;        // value of AUTH_COOKIE
	const struct sockaddr *peer;
	uint64_t mono_s; // now
};

enum auth_verdict {
	AUTH_ALLOWED,
	AUTH_STRANGER,
	AUTH_HELD, // there were too many wrong tokens: this one was not looked at
};

// Read the token: the first line of a file that others can't read.
//   out     [AUTH_TOKEN_SIZE]
//   error   [AUTH_ERROR_SIZE], one line
//   return  0; -EINVAL: too short; others of redis_password_read
int auth_read_token(const char *path, char *out, char *error);

// Look at a token; a wrong one is counted against where it came from.
enum auth_verdict auth_try(struct auth *auth, const char *token, const struct sockaddr *peer, uint64_t mono_s);
// Whether a request may see anything.
//   session  number of the one its cookie is of; 0: it needs none
enum auth_verdict auth_check(struct auth *auth, const struct auth_request *request, uint64_t *session);
// Whether a request for this Host is meant for us (listen_serves_host): beyond loopback any is, unless some were named.
bool auth_host_is_right(const struct auth *auth, const char *host);
