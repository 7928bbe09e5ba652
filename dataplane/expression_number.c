// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Steps on numbers and on truth (expression_step.h). A result that does not fit its type is absent, and so is one that
// is not finite.
#include <math.h>

#include "dataplane/expression_step.h"

// to->into[i] = the value of `compute`, where a[i] and b[i] are members of that name.
#define BINARY(name, member, into, compute)                                                                            \
	static void name(const struct step *step, const void *const *bodies, unsigned count) {                         \
		const struct column *a = step->a, *b = step->b;                                                        \
		struct column *to = step->to;                                                                          \
		for (unsigned i = 0; i < count; i++)                                                                   \
			to->into[i] = compute(a->member[i], b->member[i]);                                             \
		to->present = a->present & b->present;                                                                 \
	}                                                                                                              \
	_Static_assert(1, "")

// The same, where `fails` computes into its third argument and says whether that does not hold the result.
#define CHECKED(name, member, into, fails)                                                                             \
	static void name(const struct step *step, const void *const *bodies, unsigned count) {                         \
		const struct column *a = step->a, *b = step->b;                                                        \
		struct column *to = step->to;                                                                          \
		uint64_t failed = 0;                                                                                   \
		for (unsigned i = 0; i < count; i++)                                                                   \
			failed |= step_bit(fails(a->member[i], b->member[i], &to->into[i]), i);                        \
		to->present = a->present & b->present & ~failed;                                                       \
	}                                                                                                              \
	_Static_assert(1, "")

#define CHECKED_UNARY(name, member, into, fails)                                                                       \
	static void name(const struct step *step, const void *const *bodies, unsigned count) {                         \
		const struct column *a = step->a;                                                                      \
		struct column *to = step->to;                                                                          \
		uint64_t failed = 0;                                                                                   \
		for (unsigned i = 0; i < count; i++)                                                                   \
			failed |= step_bit(fails(a->member[i], &to->into[i]), i);                                      \
		to->present = a->present & ~failed;                                                                    \
	}                                                                                                              \
	_Static_assert(1, "")

#define COMPARISON(name, member, sign)                                                                                 \
	static void name(const struct step *step, const void *const *bodies, unsigned count) {                         \
		const struct column *a = step->a, *b = step->b;                                                        \
		uint64_t truth = 0;                                                                                    \
		for (unsigned i = 0; i < count; i++)                                                                   \
			truth |= step_bit(a->member[i] sign b->member[i], i);                                          \
		step->to->truth = truth;                                                                               \
		step->to->present = a->present & b->present;                                                           \
	}                                                                                                              \
	_Static_assert(1, "")

static inline bool add_f64(double a, double b, double *out) {
	*out = a + b;
	return !isfinite(*out);
}

static inline bool sub_f64(double a, double b, double *out) {
	*out = a - b;
	return !isfinite(*out);
}

static inline bool mul_f64(double a, double b, double *out) {
	*out = a * b;
	return !isfinite(*out);
}

static inline bool div_f64(double a, double b, double *out) {
	*out = b != 0 ? a / b : 0;
	return b == 0 || !isfinite(*out);
}

static inline bool div_u64(uint64_t a, uint64_t b, uint64_t *out) {
	*out = b != 0 ? a / b : 0;
	return b == 0;
}

static inline bool mod_u64(uint64_t a, uint64_t b, uint64_t *out) {
	*out = b != 0 ? a % b : 0;
	return b == 0;
}

static inline bool div_i64(int64_t a, int64_t b, int64_t *out) {
	bool fails = b == 0 || (a == INT64_MIN && b == -1);
	*out = fails ? 0 : a / b;
	return fails;
}

static inline bool mod_i64(int64_t a, int64_t b, int64_t *out) {
	*out = b == 0 || b == -1 ? 0 : a % b;
	return b == 0;
}

static inline bool shl_u64(uint64_t a, uint64_t b, uint64_t *out) {
	*out = a << (b & 63);
	return b > 63 || *out >> (b & 63) != a;
}

static inline uint64_t shr_u64(uint64_t a, uint64_t b) {
	return b > 63 ? 0 : a >> b;
}

static inline uint64_t and_u64(uint64_t a, uint64_t b) {
	return a & b;
}

static inline uint64_t or_u64(uint64_t a, uint64_t b) {
	return a | b;
}

static inline uint64_t xor_u64(uint64_t a, uint64_t b) {
	return a ^ b;
}

static inline bool not_u64(uint64_t a, uint64_t *out) {
	*out = ~a;
	return false;
}

static inline bool neg_u64(uint64_t a, int64_t *out) {
	return __builtin_sub_overflow(UINT64_C(0), a, out);
}

