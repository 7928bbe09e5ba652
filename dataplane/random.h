// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Random numbers that a seed repeats. Not for secrets.
//
//   SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)
#pragma once

#include <stdint.h>

//   state  any value; generators of different instances start well apart (RANDOM_STREAM)
static inline uint64_t random_next(uint64_t *state) {
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

#define RANDOM_STREAM UINT64_C(0xd1342543de82ef95)

// 0..n-1, each with the same probability but for n / 2^64; n 0: all 64 bits.
static inline uint64_t random_below(uint64_t *state, uint64_t n) {
	uint64_t bits = random_next(state);
	return n == 0 ? bits : (uint64_t)((unsigned __int128)bits * n >> 64);
}

// At least 0, below 1.
static inline double random_unit(uint64_t *state) {
	return (double)(random_next(state) >> 11) * 0x1p-53;
}
