// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Log-linear histogram of times: any quantile within a stated relative error, mergeable without further loss. It
// crosses process boundaries: nodes fill it, the controller merges and reads.
//
// Each power of two from 2^10 to 2^36 ns (1 us to 69 s) has 16 buckets of equal width; what is below or above falls
// into the first or the last. A packed histogram may have had its buckets joined two by two, several times, to be
// short: that is its resolution, and the error of everything it is merged into.
//
//   source  HdrHistogram (G. Tene) for the buckets; Masson, Rim, Lee 2019, "DDSketch", for merging under a relative
//           error; Epicoco and others 2020, "UDDSketch", for joining all buckets alike
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	HISTOGRAM_RESOLUTION_MAX = 4, // 2^4 buckets for each power of two
	HISTOGRAM_OCTAVE_MIN = 10,
	HISTOGRAM_OCTAVES = 26,
	HISTOGRAM_BUCKETS = HISTOGRAM_OCTAVES << HISTOGRAM_RESOLUTION_MAX,
	HISTOGRAM_PACKED_MAX = 1 + HISTOGRAM_BUCKETS * 6, // bytes
};

struct histogram {
	uint32_t counts[HISTOGRAM_BUCKETS]; // stay at UINT32_MAX when full
	uint8_t lost_bits;                  // HISTOGRAM_RESOLUTION_MAX less the least resolution that was merged
};

//   return  0..HISTOGRAM_BUCKETS-1
static inline unsigned histogram_bucket(uint64_t time_ns) {
	if (time_ns < UINT64_C(1) << HISTOGRAM_OCTAVE_MIN)
		return 0;
	unsigned octave = 63 - (unsigned)__builtin_clzll(time_ns);
	if (octave >= HISTOGRAM_OCTAVE_MIN + HISTOGRAM_OCTAVES)
		return HISTOGRAM_BUCKETS - 1;
	unsigned sub =
		(unsigned)(time_ns >> (octave - HISTOGRAM_RESOLUTION_MAX)) & ((1 << HISTOGRAM_RESOLUTION_MAX) - 1);
	return ((octave - HISTOGRAM_OCTAVE_MIN) << HISTOGRAM_RESOLUTION_MAX) + sub;
}

// Add a time, so many times.
void histogram_add(struct histogram *histogram, uint64_t time_ns, uint64_t count);
void histogram_merge(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *histogram);
// The time below which a share of all lies.
//   share   0..1
//   return  ns, within histogram_error of the true one; 0: it is empty
uint64_t histogram_quantile(const struct histogram *histogram, double share);
// Relative error of quantiles between 1 us and 69 s: 0.03 at the full resolution.
double histogram_error(const struct histogram *histogram);
// Where a bucket ends: all in it are below.
uint64_t histogram_upper_ns(unsigned bucket);

// Form for messages, with the greatest resolution, at most the one asked for, that fits.
//   out         [max_size]
//   resolution  0..HISTOGRAM_RESOLUTION_MAX
//   return      bytes written; 0: it is empty, or does not fit at all
size_t histogram_pack(const struct histogram *histogram, unsigned resolution, uint8_t *out, size_t max_size);
// Merge a packed one.
//   return  0, or -EINVAL: not what histogram_pack writes; `into` is as it was
int histogram_merge_packed(struct histogram *into, const uint8_t *data, size_t size);