static inline bool neg_i64(int64_t a, int64_t *out) {
	return __builtin_sub_overflow(INT64_C(0), a, out);
}

static inline bool neg_f64(double a, double *out) {
	*out = -a;
	return false;
}

static inline bool abs_u64(uint64_t a, uint64_t *out) {
	*out = a;
	return false;
}

static inline bool abs_i64(int64_t a, uint64_t *out) {
	*out = a < 0 ? -(uint64_t)a : (uint64_t)a;
	return false;
}

static inline bool abs_f64(double a, double *out) {
	*out = fabs(a);
	return false;
}

static inline bool i64_of_u64(uint64_t a, int64_t *out) {
	*out = (int64_t)a;
	return a > INT64_MAX;
}

static inline bool i64_of_f64(double a, int64_t *out) {
	bool fits = a >= -0x1p63 && a < 0x1p63;
	*out = fits ? (int64_t)a : 0;
	return !fits;
}

static inline bool f64_of_u64(uint64_t a, double *out) {
	*out = (double)a;
	return false;
}

static inline bool f64_of_i64(int64_t a, double *out) {
	*out = (double)a;
	return false;
}

#define OF_F64(name, function)                                                                                         \
	static inline bool name(double a, double *out) {                                                               \
		*out = function(a);                                                                                    \
		return !isfinite(*out);                                                                                \
	}                                                                                                              \
	_Static_assert(1, "")
OF_F64(floor_f64, floor);
OF_F64(ceil_f64, ceil);
OF_F64(round_f64, round);
OF_F64(sqrt_f64, sqrt);
OF_F64(log_f64, log);
OF_F64(exp_f64, exp);

COMPARISON(step_eq_u64, u64, ==);
COMPARISON(step_eq_i64, i64, ==);
COMPARISON(step_eq_f64, f64, ==);
COMPARISON(step_lt_u64, u64, <);
COMPARISON(step_lt_i64, i64, <);
COMPARISON(step_lt_f64, f64, <);
CHECKED(step_add_u64, u64, u64, __builtin_add_overflow);
CHECKED(step_add_i64, i64, i64, __builtin_add_overflow);
CHECKED(step_add_f64, f64, f64, add_f64);
CHECKED(step_sub_u64, u64, i64, __builtin_sub_overflow);
CHECKED(step_sub_i64, i64, i64, __builtin_sub_overflow);
CHECKED(step_sub_f64, f64, f64, sub_f64);
CHECKED(step_mul_u64, u64, u64, __builtin_mul_overflow);
CHECKED(step_mul_i64, i64, i64, __builtin_mul_overflow);
CHECKED(step_mul_f64, f64, f64, mul_f64);
CHECKED(step_div_u64, u64, u64, div_u64);
CHECKED(step_div_i64, i64, i64, div_i64);
CHECKED(step_div_f64, f64, f64, div_f64);
CHECKED(step_mod_u64, u64, u64, mod_u64);
CHECKED(step_mod_i64, i64, i64, mod_i64);
CHECKED(step_shl, u64, u64, shl_u64);
BINARY(step_shr, u64, u64, shr_u64);
BINARY(step_bit_and, u64, u64, and_u64);
BINARY(step_bit_or, u64, u64, or_u64);
BINARY(step_bit_xor, u64, u64, xor_u64);
CHECKED_UNARY(step_bit_not, u64, u64, not_u64);
CHECKED_UNARY(step_neg_u64, u64, i64, neg_u64);
CHECKED_UNARY(step_neg_i64, i64, i64, neg_i64);
CHECKED_UNARY(step_neg_f64, f64, f64, neg_f64);
CHECKED_UNARY(step_abs_u64, u64, u64, abs_u64);
CHECKED_UNARY(step_abs_i64, i64, u64, abs_i64);
CHECKED_UNARY(step_abs_f64, f64, f64, abs_f64);
CHECKED_UNARY(step_i64_of_u64, u64, i64, i64_of_u64);
CHECKED_UNARY(step_i64_of_f64, f64, i64, i64_of_f64);
CHECKED_UNARY(step_f64_of_u64, u64, f64, f64_of_u64);
CHECKED_UNARY(step_f64_of_i64, i64, f64, f64_of_i64);
CHECKED_UNARY(step_floor, f64, f64, floor_f64);
CHECKED_UNARY(step_ceil, f64, f64, ceil_f64);
CHECKED_UNARY(step_round, f64, f64, round_f64);
CHECKED_UNARY(step_sqrt, f64, f64, sqrt_f64);
CHECKED_UNARY(step_log, f64, f64, log_f64);
CHECKED_UNARY(step_exp, f64, f64, exp_f64);

