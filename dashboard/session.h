// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sessions of browsers: /login opens one for whoever has the token; /logout, time, or a restart of the server ends it.
// Their ids are random and kept here alone, so that one that ended opens nothing any more.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	SESSIONS_MAX = 256,   // one more ends the oldest
	SESSION_ID_SIZE = 65, // 32 bytes in hexadecimal, and the closing zero
	SESSION_S = 12 * 3600,
};

struct session {
	char id[SESSION_ID_SIZE];
	uint64_t number; // from 1; 0: none, or ended
	uint64_t end_s;  // monotonic
};

struct sessions {
	struct session list[SESSIONS_MAX]; // ring, number n at n % SESSIONS_MAX
	uint64_t opened;                   // ever
};

//   mono_s  now
//   id      [SESSION_ID_SIZE], out
//   return  0; a negative errno: no random bytes
int session_open(struct sessions *sessions, uint64_t mono_s, char *id);
//   return  its number; 0: none that is open
uint64_t session_find(const struct sessions *sessions, const char *id, uint64_t mono_s);
bool session_is_open(const struct sessions *sessions, uint64_t number, uint64_t mono_s);
void session_close(struct sessions *sessions, uint64_t number);
