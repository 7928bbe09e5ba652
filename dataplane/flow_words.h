// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A flow's key as words, made for comparing and hashing: the canonical form of struct flow_key, the same for both
// directions. An IPv4 key is two words. An IPv6 key has the hash of all of it in the place of the addresses, which
// tells nearly all keys apart, and the addresses beside it for those few it doesn't.
#pragma once

#include <string.h>

#include "dataplane/packet.h"

struct flow_words {
	uint64_t ends;       // IPv4: the two addresses, as in the packet; IPv6: the key's hash
	uint64_t rest;       // ports, protocol, version (FLOW_KEY_LAST_MASK)
	uint64_t address[4]; // IPv6 only: the two addresses
};

enum {
	FLOW_WORDS_VERSION_SHIFT = 40,
	FLOW_WORDS_V4_SIZE = 16, // bytes from `ends` on that make an IPv4 key
	FLOW_WORDS_V6_SIZE = 40, // bytes from `rest` on that make an IPv6 key
};
_Static_assert(offsetof(struct flow_words, rest) + FLOW_WORDS_V6_SIZE == sizeof(struct flow_words), "no gaps");

static inline bool flow_words_are_v6(uint64_t rest) {
	return (rest >> FLOW_WORDS_VERSION_SHIFT & 0xff) == 6;
}

// The words of a packet's key. Which direction a packet has is as good as random: rotations, not branches.
//   direction  0 or 1: source and destination change places
//   hash       of the key; used for IPv6
static inline void flow_words_set(
	struct flow_words *words, const struct packet_meta *meta, unsigned direction, uint64_t hash) {
	const uint8_t *key = (const uint8_t *)&meta->key;
	uint64_t last;
	memcpy(&last, key + offsetof(struct flow_key, src_port), sizeof(last));
	uint32_t ports = (uint32_t)last, half = 16 * direction;
	ports = ports << half | ports >> (-half & 31);
	words->rest = (last & FLOW_KEY_LAST_MASK & ~UINT64_C(0xffffffff)) | ports;
	if (__builtin_expect(meta->key.ip_version == 4, 1)) {
		uint32_t src, dst;
		memcpy(&src, key + 12, sizeof(src));
		memcpy(&dst, key + 28, sizeof(dst));
		uint64_t ends = (uint64_t)dst << 32 | src;
		words->ends = ends << 2 * half | ends >> (-(2 * half) & 63);
		return;
	}
	words->ends = hash;
	memcpy(words->address, key + 16 * direction, 16);
	memcpy(words->address + 2, key + 16 - 16 * direction, 16);
}