static uint64_t select_present(const struct step *step) {
	uint64_t truth = step->a->truth;
	return step->a->present & ((truth & step->b->present) | (~truth & step->c->present));
}

// All numbers are eight bytes.
static void step_select_number(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t truth = step->a->truth;
	for (unsigned i = 0; i < count; i++)
		step->to->u64[i] = truth >> i & 1 ? step->b->u64[i] : step->c->u64[i];
	step->to->present = select_present(step);
}

static void step_select_bool(const struct step *step, const void *const *bodies, unsigned count) {
	uint64_t truth = step->a->truth;
	step->to->truth = (truth & step->b->truth) | (~truth & step->c->truth);
	step->to->present = select_present(step);
}

static void step_eq_bool(const struct step *step, const void *const *bodies, unsigned count) {
	step->to->truth = ~(step->a->truth ^ step->b->truth);
	step->to->present = step->a->present & step->b->present;
}

// What is false whatever the other side is, is false (Kleene 1938).
void step_and(const struct step *step, const void *const *bodies, unsigned count) {
	const struct column *a = step->a, *b = step->b;
	uint64_t is_false = (a->present & ~a->truth) | (b->present & ~b->truth);
	step->to->truth = a->truth & b->truth;
	step->to->present = (a->present & b->present) | is_false;
	step->to->truth &= ~is_false;
}

void step_or(const struct step *step, const void *const *bodies, unsigned count) {
	const struct column *a = step->a, *b = step->b;
	step->to->truth = (a->present & a->truth) | (b->present & b->truth);
	step->to->present = (a->present & b->present) | step->to->truth;
}

void step_not(const struct step *step, const void *const *bodies, unsigned count) {
	step->to->truth = ~step->a->truth;
	step->to->present = step->a->present;
}

void step_present(const struct step *step, const void *const *bodies, unsigned count) {
	step->to->truth = step->a->present;
	step->to->present = UINT64_MAX;
}

static step_run *const of_u64[STEP_OPS] = {
	[OP_EQ] = step_eq_u64,
	[OP_LT] = step_lt_u64,
	[OP_ADD] = step_add_u64,
	[OP_SUB] = step_sub_u64,
	[OP_MUL] = step_mul_u64,
	[OP_DIV] = step_div_u64,
	[OP_MOD] = step_mod_u64,
	[OP_NEG] = step_neg_u64,
	[OP_ABS] = step_abs_u64,
	[OP_BIT_AND] = step_bit_and,
	[OP_BIT_OR] = step_bit_or,
	[OP_BIT_XOR] = step_bit_xor,
	[OP_BIT_NOT] = step_bit_not,
	[OP_SHL] = step_shl,
	[OP_SHR] = step_shr,
	[OP_TO_I64] = step_i64_of_u64,
	[OP_TO_F64] = step_f64_of_u64,
	[OP_SELECT] = step_select_number,
};

static step_run *const of_i64[STEP_OPS] = {
	[OP_EQ] = step_eq_i64,
	[OP_LT] = step_lt_i64,
	[OP_ADD] = step_add_i64,
	[OP_SUB] = step_sub_i64,
	[OP_MUL] = step_mul_i64,
	[OP_DIV] = step_div_i64,
	[OP_MOD] = step_mod_i64,
	[OP_NEG] = step_neg_i64,
	[OP_ABS] = step_abs_i64,
	[OP_TO_F64] = step_f64_of_i64,
	[OP_SELECT] = step_select_number,
};

static step_run *const of_f64[STEP_OPS] = {
	[OP_EQ] = step_eq_f64,
	[OP_LT] = step_lt_f64,
	[OP_ADD] = step_add_f64,
	[OP_SUB] = step_sub_f64,
	[OP_MUL] = step_mul_f64,
	[OP_DIV] = step_div_f64,
	[OP_NEG] = step_neg_f64,
	[OP_ABS] = step_abs_f64,
	[OP_FLOOR] = step_floor,
	[OP_CEIL] = step_ceil,
	[OP_ROUND] = step_round,
	[OP_SQRT] = step_sqrt,
	[OP_LOG] = step_log,
	[OP_EXP] = step_exp,
	[OP_TO_I64] = step_i64_of_f64,
	[OP_SELECT] = step_select_number,
};

static step_run *const of_bool[STEP_OPS] = {
	[OP_EQ] = step_eq_bool,
	[OP_SELECT] = step_select_bool,
};

step_run *step_of_number(enum step_op op, enum field_type type) {
	switch (type) {
	case FIELD_ENUM:
	case FIELD_U64:
		return of_u64[op];
	case FIELD_I64:
		return of_i64[op];
	case FIELD_F64:
		return of_f64[op];
	case FIELD_BOOL:
		return of_bool[op];
	default:
		return NULL;
	}
}
