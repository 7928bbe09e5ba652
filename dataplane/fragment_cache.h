// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fragment cache: which ports belong to a datagram whose first fragment was seen, so that its later fragments, which
// have none, are counted with its flow. Nothing is reassembled and no packet is kept.
//
// Memory is fixed at init. When it is full the oldest datagram gives way. Datagrams are named as RFC 791 (3.2) and
// RFC 8200 (4.5) name them: addresses, identification, and in IPv4 the protocol.
//
//   thread  one user per cache
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/packet.h"

enum { FRAGMENT_CACHE_CAPACITY_MAX = 1 << 24 };

// How long a datagram is remembered, in event time: Linux gives up reassembly after as long.
#define FRAGMENT_CACHE_LIFETIME_NS (UINT64_C(30) * 1000000000)

struct fragment_key {
	uint8_t src_ip[16], dst_ip[16];
	uint32_t id;
	uint8_t protocol; // 0 in IPv6, where it may differ between fragments
	uint8_t ip_version;
	uint8_t pad[2]; // 0, so that a key can be hashed as bytes
};

struct fragment_cache {
	struct fragment_entry *entries; // [capacity], a ring in order of insertion
	uint32_t *buckets;              // [bucket_mask + 1], index of the first entry + 1, or 0
	uint32_t capacity, bucket_mask;
	uint32_t next;    // the entry to be used next, which is the oldest
	uint64_t evicted; // datagrams that gave way before their time was over
};

//   capacity  datagrams, 1..FRAGMENT_CACHE_CAPACITY_MAX
//   return    0, -EINVAL or -ENOMEM
int fragment_cache_init(struct fragment_cache *cache, uint64_t capacity);
void fragment_cache_fini(struct fragment_cache *cache); // a zeroed cache is fine

// The name of the datagram that a fragment is part of.
void fragment_key_set(struct fragment_key *key, const struct packet_meta *meta, const struct packet_fragment *fragment);

enum fragment_recall {
	FRAGMENT_UNKNOWN, // its first fragment was not seen in the last FRAGMENT_CACHE_LIFETIME_NS
	FRAGMENT_KNOWN,
	FRAGMENT_TUNNELLED, // its first fragment held the headers of another packet, which was counted
};

// Remember the ports and protocol of a first fragment. A datagram of the same name is replaced.
//   first   NULL: later fragments are FRAGMENT_TUNNELLED
//   hash    of the key; with a secret, so that nobody outside can fill one bucket
//   now_ns  event time (packet_clock_ns), at or above the watermark
void fragment_cache_remember(struct fragment_cache *cache, const struct fragment_key *key, uint64_t hash,
	const struct flow_key *first, uint64_t now_ns);

// Fill in ports and protocol of a later fragment where it is FRAGMENT_KNOWN; else `later` is left alone.
enum fragment_recall fragment_cache_recall(const struct fragment_cache *cache, const struct fragment_key *key,
	uint64_t hash, struct flow_key *later, uint64_t now_ns);
