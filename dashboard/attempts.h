// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Wrong tokens, by the address they came from: ten at once, then one every six seconds; what comes sooner is not even
// looked at. A leaky bucket as one number, the time at which it is empty again (GCRA: ITU-T I.371).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ATTEMPTS_MAX = 256,  // addresses; one more takes the place of the one that is forgiven soonest
	ATTEMPT_S = 6,       // that a wrong token weighs
	ATTEMPTS_BURST = 10, // wrong tokens at once
};

struct attempt {
	uint8_t address[16]; // IPv4: its four bytes; IPv6: its network of 64 bits
	uint64_t empty_s;    // monotonic
};

struct attempts {
	struct attempt list[ATTEMPTS_MAX];
	uint64_t wrong, held; // tokens: that were wrong; that were not looked at
};

//   peer    NULL: not known; all of those are one
//   return  whether a token from there is to be looked at
bool attempts_may_try(struct attempts *attempts, const struct sockaddr *peer, uint64_t mono_s);
// A token was wrong.
void attempts_add(struct attempts *attempts, const struct sockaddr *peer, uint64_t mono_s);
