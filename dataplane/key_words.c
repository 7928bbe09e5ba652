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

static int find_fields(
	struct key_words *key, const struct schema *schema, const struct option_list *names, char *error, size_t size) {
	unsigned bytes = 0;
	if (names->count > GROUPING_KEY_MAX) {
		snprintf(error, size, "key: %u fields; expected at most %u", names->count, GROUPING_KEY_MAX);
		return -EINVAL;
	}
	for (unsigned i = 0; i < names->count; i++) {
		const struct field *field = schema_field(schema, names->items[i]);
		if (field == NULL)
			return fail_name(schema, names->items[i], "no field", error, size);
		if (field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST)
			return fail_name(schema, names->items[i], "a list", error, size);
		key->parts[i] = (struct key_part){field, (uint16_t)bytes, (uint16_t)field_size(field)};
		bytes += key->parts[i].size;
		for (unsigned j = 0; j < i; j++)
			if (key->parts[j].field == field)
				return fail_name(schema, names->items[i], "given twice; field", error, size);
	}
	if (bytes > KEY_SIZE_MAX) {
		snprintf(error, size, "key: its fields have %u bytes; expected at most %u", bytes, KEY_SIZE_MAX);
		return -EINVAL;
	}
	key->part_count = names->count;
	key->length = bytes / 8 + 1;
	key->end = UINT64_C(1) << 56;
	return 0;
}

int key_words_init(struct key_words *key, const struct schema *schema, const struct option_list *names, bool symmetric,
	char *error, size_t size) {
	memset(key, 0, sizeof(*key));
	int ret = find_fields(key, schema, names, error, size);
	if (ret != 0)
		return ret;
	const struct field *fields[GROUPING_KEY_MAX], *mirror[GROUPING_KEY_MAX];
	for (unsigned i = 0; i < key->part_count; i++)
		fields[i] = key->parts[i].field;
	key_mirror(schema, fields, key->part_count, mirror);
	struct gathering straight = {.schema = schema, .steps = key->steps};
	struct gathering mirrored = {.schema = schema, .steps = key->mirror};
	for (unsigned i = 0; i < key->part_count && ret == 0; i++) {
		ret = gather(&straight, fields[i]->offset, key->parts[i].size);
		if (ret == 0 && symmetric)
			ret = gather(&mirrored, mirror[i]->offset, key->parts[i].size);
	}
	if (ret != 0)
		snprintf(error, size, "key: the tuples of schema %s are too short", schema->name);
	key->step_count = straight.count;
	key->mirror_count = mirrored.count;
	key->is_symmetric = symmetric;
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

void key_words_load(const struct key_words *key, const void *body, uint64_t *words) {
	load(key, key->steps, key->step_count, body, words);
	if (!key->is_symmetric)
		return;
	uint64_t mirrored[KEY_WORDS_MAX];
	load(key, key->mirror, key->mirror_count, body, mirrored);
	unsigned i = 0;
	while (i < key->length && words[i] == mirrored[i])
		i++;
	if (i < key->length && __builtin_bswap64(mirrored[i]) < __builtin_bswap64(words[i]))
		memcpy(words, mirrored, key->length * sizeof(*words));
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

void keyed_input_load(const struct keyed_input *input, const struct batch *batch, uint64_t *keys, uint64_t *hashes) {
	const unsigned length = input->words.length;
	for (unsigned i = 0; i < batch->count; i++)
		key_words_load(&input->words, batch_body(batch, i, input->schema), &keys[i * length]);
	if (input->words.part_count > 0)
		memcpy(hashes, batch->hashes, batch->count * sizeof(*hashes));
	else
		memset(hashes, 0, batch->count * sizeof(*hashes));
}
