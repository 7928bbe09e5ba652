// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/auth.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
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

static bool token_is_right(const struct auth *auth, const char *token) {
	uint8_t right[SHA256_DIGEST_SIZE], given[SHA256_DIGEST_SIZE];
	digest(auth, auth->token, right);
	digest(auth, token, given);
	return auth->token[0] != '\0' && memeql_sec(right, given, sizeof(right)) != 0;
}

enum auth_verdict auth_try(struct auth *auth, const char *token, const struct sockaddr *peer, uint64_t mono_s) {
	if (!attempts_may_try(&auth->attempts, peer, mono_s))
		return AUTH_HELD;
	if (token_is_right(auth, token))
		return AUTH_ALLOWED;
	attempts_add(&auth->attempts, peer, mono_s);
	return AUTH_STRANGER;
}

enum auth_verdict auth_check(struct auth *auth, const struct auth_request *request, uint64_t *session) {
	const char *authorization = request->authorization;
	*session = 0;
	if (auth->token[0] == '\0')
		return AUTH_ALLOWED;
	if (request->cookie != NULL)
		*session = session_find(&auth->sessions, request->cookie, request->mono_s);
	if (*session != 0)
		return AUTH_ALLOWED;
	if (authorization == NULL || strncasecmp(authorization, BEARER, strlen(BEARER)) != 0)
		return AUTH_STRANGER;
	return auth_try(auth, authorization + strlen(BEARER), request->peer, request->mono_s);
}

bool auth_host_is_right(const struct auth *auth, const char *host) {
	if (!auth->is_loopback && auth->hosts_length == 0)
		return true;
	return listen_serves_host(host, auth->is_loopback, auth->hosts, auth->hosts_length);
}
