// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The two clocks of the control plane: wall time is stored and shown, monotonic time measures time-outs.
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL

static inline uint64_t clock_read_ns(clockid_t id) {
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_wall_ns(void) {
	return clock_read_ns(CLOCK_REALTIME);
}

static inline uint64_t clock_mono_ns(void) {
	return clock_read_ns(CLOCK_MONOTONIC);
}
