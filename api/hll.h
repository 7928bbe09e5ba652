// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// HyperLogLog (Flajolet et al. 2007; linear counting below 2.5 m, as they do): how many different items were seen, in a
// fixed 256 bytes, mergeable. It crosses process boundaries: nodes fill it, the controller merges and reads.
// Standard error 1.04/sqrt(256) = 6.5 %.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HLL_REGISTERS = 256 };

struct hll {
	uint8_t registers[HLL_REGISTERS];
};

// Add an item by its 64-bit hash. Sketches that are merged must use the same hash of the same bytes.
void hll_add_hash(struct hll *hll, uint64_t hash);
// The hash of an item, the same in every process (not secret).
uint64_t hll_hash(const void *item, size_t size);

// What an item does to a sketch, in 16 bits: few items can be kept as codes and put into a sketch later.
uint16_t hll_code(uint64_t hash);
void hll_add_code(struct hll *hll, uint16_t code);

void hll_merge(struct hll *into, const struct hll *from);
double hll_estimate(const struct hll *hll);

// Run-length form for messages: 256 bytes at most, a few for a nearly empty sketch.
//   out     [HLL_REGISTERS + 1]
//   return  bytes written
size_t hll_pack(const struct hll *hll, uint8_t *out);
//   return  0, or -EINVAL: not what hll_pack writes
int hll_unpack(const uint8_t *data, size_t size, struct hll *out);
