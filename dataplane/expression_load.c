// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Steps that read tuples (expression_step.h): one field of each, into a column of the widest type of its kind.
#include <math.h>

#include "dataplane/expression_step.h"

static inline const uint8_t *value_of(const struct step *step, const void *body) {
	return (const uint8_t *)body + step->field->offset;
}

// Which of the tuples the field applies to.
static uint64_t presence(const struct step *step, const void *const *bodies, unsigned count) {
	if (step->field->present == FIELD_ALWAYS)
		return step_lanes(count);
	uint64_t present = 0;
	for (unsigned i = 0; i < count; i++) {
		const uint64_t *word = (const uint64_t *)((const uint8_t *)bodies[i] + step->present_offset);
		present |= (*word >> step->field->present & 1) << i;
	}
	return present;
}

#define LOAD(name, type, member)                                                                                       \
	static void name(const struct step *step, const void *const *bodies, unsigned count) {                         \
		for (unsigned i = 0; i < count; i++)                                                                   \
			step->to->member[i] = *(const type *)value_of(step, bodies[i]);                                \
		step->to->present = presence(step, bodies, count);                                                     \
	}                                                                                                              \
	_Static_assert(1, "")

LOAD(load_u8, uint8_t, u64);
LOAD(load_u16, uint16_t, u64);
LOAD(load_u32, uint32_t, u64);
LOAD(load_u64, uint64_t, u64);
LOAD(load_i64, int64_t, i64);

static void load_f64(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t finite = 0;
	for (unsigned i = 0; i < count; i++) {
		double value = *(const double *)value_of(step, bodies[i]);
		step->to->f64[i] = value;
		finite |= step_bit(isfinite(value), i);
	}
	step->to->present = presence(step, bodies, count) & finite;
}

static void load_bool(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t truth = 0;
	for (unsigned i = 0; i < count; i++)
		truth |= step_bit(*value_of(step, bodies[i]) != 0, i);
	step->to->truth = truth;
	step->to->present = presence(step, bodies, count);
}

static void load_address(const struct step *step, const void *const *bodies, unsigned count) {
	for (unsigned i = 0; i < count; i++)
		step->to->bytes[i] = (struct bytes){value_of(step, bodies[i]), step->size};
	step->to->present = presence(step, bodies, count);
}

static void load_text(const struct step *step, const void *const *bodies, unsigned count) {
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *text = value_of(step, bodies[i]);
		step->to->bytes[i] = (struct bytes){text, (uint32_t)strnlen((const char *)text, step->field->length)};
	}
	step->to->present = presence(step, bodies, count);
}

static inline unsigned list_count(const struct step *step, const void *body) {
	unsigned count = ((const uint8_t *)body)[step->field->count_offset];
	return count < step->field->length ? count : step->field->length;
}

static inline uint64_t list_item(const struct step *step, const void *body, unsigned index) {
	const uint8_t *items = value_of(step, body);
	return step->field->type == FIELD_U16_LIST ? ((const uint16_t *)items)[index]
						   : ((const uint32_t *)items)[index];
}

static void load_list_length(const struct step *step, const void *const *bodies, unsigned count) {
	for (unsigned i = 0; i < count; i++)
		step->to->u64[i] = list_count(step, bodies[i]);
	step->to->present = presence(step, bodies, count);
}

void step_load_item(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t there = 0;
	for (unsigned i = 0; i < count; i++) {
		bool is_there = step->a->u64[i] < list_count(step, bodies[i]);
		step->to->u64[i] = is_there ? list_item(step, bodies[i], (unsigned)step->a->u64[i]) : 0;
		there |= step_bit(is_there, i);
	}
	step->to->present = presence(step, bodies, count) & step->a->present & there;
}

void step_in_list(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t truth = 0;
	for (unsigned i = 0; i < count; i++)
		for (unsigned item = list_count(step, bodies[i]); item-- > 0;)
			truth |= step_bit(list_item(step, bodies[i], item) == step->a->u64[i], i);
	step->to->truth = truth;
	step->to->present = presence(step, bodies, count) & step->a->present;
}

step_run *step_of_load(enum field_type type) {
	switch (type) {
	case FIELD_BOOL:
		return load_bool;
	case FIELD_U8:
	case FIELD_ENUM:
		return load_u8;
	case FIELD_U16:
		return load_u16;
	case FIELD_U32:
		return load_u32;
	case FIELD_U64:
		return load_u64;
	case FIELD_I64:
		return load_i64;
	case FIELD_F64:
		return load_f64;
	case FIELD_IP:
	case FIELD_MAC:
		return load_address;
	case FIELD_STRING:
		return load_text;
	case FIELD_U16_LIST:
	case FIELD_U32_LIST:
		return load_list_length;
	}
	return NULL;
}
