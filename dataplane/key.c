// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "dataplane/key.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/random.h>

#include "dataplane/flow_words.h"
#include "dataplane/node.h"

_Static_assert(KEY_SECRET_SIZE >= XXH3_SECRET_SIZE_MIN, "XXH3 refuses shorter secrets");

int key_secret_init(uint8_t secret[KEY_SECRET_SIZE], const char *text) {
	if (text == NULL)
		return getrandom(secret, KEY_SECRET_SIZE, 0) == KEY_SECRET_SIZE ? 0 : -errno;
	for (uint64_t i = 0; i < KEY_SECRET_SIZE / sizeof(uint64_t); i++) {
		uint64_t word = XXH3_64bits_withSeed(text, strlen(text), i);
		memcpy(secret + i * sizeof(word), &word, sizeof(word));
	}
	return 0;
}

uint64_t key_hash(const struct node *node, const void *key, size_t size) {
	return XXH3_64bits_withSecret(key, size, node->hash_secret, KEY_SECRET_SIZE);
}

// Of a flow's two directions, whether this is the one whose ends change places in the canonical key.
static inline bool is_reversed(const struct flow_key *key) {
	if (__builtin_expect(key->ip_version == 4 && key->protocol != IPPROTO_ICMP, 1)) {
		uint32_t src, dst;
		memcpy(&src, key->src_ip + 12, sizeof(src));
		memcpy(&dst, key->dst_ip + 12, sizeof(dst));
		src = __builtin_bswap32(src);
		dst = __builtin_bswap32(dst);
		return (src > dst) | ((src == dst) & (key->src_port > key->dst_port));
	}
	struct flow_key canonical;
	return flow_key_canonical(key, &canonical);
}

void flow_hash_batch(const struct node *node, struct batch *batch) {
	for (unsigned i = 0; i < batch->count; i++) {
		struct packet_meta *meta = batch->packets[i];
		bool reversed = is_reversed(&meta->key);
		struct flow_words words;
		flow_words_set(&words, meta, reversed, 0);
		meta->bits |= (uint8_t)reversed;
		if (__builtin_expect(!flow_words_are_v6(words.rest), 1))
			batch->hashes[i] = XXH3_64bits_withSecret(
				&words.ends, FLOW_WORDS_V4_SIZE, node->hash_secret, KEY_SECRET_SIZE);
		else
			batch->hashes[i] = XXH3_64bits_withSecret(
				&words.rest, FLOW_WORDS_V6_SIZE, node->hash_secret, KEY_SECRET_SIZE);
	}
}

void key_hash_batch(const struct node *node, const uint64_t *keys, unsigned length, unsigned n, uint64_t *hashes) {
	const size_t size = length * sizeof(*keys);
	for (unsigned i = 0; i < n; i++)
		hashes[i] = XXH3_64bits_withSecret(&keys[i * length], size, node->hash_secret, KEY_SECRET_SIZE);
}

void key_mirror(
	const struct schema *schema, const struct field *const *key, unsigned count, const struct field **mirror) {
	for (unsigned i = 0; i < count; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s", key[i]->name);
		if (strncmp(name, "src_", 4) == 0)
			memcpy(name, "dst_", 4);
		else if (strncmp(name, "dst_", 4) == 0)
			memcpy(name, "src_", 4);
		const struct field *other = schema_field(schema, name);
		mirror[i] = other != NULL ? other : key[i];
	}
}
