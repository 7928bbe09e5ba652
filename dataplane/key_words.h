// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The key of an operator's state as words, gathered from a tuple's fields by name: what keyed_table.h compares. The
// fields lie one behind the other in the order given, padded with zeros and ended by a byte that is not zero, so that
// no key is all zeros.
//
// The hash is that of the stream (batch.hashes), which the engine makes of the same words.
#pragma once

#include <string.h>

#include "dataplane/keyed_table.h"
#include "dataplane/operator.h"

enum {
	KEY_WORDS_MAX = KEYED_KEY_SIZE_MAX / 8,
	KEY_STEPS_MAX = KEY_WORDS_MAX + 2 * GROUPING_KEY_MAX,
};

// Up to 8 bytes of a body, by one unaligned load.
struct field_word {
	uint16_t offset;     // at least 8 bytes before the end of the body
	uint8_t right, left; // bits
	uint16_t word;       // of the key, that it is part of
	uint64_t mask;
};

static inline uint64_t field_word_load(const struct field_word *word, const void *body) {
	uint64_t value;
	memcpy(&value, (const uint8_t *)body + word->offset, sizeof(value));
	return value >> word->right & word->mask;
}

//   size    1..8 bytes at `offset`
//   return  -EINVAL: the body has fewer than 8 bytes
int field_word_set(struct field_word *word, const struct schema *schema, unsigned offset, unsigned size);

// Where a field of the key lies in it.
struct key_part {
	const struct field *field; // of the input
	uint16_t offset, size;     // bytes of the key
};

struct key_words {
	unsigned length; // words of a key, >= 1
	unsigned step_count, mirror_count;
	uint64_t end; // of the last word
	struct field_word steps[KEY_STEPS_MAX], mirror[KEY_STEPS_MAX];
	unsigned part_count;
	struct key_part parts[GROUPING_KEY_MAX];
	bool is_symmetric; // of the key and its mirror image, the one whose bytes are less
};

// Compile the key of a schema.
//   names      up to GROUPING_KEY_MAX fields with one value; none: all tuples have the same key
//   symmetric  src_x and dst_x can be exchanged: both directions have one key
//   return     0, or -EINVAL with error[size] filled
int key_words_init(struct key_words *key, const struct schema *schema, const struct option_list *names, bool symmetric,
	char *error, size_t size);

// The same of fields that were found.
//   fields  [count] of the schema; its bodies have 8 bytes at least
//   return  0, or -EINVAL: they have more than KEY_SIZE_MAX bytes, or the bodies are too short
int key_words_compile(struct key_words *key, const struct schema *schema, const struct field *const *fields,
	unsigned count, bool symmetric);

//   words  [length] filled
void key_words_load(const struct key_words *key, const void *body, uint64_t *words);

// The same for many bodies, a column at a time.
//   bodies  [n], 1 <= n <= BATCH_MAX
//   keys    [n][length] filled
void key_words_load_batch(const struct key_words *key, const void *const *bodies, unsigned n, uint64_t *keys);

// The key in records of another schema.
struct key_fields {
	const struct schema *schema;
	unsigned count;
	struct field fields[GROUPING_KEY_MAX];
};

// Add the fields of a key to a schema that is being made.
//   return  0, -ENOSPC or -ENOMEM
int key_words_describe(const struct key_words *key, struct schema *out);
// Learn where they lie, by their names.
void key_fields_init(struct key_fields *fields, const struct key_words *key, const struct schema *out);
// Write a key to a record's body, and that it is there.
void key_fields_store(const struct key_fields *fields, const struct key_words *key, const uint64_t *words, void *body);

// Set a field of a record that its schema has; the value is of the field's type.
void record_set(const struct schema *schema, const struct field *field, void *body, const void *value);

// One input of a keyed operator.
struct keyed_input {
	struct key_words words;
	const struct schema *schema;
};

// Once per operator, in its `open`.
//   key     the names of its option
//   return  0, or -EINVAL after operator_error
int keyed_input_init(struct keyed_input *input, struct operator *op, unsigned index, const struct option_list *key);

// The keys and hashes of a batch: its own where the stream has made them, valid until a tuple is moved down over them.
struct keyed_batch {
	const uint64_t *keys;   // [batch->count][words.length]
	const uint64_t *hashes; // [batch->count]
	uint64_t gathered[BATCH_MAX * KEY_WORDS_MAX];
};
void keyed_input_load(const struct keyed_input *input, const struct batch *batch, struct keyed_batch *out);
