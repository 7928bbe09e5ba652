// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/fragment_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fragment_entry {
	struct fragment_key key;
	uint32_t following; // in the same bucket: index + 1, or 0
	uint16_t src_port, dst_port;
	uint32_t bucket;
	uint8_t protocol;
	bool used, tunnelled;
	uint64_t seen_ns;
};
_Static_assert(sizeof(struct fragment_key) == 40, "no padding that is not named");
_Static_assert(sizeof(struct fragment_entry) == 64, "one cache line");

int fragment_cache_init(struct fragment_cache *cache, uint64_t capacity) {
	memset(cache, 0, sizeof(*cache));
	if (capacity < 1 || capacity > FRAGMENT_CACHE_CAPACITY_MAX)
		return -EINVAL;
	uint32_t bucket_count = 1;
	while (bucket_count < capacity)
		bucket_count *= 2;
	cache->capacity = (uint32_t)capacity;
	cache->bucket_mask = bucket_count - 1;
	cache->entries = calloc(capacity, sizeof(*cache->entries));
	cache->buckets = calloc(bucket_count, sizeof(*cache->buckets));
	if (!cache->entries || !cache->buckets) {
		fragment_cache_fini(cache);
		return -ENOMEM;
	}
	return 0;
}

void fragment_cache_fini(struct fragment_cache *cache) {
	free(cache->entries);
	free(cache->buckets);
	memset(cache, 0, sizeof(*cache));
}

void fragment_key_set(
	struct fragment_key *key, const struct packet_meta *meta, const struct packet_fragment *fragment) {
	memset(key, 0, sizeof(*key));
	memcpy(key->src_ip, meta->key.src_ip, sizeof(key->src_ip));
	memcpy(key->dst_ip, meta->key.dst_ip, sizeof(key->dst_ip));
	key->id = fragment->id;
	key->protocol = meta->key.ip_version == 4 ? meta->key.protocol : 0;
	key->ip_version = meta->key.ip_version;
}

static struct fragment_entry *find(
	const struct fragment_cache *cache, const struct fragment_key *key, uint32_t bucket) {
	for (uint32_t at = cache->buckets[bucket]; at; at = cache->entries[at - 1].following) {
		struct fragment_entry *entry = &cache->entries[at - 1];
		if (memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
	return NULL;
}

static void forget(struct fragment_cache *cache, struct fragment_entry *entry) {
	uint32_t at = (uint32_t)(entry - cache->entries) + 1;
	uint32_t *link = &cache->buckets[entry->bucket];
	while (*link != at)
		link = &cache->entries[*link - 1].following;
	*link = entry->following;
	entry->used = false;
}

void fragment_cache_remember(struct fragment_cache *cache, const struct fragment_key *key, uint64_t hash,
	const struct flow_key *first, uint64_t now_ns) {
	uint32_t bucket = (uint32_t)hash & cache->bucket_mask;
	struct fragment_entry *entry = find(cache, key, bucket);
	if (entry)
		forget(cache, entry);
	entry = &cache->entries[cache->next];
	if (entry->used) {
		cache->evicted += now_ns <= entry->seen_ns + FRAGMENT_CACHE_LIFETIME_NS;
		forget(cache, entry);
	}
	*entry = (struct fragment_entry){
		.key = *key,
		.following = cache->buckets[bucket],
		.src_port = first ? first->src_port : 0,
		.dst_port = first ? first->dst_port : 0,
		.bucket = bucket,
		.protocol = first ? first->protocol : 0,
		.tunnelled = !first,
		.used = true,
		.seen_ns = now_ns,
	};
	cache->buckets[bucket] = cache->next + 1;
	cache->next = cache->next + 1 == cache->capacity ? 0 : cache->next + 1;
}

enum fragment_recall fragment_cache_recall(const struct fragment_cache *cache, const struct fragment_key *key,
	uint64_t hash, struct flow_key *later, uint64_t now_ns) {
	const struct fragment_entry *entry = find(cache, key, (uint32_t)hash & cache->bucket_mask);
	if (!entry || now_ns > entry->seen_ns + FRAGMENT_CACHE_LIFETIME_NS)
		return FRAGMENT_UNKNOWN;
	if (entry->tunnelled)
		return FRAGMENT_TUNNELLED;
	later->src_port = entry->src_port;
	later->dst_port = entry->dst_port;
	later->protocol = entry->protocol;
	return FRAGMENT_KNOWN;
}
