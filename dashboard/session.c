// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/session.h"

#include <errno.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int session_open(struct sessions *sessions, uint64_t mono_s, char *id) {
	uint8_t bytes[SESSION_ID_SIZE / 2];
	ssize_t size = getrandom(bytes, sizeof(bytes), 0);
	if (size != sizeof(bytes))
		return size < 0 ? -errno : -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
	struct session *session = &sessions->list[++sessions->opened % SESSIONS_MAX];
	*session = (struct session){.number = sessions->opened, .end_s = mono_s + SESSION_S};
	memcpy(session->id, id, SESSION_ID_SIZE);
	return 0;
}

// All are compared in whole: time tells nothing of how near a guess was.
uint64_t session_find(const struct sessions *sessions, const char *id, uint64_t mono_s) {
	uint64_t found = 0;
	if (strlen(id) != SESSION_ID_SIZE - 1)
		return 0;
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		const struct session *session = &sessions->list[i];
		if (memeql_sec(session->id, id, SESSION_ID_SIZE) != 0 &&
			session_is_open(sessions, session->number, mono_s))
			found = session->number;
	}
	return found;
}

bool session_is_open(const struct sessions *sessions, uint64_t number, uint64_t mono_s) {
	const struct session *session = &sessions->list[number % SESSIONS_MAX];
	return number != 0 && session->number == number && session->end_s > mono_s;
}

void session_close(struct sessions *sessions, uint64_t number) {
	struct session *session = &sessions->list[number % SESSIONS_MAX];
	if (session->number == number)
		*session = (struct session){.number = 0};
}
