// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Quantiles of numbers within a stated relative error, in a fixed 2.9 KB, mergeable without further loss: a log-linear
// histogram. Whole numbers below 16 are exact; each power of two from 2^4 to 2^48 has 16 buckets of equal width, whose
// middle stands for all in it. What is above falls into the last bucket.
//
//   source  HdrHistogram (G. Tene); for times that leave the node there is api/histogram.h
#pragma once

#include <stdint.h>

enum {
	QUANTILES_SUB_BITS = 4,
	QUANTILES_TOP_BIT = 48,
	QUANTILES_BUCKETS = (QUANTILES_TOP_BIT - QUANTILES_SUB_BITS + 1) << QUANTILES_SUB_BITS,
};
#define QUANTILES_ERROR (0.5 / (1 << QUANTILES_SUB_BITS)) // half a bucket of the width 1/16: 3.1 %

// Zeroed: empty.
struct quantiles {
	uint32_t counts[QUANTILES_BUCKETS]; // stay at UINT32_MAX when full
};

void quantiles_add(struct quantiles *quantiles, uint64_t value);
void quantiles_merge(struct quantiles *into, const struct quantiles *from);

// The value that a share of all is not above.
//   share   0..1
//   return  within QUANTILES_ERROR of it; 0: it is empty
double quantiles_at(const struct quantiles *quantiles, double share);
