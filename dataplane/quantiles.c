// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/quantiles.h"

enum { SUB_BUCKETS = 1 << QUANTILES_SUB_BITS };

static unsigned bucket_of(uint64_t value) {
	if (value < SUB_BUCKETS)
		return (unsigned)value;
	unsigned octave = 63 - (unsigned)__builtin_clzll(value);
	if (octave >= QUANTILES_TOP_BIT)
		return QUANTILES_BUCKETS - 1;
	unsigned sub = (unsigned)(value >> (octave - QUANTILES_SUB_BITS)) & (SUB_BUCKETS - 1);
	return (octave - QUANTILES_SUB_BITS + 1) * SUB_BUCKETS + sub;
}

static double middle_of(unsigned bucket) {
	if (bucket < 2 * SUB_BUCKETS)
		return bucket; // wide as one number
	unsigned shift = bucket / SUB_BUCKETS - 1;
	double lower = (double)((uint64_t)(SUB_BUCKETS + bucket % SUB_BUCKETS) << shift);
	return lower + (double)((UINT64_C(1) << shift) - 1) / 2;
}

static void add_to(uint32_t *count, uint32_t more) {
	*count = more > UINT32_MAX - *count ? UINT32_MAX : *count + more;
}

void quantiles_add(struct quantiles *quantiles, uint64_t value) {
	add_to(&quantiles->counts[bucket_of(value)], 1);
}

void quantiles_merge(struct quantiles *into, const struct quantiles *from) {
	for (unsigned i = 0; i < QUANTILES_BUCKETS; i++)
		add_to(&into->counts[i], from->counts[i]);
}

double quantiles_at(const struct quantiles *quantiles, double share) {
	uint64_t count = 0, below = 0;
	for (unsigned i = 0; i < QUANTILES_BUCKETS; i++)
		count += quantiles->counts[i];
	for (unsigned i = 0; i < QUANTILES_BUCKETS; i++) {
		below += quantiles->counts[i];
		if (quantiles->counts[i] != 0 && (double)below >= share * (double)count)
			return middle_of(i);
	}
	return 0;
}
