// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Hashes of keys. XXH3 with the node's secret: not linear, so keys that collide under one secret do not under
// another, and nobody outside can prepare them. Its top 10 bits are the key group.
#pragma once

#include "dataplane/operator.h"

enum {
	KEY_SECRET_SIZE = 192,
	KEY_SIZE_MAX = GROUPING_KEY_SIZE_MAX,
};

// Draw the secret from the kernel, or derive it from a text for repeatable runs.
//   return  0, or a negative errno of getrandom
int key_secret_init(uint8_t secret[KEY_SECRET_SIZE], const char *text);

// Hash the keys of a batch.
//   keys    [n][length] words (key_words.h)
//   hashes  [n] filled
void key_hash_batch(const struct node *node, const uint64_t *keys, unsigned length, unsigned n, uint64_t *hashes);

// For symmetric keys: each field's counterpart in the other direction (src_ip for dst_ip), itself where it has none.
//   key, mirror  [count]
void key_mirror(
	const struct schema *schema, const struct field *const *key, unsigned count, const struct field **mirror);
