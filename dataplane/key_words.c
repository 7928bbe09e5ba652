// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Compiling keys and gathering them (see key_words.h).
#include "dataplane/key_words.h"

#include <errno.h>
#include <stdio.h>

#include "api/schema_build.h"
#include "dataplane/key.h"
#include "dataplane/text.h"

int field_word_set(struct field_word *word, const struct schema *schema, unsigned offset, unsigned size) {
	if (schema->size < sizeof(uint64_t))
		return -EINVAL;
	// A load that would reach beyond the body begins earlier, and shifts.
	unsigned last = schema->size - (unsigned)sizeof(uint64_t), from = offset < last ? offset : last;
	*word = (struct field_word){
		.offset = (uint16_t)from,
		.right = (uint8_t)((offset - from) * 8),
		.mask = size == sizeof(uint64_t) ? UINT64_MAX : (UINT64_C(1) << size * 8) - 1,
	};
	return 0;
}

// Runs of bytes that go into the key one behind the other.
struct gathering {
	const struct schema *schema;
	struct field_word *steps;
	unsigned count;
	unsigned at; // bytes of the key so far
};

// Fields that lie behind each other in the body as they do in the key share their loads.
static bool is_joined(const struct gathering *g, unsigned offset, unsigned size) {
	if (g->count == 0 || g->at % 8 == 0)
		return false;
	const struct field_word *last = &g->steps[g->count - 1];
	unsigned begun = last->left / 8u, length = g->at % 8 - begun;
	return last->right == 0 && last->offset + length == offset && length + size <= 8 - begun;
}

static int gather(struct gathering *g, unsigned offset, unsigned size) {
	while (size > 0) {
		unsigned room = 8 - g->at % 8, taken = size < room ? size : room;
		struct field_word *step = &g->steps[g->count];
		unsigned begin = offset, bytes = taken, left = g->at % 8;
		if (is_joined(g, offset, taken)) {
			step--;
			begin = step->offset;
			left = step->left / 8u;
			bytes = g->at % 8 - left + taken;
		} else {
			g->count++;
		}
		int error = field_word_set(step, g->schema, begin, bytes);
		if (error != 0)
			return error;
		step->left = (uint8_t)(left * 8);
		step->word = (uint16_t)(g->at / 8);
		g->at += taken;
		offset += taken;
		size -= taken;
	}
	return 0;
}

static int fail_name(const struct schema *schema, const char *name, const char *what, char *error, size_t size) {
	error[0] = '\0';
	text_append(error, size, "key: ");
	text_append_quoted(error, size, name);
	text_append(error, size, ": %s of schema %s; expected fields with one value", what, schema->name);
	return -EINVAL;
}

static int find_fields(const struct schema *schema, const struct option_list *names, const struct field **fields,
	char *error, size_t size) {
	unsigned bytes = 0;
	if (names->count > GROUPING_KEY_MAX) {
		snprintf(error, size, "key: %u fields; expected at most %u", names->count, GROUPING_KEY_MAX);
		return -EINVAL;
	}
	for (unsigned i = 0; i < names->count; i++) {
		const struct field *field = fields[i] = schema_field(schema, names->items[i]);
		if (field == NULL)
			return fail_name(schema, names->items[i], "no field", error, size);
		if (field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST)
			return fail_name(schema, names->items[i], "a list", error, size);
		bytes += (unsigned)field_size(field);
		for (unsigned j = 0; j < i; j++)
			if (fields[j] == field)
				return fail_name(schema, names->items[i], "given twice; field", error, size);
	}
	if (bytes <= KEY_SIZE_MAX)
		return 0;
	snprintf(error, size, "key: its fields have %u bytes; expected at most %u", bytes, KEY_SIZE_MAX);
	return -EINVAL;
}

int key_words_compile(struct key_words *key, const struct schema *schema, const struct field *const *fields,
	unsigned count, bool symmetric) {
	const struct field *mirror[GROUPING_KEY_MAX];
	struct gathering straight = {.schema = schema, .steps = key->steps};
	struct gathering mirrored = {.schema = schema, .steps = key->mirror};
	unsigned bytes = 0;
	*key = (struct key_words){.part_count = count, .end = UINT64_C(1) << 56, .is_symmetric = symmetric};
	for (unsigned i = 0; i < count; i++) {
		key->parts[i] = (struct key_part){fields[i], (uint16_t)bytes, (uint16_t)field_size(fields[i])};
		bytes += key->parts[i].size;
	}
	if (bytes > KEY_SIZE_MAX)
		return -EINVAL;
	key->length = bytes / 8 + 1;
	key_mirror(schema, fields, count, mirror);
	int ret = 0;
	for (unsigned i = 0; i < count && ret == 0; i++) {
		ret = gather(&straight, fields[i]->offset, key->parts[i].size);
		if (ret == 0 && symmetric)
			ret = gather(&mirrored, mirror[i]->offset, key->parts[i].size);
	}
	key->step_count = straight.count;
	key->mirror_count = mirrored.count;
	return ret;
}

