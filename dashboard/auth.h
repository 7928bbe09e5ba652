// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who may ask: the token, the cookie that stands for it, and the Host a request is for. The cookie is a date and its
// HMAC-SHA256 under the token (RFC 2104), so that nothing has to be remembered and a new token ends all sessions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	AUTH_TOKEN_MIN = 16, // characters: nobody guesses so many
	AUTH_TOKEN_SIZE = 512,
	AUTH_COOKIE_SIZE = 96,
	AUTH_SESSION_S = 12 * 3600,
	AUTH_ERROR_SIZE = 256,
};
#define AUTH_COOKIE "weir_session"

struct auth {
	char token[AUTH_TOKEN_SIZE]; // empty: none is needed
	const char *const *hosts;    // [hosts_length] names that are served besides loopback's
	size_t hosts_length;
	bool is_loopback; // listens nowhere else
};

// Read a secret: the first line of a file that others can't read.
//   what    names it in messages: "--token-file"
//   out     [AUTH_TOKEN_SIZE]
//   error   [AUTH_ERROR_SIZE]
//   return  0; -EINVAL: too short, too long, or not of printable ASCII; -EACCES: others can read the file; others of
//           open(2)
int auth_read_secret(const char *what, const char *path, size_t min, char *out, char *error);

bool auth_token_is_right(const struct auth *auth, const char *token);
// A cookie's value, good for AUTH_SESSION_S from now.
void auth_make_cookie(const struct auth *auth, uint64_t now_s, char out[AUTH_COOKIE_SIZE]);
bool auth_cookie_is_right(const struct auth *auth, const char *cookie, uint64_t now_s);
// Whether a request with these headers may see anything; NULL: not sent.
//   authorization  of the header
//   cookie         value of AUTH_COOKIE
bool auth_is_allowed(const struct auth *auth, const char *authorization, const char *cookie, uint64_t now_s);
// Whether a request for this Host is meant for us. A page elsewhere can make its own name lead to loopback, and would
// then be let in by the browser: only names that are loopback's count there (DNS rebinding).
bool auth_host_is_right(const struct auth *auth, const char *host);
