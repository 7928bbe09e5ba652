// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/distribution.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/random.h"
#include "dataplane/value_parse.h"

// One slot of an alias table: numbers are drawn evenly, and some of each slot's share belong to another number.
struct distribution_slot {
	uint32_t own;   // of 2^32: how much of the slot is its own number's
	uint32_t other; // whose the rest is
};

static bool parse_whole(const char *word, uint64_t *out) {
	int64_t value;
	if (value_parse_u64(word, strlen(word), out))
		return true;
	if (!value_parse_i64(word, strlen(word), &value))
		return false;
	*out = (uint64_t)value;
	return true;
}

static bool parse_real(const char *word, double *out) {
	return value_parse_f64(word, strlen(word), out);
}

static bool parse_sequence(struct distribution *out, char *const *words, unsigned count, unsigned *taken) {
	out->step = 1;
	if (count > 1 && parse_whole(words[1], &out->low))
		++*taken;
	if (*taken == 2 && count > 2 && parse_whole(words[2], &out->step))
		++*taken;
	out->high = out->low;
	return true;
}

static bool parse_uniform(struct distribution *out, char *const *words, unsigned count, bool is_real, unsigned *taken) {
	double high;
	if (count < 3)
		return false;
	*taken = 3;
	out->is_real = is_real;
	if (!is_real) {
		bool is_negative = words[1][0] == '-';
		return parse_whole(words[1], &out->low) && parse_whole(words[2], &out->high) &&
		       (is_negative ? (int64_t)out->high >= (int64_t)out->low
				    : words[2][0] != '-' && out->high >= out->low);
	}
	if (!parse_real(words[1], &out->mean) || !parse_real(words[2], &high) || high < out->mean)
		return false;
	out->spread = high - out->mean;
	return true;
}

static bool parse_normal(struct distribution *out, char *const *words, unsigned count, unsigned *taken) {
	*taken = 3;
	out->is_real = true;
	return count >= 3 && parse_real(words[1], &out->mean) && parse_real(words[2], &out->spread) && out->spread >= 0;
}

// Fill an alias table from weights whose mean is 1. What is left at the end for rounding's sake is its own.
static void fill_slots(struct distribution_slot *slots, double *weights, uint32_t *stack, uint64_t count) {
	uint64_t small = 0, large = count; // two stacks in one array: of slots with less than 1, and of the others
	for (uint64_t i = 0; i < count; i++)
		stack[weights[i] < 1 ? small++ : --large] = (uint32_t)i;
	while (small > 0 && large < count) {
		uint32_t less = stack[--small], more = stack[large];
		slots[less] = (struct distribution_slot){(uint32_t)(weights[less] * 4294967295.0), more};
		weights[more] -= 1 - weights[less];
		if (weights[more] >= 1)
			continue;
		large++;
		stack[small++] = more;
	}
	while (small > 0) {
		uint32_t i = stack[--small];
		slots[i] = (struct distribution_slot){UINT32_MAX, i};
	}
	for (; large < count; large++)
		slots[stack[large]] = (struct distribution_slot){UINT32_MAX, stack[large]};
}

static int make_slots(struct distribution *out, double exponent) {
	uint64_t count = out->slot_count;
	double *weights = malloc(count * sizeof(*weights)), sum = 0;
	uint32_t *stack = malloc(count * sizeof(*stack));
	out->slots = malloc(count * sizeof(*out->slots));
	int ret = weights != NULL && stack != NULL && out->slots != NULL ? 0 : -ENOMEM;
	for (uint64_t i = 0; ret == 0 && i < count; i++)
		sum += weights[i] = pow((double)(i + 1), -exponent);
	for (uint64_t i = 0; ret == 0 && i < count; i++)
		weights[i] *= (double)count / sum;
	if (ret == 0)
		fill_slots(out->slots, weights, stack, count);
	free(weights);
	free(stack);
	return ret;
}

