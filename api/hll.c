// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// HyperLogLog with 256 registers. A hash's top 8 bits choose the register, the rest give the rank: leading zeros + 1,
// 1..57. With 64-bit hashes there are no collisions to correct for at the upper end.
//
// Packed: one byte per register in order, 1..57 its rank; 0x80 | n - 1 stands for a run of n registers that are 0
// (1 <= n <= 128), runs as long as they can be. So each sketch has just one packed form.
#include "api/hll.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <xxhash.h>

enum {
	INDEX_BITS = 8,
	RANK_MAX = 64 - INDEX_BITS + 1,
	RUN_FLAG = 0x80,
	RUN_MAX = 128,
};
_Static_assert(1 << INDEX_BITS == HLL_REGISTERS, "the top bits choose a register");

// | register 8 | rank 8 |
uint16_t hll_code(uint64_t hash) {
	unsigned index = (unsigned)(hash >> (64 - INDEX_BITS));
	uint64_t rest = hash << INDEX_BITS;
	unsigned rank = rest == 0 ? RANK_MAX : (unsigned)__builtin_clzll(rest) + 1;

	return (uint16_t)(index << 8 | rank);
}

void hll_add_code(struct hll *hll, uint16_t code) {
	uint8_t rank = code & 0xff;

	if (hll->registers[code >> 8] < rank)
		hll->registers[code >> 8] = rank;
}

void hll_add_hash(struct hll *hll, uint64_t hash) {
	hll_add_code(hll, hll_code(hash));
}

uint64_t hll_hash(const void *item, size_t size) {
	return XXH3_64bits(item, size);
}

void hll_merge(struct hll *into, const struct hll *from) {
	for (unsigned i = 0; i < HLL_REGISTERS; i++) {
		if (into->registers[i] < from->registers[i])
			into->registers[i] = from->registers[i];
	}
}

double hll_estimate(const struct hll *hll) {
	const double m = HLL_REGISTERS;
	const double alpha = 0.7213 / (1 + 1.079 / m);
	double sum = 0;
	unsigned zeros = 0;

	for (unsigned i = 0; i < HLL_REGISTERS; i++) {
		sum += ldexp(1, -hll->registers[i]);
		zeros += hll->registers[i] == 0;
	}
	double raw = alpha * m * m / sum;
	if (raw <= 2.5 * m && zeros > 0)
		return m * log(m / zeros);
	return raw;
}

size_t hll_pack(const struct hll *hll, uint8_t *out) {
	size_t size = 0;

	for (unsigned i = 0; i < HLL_REGISTERS;) {
		unsigned run = 0;
		while (i + run < HLL_REGISTERS && run < RUN_MAX && hll->registers[i + run] == 0)
			run++;
		out[size++] = run > 0 ? (uint8_t)(RUN_FLAG | (run - 1)) : hll->registers[i];
		i += run > 0 ? run : 1;
	}
	return size;
}

int hll_unpack(const uint8_t *data, size_t size, struct hll *out) {
	uint8_t again[HLL_REGISTERS + 1];
	unsigned filled = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < size; i++) {
		bool is_run = data[i] & RUN_FLAG;
		unsigned length = is_run ? (data[i] & ~RUN_FLAG) + 1u : 1;
		if (length > HLL_REGISTERS - filled || (!is_run && data[i] > RANK_MAX))
			goto err;
		if (!is_run)
			out->registers[filled] = data[i];
		filled += length;
	}
	// Another spelling of a sketch (runs cut short, a literal 0) is not ours either.
	if (filled != HLL_REGISTERS || hll_pack(out, again) != size || memcmp(again, data, size) != 0)
		goto err;
	return 0;
err:
	memset(out, 0, sizeof(*out));
	return -EINVAL;
}
