// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/latency.h"

_Thread_local uint64_t latency_since;

static uint64_t ns_per_tick_q32 = UINT64_C(1) << 32; // written before there are workers
static double ticks_per_ns = 1;

void latency_init(void) {
	uint64_t hz = rte_get_tsc_hz();
	if (hz == 0)
		return;
	ns_per_tick_q32 = (uint64_t)(1e9 / (double)hz * (double)(UINT64_C(1) << 32));
	ticks_per_ns = (double)hz * 1e-9;
}

static inline uint64_t age_ns(void) {
	// Counters of two processors may be a little apart.
	int64_t ticks = (int64_t)(rte_rdtsc() - latency_since);
	return ticks > 0 ? (uint64_t)((unsigned __int128)ticks * ns_per_tick_q32 >> 32) : 0;
}

uint64_t latency_age_ns(void) {
	return latency_since == 0 ? UINT64_MAX : age_ns();
}

void latency_end(struct latency *latency, uint64_t tuples) {
	uint64_t *count = &latency->counts[histogram_bucket(age_ns())];
	__atomic_store_n(count, *count + tuples, __ATOMIC_RELAXED);
}

void latency_move_back(uint64_t ago_ns) {
	latency_since -= (uint64_t)((double)ago_ns * ticks_per_ns);
}

void latency_take(struct latency *latency, struct histogram *out) {
	*out = (struct histogram){.lost_bits = 0};
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t now = __atomic_load_n(&latency->counts[i], __ATOMIC_RELAXED), grown = now - latency->told[i];
		out->counts[i] = grown < UINT32_MAX ? (uint32_t)grown : UINT32_MAX;
		latency->told[i] = now;
	}
}
