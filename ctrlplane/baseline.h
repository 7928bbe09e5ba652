// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What is usual for a rule and subject: the median of its rates in the time before the present window, and their median
// absolute deviation (MAD). The rates are kept as means over at most 60 stretches of that time, so that a day takes no
// more memory than a minute, and a controller that starts anew gets them back from Redis.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BASELINE_BINS = 60, // at most, that the median is of
	BASELINE_SKIP = 5,  // at most, that lie in the present window
	BASELINE_RING = BASELINE_BINS + BASELINE_SKIP,
};

// How a rule's time is cut up. All lengths are counted in samples, one per evaluation.
struct baseline_shape {
	uint32_t bin;    // samples of a bin
	uint32_t bins;   // of the baseline, 1..BASELINE_BINS
	uint32_t window; // samples of the window
};

struct baseline {
	double bins[BASELINE_RING]; // means; ring: number n at n % BASELINE_RING
	uint64_t closed;            // bins, ever
	double sum;                 // of the open bin
	uint32_t samples;           // in the open bin
};

struct baseline_usual {
	double median, mad;
};

struct baseline_shape baseline_shape(uint64_t window_ns, uint64_t baseline_ns, uint64_t interval_ns);
void baseline_add(struct baseline *baseline, const struct baseline_shape *shape, double rate);
//   return  false: fewer than a fifth of the baseline is known yet
bool baseline_usual(const struct baseline *baseline, const struct baseline_shape *shape, struct baseline_usual *out);
// How many standard deviations a rate lies above what is usual, negative below. The standard deviation is taken as
// 1.4826 MAD, as for a normal distribution, but at least as a tenth of the median: what never varied may vary by that.
double baseline_deviation(const struct baseline_usual *usual, double rate);

//   return  a new object
json_t *baseline_to_json(const struct baseline *baseline, const struct baseline_shape *shape);
//   return  false: it is none, or of another shape
bool baseline_from_json(const json_t *object, const struct baseline_shape *shape, struct baseline *out);