static bool parse_zipf(
	struct distribution *out, char *const *words, unsigned count, double *exponent, unsigned *taken) {
	*taken = 3;
	out->low = 1;
	if (count < 3 || !parse_real(words[1], exponent) || *exponent < 0 || *exponent > 20 ||
		!parse_whole(words[2], &out->slot_count))
		return false;
	out->high = out->slot_count;
	return out->slot_count > 0 && out->slot_count <= DISTRIBUTION_COUNT_MAX;
}

int distribution_parse(struct distribution *out, char *const *words, unsigned count, bool is_real, unsigned *taken,
	char *error, size_t error_size) {
	static const char *const forms[] = {
		[DISTRIBUTION_SEQUENCE] = "sequence [START [STEP]]",
		[DISTRIBUTION_UNIFORM] = "uniform LOW HIGH",
		[DISTRIBUTION_ZIPF] = "zipf EXPONENT COUNT (0..20, 1..16777216)",
		[DISTRIBUTION_NORMAL] = "normal MEAN DEVIATION",
	};
	unsigned kind = 0;
	size_t length = count > 0 ? strlen(words[0]) : 0;
	while (kind <= DISTRIBUTION_NORMAL &&
		(count == 0 || strncmp(forms[kind], words[0], length) != 0 || forms[kind][length] != ' '))
		kind++;
	if (kind > DISTRIBUTION_NORMAL)
		return -ENOENT;
	double exponent = 0;
	bool is_ok = false;
	*taken = 1;
	*out = (struct distribution){.kind = kind};
	switch (out->kind) {
	case DISTRIBUTION_SEQUENCE:
		is_ok = parse_sequence(out, words, count, taken);
		break;
	case DISTRIBUTION_UNIFORM:
		is_ok = parse_uniform(out, words, count, is_real, taken);
		break;
	case DISTRIBUTION_ZIPF:
		is_ok = parse_zipf(out, words, count, &exponent, taken);
		break;
	case DISTRIBUTION_NORMAL:
		is_ok = is_real && parse_normal(out, words, count, taken);
		break;
	}
	if (!is_ok) {
		snprintf(error, error_size, "%s: expected %s%s", words[0], forms[kind],
			kind == DISTRIBUTION_NORMAL && !is_real ? " for a field of type f64 only" : "");
		return -EINVAL;
	}
	return kind == DISTRIBUTION_ZIPF ? make_slots(out, exponent) : 0;
}

void distribution_fini(struct distribution *distribution) {
	free(distribution->slots);
	distribution->slots = NULL;
}

uint64_t distribution_next(const struct distribution *distribution, uint64_t *random, uint64_t index) {
	switch (distribution->kind) {
	case DISTRIBUTION_SEQUENCE:
		return distribution->low + index * distribution->step;
	case DISTRIBUTION_UNIFORM:
		return distribution->low + random_below(random, distribution->high - distribution->low + 1);
	case DISTRIBUTION_ZIPF: {
		uint64_t bits = random_next(random);
		uint64_t slot = (bits >> 32) * distribution->slot_count >> 32;
		const struct distribution_slot *drawn = &distribution->slots[slot];
		return 1 + ((uint32_t)bits <= drawn->own ? slot : drawn->other);
	}
	case DISTRIBUTION_NORMAL:
		break;
	}
	return 0;
}

double distribution_next_real(const struct distribution *distribution, uint64_t *random, uint64_t index) {
	if (!distribution->is_real) {
		uint64_t whole = distribution_next(distribution, random, index);
		return (int64_t)distribution->low < 0 ? (double)(int64_t)whole : (double)whole;
	}
	if (distribution->kind == DISTRIBUTION_UNIFORM)
		return distribution->mean + distribution->spread * random_unit(random);
	// Box and Muller, 1958; the first number is above 0, so that its logarithm is finite.
	double first = 1 - random_unit(random), second = random_unit(random);
	return distribution->mean + distribution->spread * sqrt(-2 * log(first)) * cos(2 * M_PI * second);
}
