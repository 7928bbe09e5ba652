// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/auth.h"

#include <errno.h>
#include <inttypes.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/listen.h"

#define BEARER "Bearer "

int auth_read_token(const char *path, char *out, char *error) {
	char why[REDIS_ERROR_SIZE];
	int err = redis_password_read(path, out, why);
	if (err == 0 && strlen(out) < AUTH_TOKEN_MIN) {
		snprintf(why, sizeof(why), "%zu characters: expected at least %d, that nobody can guess", strlen(out),
			AUTH_TOKEN_MIN);
		err = -EINVAL;
	}
	if (err != 0)
		snprintf(error, AUTH_ERROR_SIZE, "--token-file: \"%.200s\": %s", path, why);
	return err;
}

// Digests are compared, so that time tells nothing, not even a length.
static void digest(const struct auth *auth, const char *text, uint8_t out[SHA256_DIGEST_SIZE]) {
	struct hmac_sha256_ctx context;
	hmac_sha256_set_key(&context, strlen(auth->token), (const uint8_t *)auth->token);
	hmac_sha256_update(&context, strlen(text), (const uint8_t *)text);
	hmac_sha256_digest(&context, SHA256_DIGEST_SIZE, out);
}

bool auth_token_is_right(const struct auth *auth, const char *token) {
	uint8_t right[SHA256_DIGEST_SIZE], given[SHA256_DIGEST_SIZE];
	digest(auth, auth->token, right);
	digest(auth, token, given);
	return auth->token[0] != '\0' && memeql_sec(right, given, sizeof(right)) != 0;
}

static void cookie_format(const struct auth *auth, uint64_t end_s, char out[AUTH_COOKIE_SIZE]) {
	char message[64];
	uint8_t mac[SHA256_DIGEST_SIZE];
	snprintf(message, sizeof(message), "session until %" PRIu64, end_s);
	digest(auth, message, mac);
	int size = snprintf(out, AUTH_COOKIE_SIZE, "%" PRIu64 ".", end_s);
	for (size_t i = 0; i < sizeof(mac); i++)
		size += snprintf(out + size, AUTH_COOKIE_SIZE - (size_t)size, "%02x", mac[i]);
}

void auth_make_cookie(const struct auth *auth, uint64_t now_s, char out[AUTH_COOKIE_SIZE]) {
	cookie_format(auth, now_s + AUTH_SESSION_S, out);
}

bool auth_cookie_is_right(const struct auth *auth, const char *cookie, uint64_t now_s) {
	char right[AUTH_COOKIE_SIZE];
	uint64_t end_s = strtoull(cookie, NULL, 10);
	cookie_format(auth, end_s, right);
	return auth->token[0] != '\0' && strlen(cookie) == strlen(right) &&
	       memeql_sec(cookie, right, strlen(right)) != 0 && end_s > now_s;
}

bool auth_is_allowed(const struct auth *auth, const char *authorization, const char *cookie, uint64_t now_s) {
	if (auth->token[0] == '\0')
		return true;
	if (authorization != NULL && strncasecmp(authorization, BEARER, strlen(BEARER)) == 0 &&
		auth_token_is_right(auth, authorization + strlen(BEARER)))
		return true;
	return cookie != NULL && auth_cookie_is_right(auth, cookie, now_s);
}

bool auth_host_is_right(const struct auth *auth, const char *host) {
	if (!auth->is_loopback && auth->hosts_length == 0)
		return true;
	return listen_serves_host(host, auth->is_loopback, auth->hosts, auth->hosts_length);
}
