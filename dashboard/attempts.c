// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/attempts.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void key_of(const struct sockaddr *peer, uint8_t out[16]) {
	memset(out, 0, 16);
	if (peer != NULL && peer->sa_family == AF_INET)
		memcpy(out, &((const struct sockaddr_in *)peer)->sin_addr, 4);
	else if (peer != NULL && peer->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *)peer)->sin6_addr, 8);
}

static struct attempt *find(struct attempts *attempts, const uint8_t key[16]) {
	for (size_t i = 0; i < ATTEMPTS_MAX; i++)
		if (attempts->list[i].empty_s > 0 && memcmp(attempts->list[i].address, key, 16) == 0)
			return &attempts->list[i];
	return NULL;
}

static struct attempt *find_place(struct attempts *attempts) {
	struct attempt *place = &attempts->list[0];
	for (size_t i = 1; i < ATTEMPTS_MAX; i++)
		if (attempts->list[i].empty_s < place->empty_s)
			place = &attempts->list[i];
	return place;
}

bool attempts_may_try(struct attempts *attempts, const struct sockaddr *peer, uint64_t mono_s) {
	uint8_t key[16];
	key_of(peer, key);
	const struct attempt *attempt = find(attempts, key);
	bool may = attempt == NULL || attempt->empty_s <= mono_s + (ATTEMPTS_BURST - 1) * ATTEMPT_S;
	attempts->held += !may;
	return may;
}

static void say(const struct attempts *attempts, const struct sockaddr *peer) {
	char text[INET6_ADDRSTRLEN] = "somewhere";
	if (peer != NULL && peer->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, text, sizeof(text));
	else if (peer != NULL && peer->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)peer)->sin6_addr, text, sizeof(text));
	fprintf(stderr, "weir-dashboard: a wrong token from %s; %" PRIu64 " since the start\n", text, attempts->wrong);
}

void attempts_add(struct attempts *attempts, const struct sockaddr *peer, uint64_t mono_s) {
	uint8_t key[16];
	key_of(peer, key);
	struct attempt *attempt = find(attempts, key);
	attempts->wrong++;
	if (attempt == NULL) {
		attempt = find_place(attempts);
		memcpy(attempt->address, key, sizeof(key));
		attempt->empty_s = 0;
	}
	// One line for all that follow at once.
	if (attempt->empty_s <= mono_s) {
		say(attempts, peer);
		attempt->empty_s = mono_s;
	}
	attempt->empty_s += ATTEMPT_S;
}
