// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who may ask: the token, the cookie that stands for it, and the Host a request is for. The cookie is a date and its
// HMAC-SHA256 under the token (RFC 2104), so that nothing has to be remembered and a new token ends all sessions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/redis_endpoint.h"

enum {
	AUTH_TOKEN_MIN = 16, // characters: nobody guesses so many
	AUTH_TOKEN_SIZE = REDIS_PASSWORD_SIZE,
	AUTH_COOKIE_SIZE = 96,
	AUTH_SESSION_S = 12 * 3600,
	AUTH_ERROR_SIZE = 1024,
};
#define AUTH_COOKIE "weir_session"

struct auth {
	char token[AUTH_TOKEN_SIZE]; // empty: none is needed
	const char *const *hosts;    // [hosts_length] names that are served besides loopback's
	size_t hosts_length;
	bool is_loopback; // listens nowhere else
};

// Read the token: the first line of a file that others can't read.
//   out     [AUTH_TOKEN_SIZE]
//   error   [AUTH_ERROR_SIZE], one line
//   return  0; -EINVAL: too short; others of redis_password_read
int auth_read_token(const char *path, char *out, char *error);

bool auth_token_is_right(const struct auth *auth, const char *token);
// A cookie's value, good for AUTH_SESSION_S from now.
void auth_make_cookie(const struct auth *auth, uint64_t now_s, char out[AUTH_COOKIE_SIZE]);
bool auth_cookie_is_right(const struct auth *auth, const char *cookie, uint64_t now_s);
// Whether a request with these headers may see anything; NULL: not sent.
//   authorization  of the header
//   cookie         value of AUTH_COOKIE
bool auth_is_allowed(const struct auth *auth, const char *authorization, const char *cookie, uint64_t now_s);
// Whether a request for this Host is meant for us (listen_serves_host): beyond loopback any is, unless some were named.
bool auth_host_is_right(const struct auth *auth, const char *host);