int key_words_init(struct key_words *key, const struct schema *schema, const struct option_list *names, bool symmetric,
	char *error, size_t size) {
	const struct field *fields[GROUPING_KEY_MAX];
	int ret = find_fields(schema, names, fields, error, size);
	if (ret != 0)
		return ret;
	ret = key_words_compile(key, schema, fields, names->count, symmetric);
	if (ret != 0)
		snprintf(error, size, "key: the tuples of schema %s are too short", schema->name);
	return ret;
}

static inline void load(const struct key_words *key, const struct field_word *steps, unsigned count, const void *body,
	uint64_t *words) {
	for (unsigned i = 0; i < key->length; i++)
		words[i] = 0;
	for (unsigned i = 0; i < count; i++)
		words[steps[i].word] |= field_word_load(&steps[i], body) << steps[i].left;
	words[key->length - 1] |= key->end;
}

// Of a key and its mirror image the one whose bytes are less.
static void choose(const struct key_words *key, uint64_t *words, const uint64_t *mirrored) {
	unsigned i = 0;
	while (i < key->length && words[i] == mirrored[i])
		i++;
	if (i < key->length && __builtin_bswap64(mirrored[i]) < __builtin_bswap64(words[i]))
		memcpy(words, mirrored, key->length * sizeof(*words));
}

void key_words_load(const struct key_words *key, const void *body, uint64_t *words) {
	load(key, key->steps, key->step_count, body, words);
	if (!key->is_symmetric)
		return;
	uint64_t mirrored[KEY_WORDS_MAX];
	load(key, key->mirror, key->mirror_count, body, mirrored);
	choose(key, words, mirrored);
}

// The first step of a word writes it, the others add to it.
static void load_column(
	const struct field_word *step, const void *const *bodies, unsigned n, unsigned length, uint64_t *out) {
	const struct field_word field = *step;
	for (unsigned i = 0; i < n; i++, out += length)
		*out = field_word_load(&field, bodies[i]) << field.left;
}

static void add_column(
	const struct field_word *step, const void *const *bodies, unsigned n, unsigned length, uint64_t *out) {
	const struct field_word field = *step;
	for (unsigned i = 0; i < n; i++, out += length)
		*out |= field_word_load(&field, bodies[i]) << field.left;
}

void key_words_load_batch(const struct key_words *key, const void *const *bodies, unsigned n, uint64_t *keys) {
	const unsigned length = key->length;
	unsigned begun = 0;
	for (unsigned s = 0; s < key->step_count; s++) {
		const struct field_word *step = &key->steps[s];
		bool is_first = step->word == begun;
		(is_first ? load_column : add_column)(step, bodies, n, length, keys + step->word);
		begun += is_first;
	}
	uint64_t *last = keys + length - 1;
	for (unsigned i = 0; i < n; i++, last += length)
		*last = (begun == length ? *last : 0) | key->end;
	uint64_t mirrored[KEY_WORDS_MAX];
	for (unsigned i = 0; i < n && key->is_symmetric; i++) {
		load(key, key->mirror, key->mirror_count, bodies[i], mirrored);
		choose(key, &keys[i * length], mirrored);
	}
}

int key_words_describe(const struct key_words *key, struct schema *out) {
	int ret = 0;
	for (unsigned i = 0; i < key->part_count && ret == 0; i++)
		ret = schema_add_like(out, key->parts[i].field->name, key->parts[i].field);
	return ret;
}

void key_fields_init(struct key_fields *fields, const struct key_words *key, const struct schema *out) {
	fields->schema = out;
	fields->count = key->part_count;
	for (unsigned i = 0; i < key->part_count; i++)
		fields->fields[i] = *schema_field(out, key->parts[i].field->name);
}

void record_set(const struct schema *schema, const struct field *field, void *body, const void *value) {
	memcpy((uint8_t *)body + field->offset, value, field_size(field));
	if (field->present != FIELD_ALWAYS)
		*(uint64_t *)((uint8_t *)body + schema->present_offset) |= UINT64_C(1) << field->present;
}

void key_fields_store(const struct key_fields *fields, const struct key_words *key, const uint64_t *words, void *body) {
	for (unsigned i = 0; i < fields->count; i++)
		record_set(fields->schema, &fields->fields[i], body, (const uint8_t *)words + key->parts[i].offset);
}

int keyed_input_init(struct keyed_input *input, struct operator *op, unsigned index, const struct option_list *key) {
	char error[400];
	bool is_symmetric = op->symmetric_inputs >> index & 1;
	input->schema = op->inputs[index];
	int ret = key_words_init(&input->words, input->schema, key, is_symmetric, error, sizeof(error));
	if (ret != 0)
		operator_error(op, "%s", error);
	return ret;
}

void keyed_input_load(const struct keyed_input *input, const struct batch *batch, struct keyed_batch *out) {
	static const uint64_t no_hashes[BATCH_MAX];
	out->hashes = input->words.part_count > 0 ? batch->hashes : no_hashes;
	out->keys = batch->keys;
	if (out->keys != NULL)
		return;
	const void *bodies[BATCH_MAX];
	batch_bodies(batch, input->schema, bodies);
	key_words_load_batch(&input->words, bodies, batch->count, out->gathered);
	out->keys = out->gathered;
}
