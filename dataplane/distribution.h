// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Numbers as a distribution gives them, for made-up records.
//
//   M. D. Vose: A linear algorithm for generating random numbers with a given distribution, 1991
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum distribution_kind {
	DISTRIBUTION_SEQUENCE, // low, low + step, …
	DISTRIBUTION_UNIFORM,  // low..high, both included
	DISTRIBUTION_ZIPF,     // 1..count, the probability of k is proportional to 1 / k^exponent
	DISTRIBUTION_NORMAL,   // reals by mean and deviation
};

enum { DISTRIBUTION_COUNT_MAX = 1 << 24 };

struct distribution_slot;

struct distribution {
	enum distribution_kind kind;
	bool is_real;        // uniform over reals, or normal
	uint64_t low, high;  // of whole numbers; negative ones as int64_t
	uint64_t step;       // sequence
	double mean, spread; // normal: deviation; uniform reals: the least, and the length
	uint64_t slot_count; // zipf
	struct distribution_slot *slots;
};

// Read `sequence [START [STEP]]`, `uniform LOW HIGH`, `zipf EXPONENT COUNT` or `normal MEAN DEVIATION`.
//   is_real  the field takes reals
//   taken    set to the number of words used
//   error    [error_size] filled on failure
//   return   0; -ENOENT: the first word is none of these; -EINVAL; -ENOMEM
int distribution_parse(struct distribution *out, char *const *words, unsigned count, bool is_real, unsigned *taken,
	char *error, size_t error_size);
void distribution_fini(struct distribution *distribution);

// The number of record `index`, where it is a whole one.
//   random  state of random_next
uint64_t distribution_next(const struct distribution *distribution, uint64_t *random, uint64_t index);
// The same as a real, of any kind.
double distribution_next_real(const struct distribution *distribution, uint64_t *random, uint64_t index);
