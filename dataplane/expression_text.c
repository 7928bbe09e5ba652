// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Steps on texts and addresses (expression_step.h). A text is where it was found: in the tuple, in the expression's
// constants, or, where it had to be made, in the step's scratch memory.
#include <ctype.h>
#include <stdio.h>

#include "dataplane/expression_step.h"

static int compare_bytes(const struct bytes *a, const struct bytes *b) {
	uint32_t common = a->size < b->size ? a->size : b->size;
	int order = common > 0 ? memcmp(a->data, b->data, common) : 0;
	return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static bool bytes_equal(const struct bytes *a, const struct bytes *b) {
	return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static bool bytes_less(const struct bytes *a, const struct bytes *b) {
	return compare_bytes(a, b) < 0;
}

static bool bytes_contain(const struct bytes *a, const struct bytes *b) {
	return b->size == 0 || memmem(a->data, a->size, b->data, b->size) != NULL;
}

static bool bytes_start_with(const struct bytes *a, const struct bytes *b) {
	return b->size == 0 || (a->size >= b->size && memcmp(a->data, b->data, b->size) == 0);
}

static bool bytes_end_with(const struct bytes *a, const struct bytes *b) {
	return b->size == 0 || (a->size >= b->size && memcmp(a->data + a->size - b->size, b->data, b->size) == 0);
}

// Places of tuples without a value may point into batches that are gone: they are not looked at.
#define PREDICATE(name, holds)                                                                                         \
	static void name(const struct step *step, const void *const *bodies, unsigned count) {                         \
		uint64_t present = step->a->present & step->b->present, truth = 0;                                     \
		for (unsigned i = 0; i < count; i++)                                                                   \
			if (present >> i & 1)                                                                          \
				truth |= step_bit(holds(&step->a->bytes[i], &step->b->bytes[i]), i);                   \
		step->to->truth = truth;                                                                               \
		step->to->present = present;                                                                           \
	}                                                                                                              \
	_Static_assert(1, "")

PREDICATE(step_eq_bytes, bytes_equal);
PREDICATE(step_lt_bytes, bytes_less);
PREDICATE(step_contains, bytes_contain);
PREDICATE(step_starts_with, bytes_start_with);
PREDICATE(step_ends_with, bytes_end_with);

static void step_select_bytes(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t truth = step->a->truth;
	for (unsigned i = 0; i < count; i++)
		step->to->bytes[i] = truth >> i & 1 ? step->b->bytes[i] : step->c->bytes[i];
	step->to->present = step->a->present & ((truth & step->b->present) | (~truth & step->c->present));
}

static void step_length(const struct step *step, const void *const *bodies, unsigned count) {
	for (unsigned i = 0; i < count; i++)
		step->to->u64[i] = step->a->bytes[i].size;
	step->to->present = step->a->present;
}

static uint8_t *scratch_of(const struct step *step, unsigned i) {
	return step->scratch + (size_t)i * step->size;
}

// ASCII letters: what a byte of another character is, depends on nothing here.
static void change_case(const struct step *step, unsigned count, int (*change)(int)) {
	step->to->present = step->a->present;
	for (unsigned i = 0; i < count; i++) {
		if (!(step->a->present >> i & 1))
			continue;
		struct bytes text = step->a->bytes[i];
		uint8_t *out = scratch_of(step, i);
		for (unsigned c = 0; c < text.size; c++)
			out[c] = text.data[c] < 0x80 ? (uint8_t)change(text.data[c]) : text.data[c];
		step->to->bytes[i] = (struct bytes){out, text.size};
	}
}

static void step_lower(const struct step *step, const void *const *bodies, unsigned count) {
	change_case(step, count, tolower);
}

static void step_upper(const struct step *step, const void *const *bodies, unsigned count) {
	change_case(step, count, toupper);
}

static void step_slice(const struct step *step, const void *const *bodies, unsigned count) {
	step->to->present = step->a->present & step->b->present & step->c->present;
	for (unsigned i = 0; i < count; i++) {
		if (!(step->to->present >> i & 1))
			continue;
		struct bytes text = step->a->bytes[i];
		uint64_t from = step->b->u64[i] < text.size ? step->b->u64[i] : text.size;
		uint64_t left = text.size - from, size = step->c->u64[i] < left ? step->c->u64[i] : left;
		step->to->bytes[i] = (struct bytes){text.data + from, (uint32_t)size};
	}
}

static void step_concat(const struct step *step, const void *const *bodies, unsigned count) {
	step->to->present = step->a->present & step->b->present;
	for (unsigned i = 0; i < count; i++) {
		if (!(step->to->present >> i & 1))
			continue;
		struct bytes a = step->a->bytes[i], b = step->b->bytes[i];
		uint8_t *out = scratch_of(step, i);
		memcpy(mempcpy(out, a.data, a.size), b.data, b.size);
		step->to->bytes[i] = (struct bytes){out, a.size + b.size};
	}
}

void step_enum_text(const struct step *step, const void *const *bodies, unsigned count) {
	unsigned choices = 0;
	while (step->field->choices[choices] != NULL)
		choices++;
	uint64_t known = 0;
	for (unsigned i = 0; i < count; i++) {
		bool is_known = step->a->u64[i] < choices;
		const char *name = is_known ? step->field->choices[step->a->u64[i]] : "";
		step->to->bytes[i] = (struct bytes){(const uint8_t *)name, (uint32_t)strlen(name)};
		known |= step_bit(is_known, i);
	}
	step->to->present = step->a->present & known;
}

// Values as the json sink writes them, without quotes (field_format): the column's value stands in for a field's.
static void format_column(const struct step *step, unsigned count, const struct field *as) {
	step->to->present = step->a->present;
	for (unsigned i = 0; i < count; i++) {
		if (!(step->a->present >> i & 1))
			continue;
		bool is_bytes = as->type == FIELD_IP || as->type == FIELD_MAC;
		const void *body = is_bytes ? (const void *)step->a->bytes[i].data : &step->a->u64[i];
		char *out = (char *)scratch_of(step, i);
		size_t size = field_format(as, body, out, step->size);
		step->to->bytes[i] = (struct bytes){(const uint8_t *)out, (uint32_t)size};
	}
}

#define TO_TEXT(name, of)                                                                                              \
	static void name(const struct step *step, const void *const *bodies, unsigned count) {                         \
		format_column(step, count, &(const struct field){.type = of});                                         \
	}                                                                                                              \
	_Static_assert(1, "")
TO_TEXT(step_text_of_u64, FIELD_U64);
TO_TEXT(step_text_of_i64, FIELD_I64);
TO_TEXT(step_text_of_f64, FIELD_F64);
TO_TEXT(step_text_of_ip, FIELD_IP);
TO_TEXT(step_text_of_mac, FIELD_MAC);

static void words_of(const struct bytes *address, uint64_t words[2]) {
	memcpy(words, address->data, 2 * sizeof(words[0]));
}

void step_in_prefix(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t present = step->a->present, truth = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!(present >> i & 1))
			continue;
		uint64_t words[2];
		words_of(&step->a->bytes[i], words);
		uint64_t differ =
			((words[0] ^ step->words[0]) & step->words[2]) | ((words[1] ^ step->words[1]) & step->words[3]);
		truth |= step_bit(differ == 0, i);
	}
	step->to->truth = truth;
	step->to->present = present;
}

static bool is_v4(const uint8_t *address) {
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

// The first bits of an address, the others zero; more than it has is all of it.
void step_prefix(const struct step *step, const void *const *bodies, unsigned count) {
	step->to->present = step->a->present & step->b->present;
	for (unsigned i = 0; i < count; i++) {
		if (!(step->to->present >> i & 1))
			continue;
		const uint8_t *address = step->a->bytes[i].data;
		uint64_t bits = step->b->u64[i] < 128 ? step->b->u64[i] : 128;
		bits = is_v4(address) ? (bits < 32 ? bits : 32) + 96 : bits;
		uint8_t *out = scratch_of(step, i);
		memcpy(out, address, 16);
		for (unsigned at = 0; at < 16; at++) {
			unsigned kept = bits > at * 8 ? (unsigned)(bits - at * 8) : 0;
			if (kept < 8)
				out[at] &= (uint8_t)(0xff00 >> kept);
		}
		step->to->bytes[i] = (struct bytes){out, 16};
	}
}

void step_ip_version(const struct step *step, const void *const *bodies, unsigned count) {
	step->to->present = step->a->present;
	for (unsigned i = 0; i < count; i++)
		if (step->a->present >> i & 1)
			step->to->u64[i] = is_v4(step->a->bytes[i].data) ? 4 : 6;
}

step_run *step_of_bytes(enum step_op op, enum field_type type) {
	static step_run *const of_text[STEP_OPS] = {
		[OP_EQ] = step_eq_bytes,
		[OP_LT] = step_lt_bytes,
		[OP_SELECT] = step_select_bytes,
		[OP_LOWER] = step_lower,
		[OP_UPPER] = step_upper,
		[OP_LENGTH] = step_length,
		[OP_CONTAINS] = step_contains,
		[OP_STARTS_WITH] = step_starts_with,
		[OP_ENDS_WITH] = step_ends_with,
		[OP_SLICE] = step_slice,
		[OP_CONCAT] = step_concat,
	};
	static step_run *const to_text[] = {
		[FIELD_U64] = step_text_of_u64,
		[FIELD_I64] = step_text_of_i64,
		[FIELD_F64] = step_text_of_f64,
		[FIELD_IP] = step_text_of_ip,
		[FIELD_MAC] = step_text_of_mac,
	};
	if (op == OP_TO_TEXT)
		return type < sizeof(to_text) / sizeof(to_text[0]) ? to_text[type] : NULL;
	bool for_addresses = op == OP_EQ || op == OP_LT || op == OP_SELECT;
	if (type == FIELD_STRING || ((type == FIELD_IP || type == FIELD_MAC) && for_addresses))
		return of_text[op];
	return NULL;
}
