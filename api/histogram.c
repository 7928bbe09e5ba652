// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Packed: one byte with the resolution, then for each bucket that is not empty, in ascending order, how many empty ones
// come before it and its count, both as varints of protobuf (7 bits a byte, least first).
#include "api/histogram.h"

#include <errno.h>
#include <string.h>

enum {
	SUB_BUCKETS = 1 << HISTOGRAM_RESOLUTION_MAX,
	VARINT_MAX = 5, // bytes of 32 bits
};

static uint64_t lower_ns(unsigned bucket) {
	unsigned octave = bucket / SUB_BUCKETS + HISTOGRAM_OCTAVE_MIN, sub = bucket % SUB_BUCKETS;
	return (uint64_t)(SUB_BUCKETS + sub) << (octave - HISTOGRAM_RESOLUTION_MAX);
}

uint64_t histogram_upper_ns(unsigned bucket) {
	return lower_ns(bucket + 1);
}

static void add_to(struct histogram *histogram, unsigned bucket, uint64_t count) {
	uint64_t sum = histogram->counts[bucket] + count;
	histogram->counts[bucket] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

void histogram_add(struct histogram *histogram, uint64_t time_ns, uint64_t count) {
	add_to(histogram, histogram_bucket(time_ns), count < UINT32_MAX ? count : UINT32_MAX);
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		add_to(into, i, from->counts[i]);
	if (into->lost_bits < from->lost_bits)
		into->lost_bits = from->lost_bits;
}

uint64_t histogram_count(const struct histogram *histogram) {
	uint64_t count = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += histogram->counts[i];
	return count;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share) {
	uint64_t count = histogram_count(histogram), below = 0;
	if (count == 0)
		return 0;
	double rank = share * (double)count;
	unsigned width = 1u << histogram->lost_bits, bucket = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (histogram->counts[i] == 0)
			continue;
		bucket = i;
		below += histogram->counts[i];
		if ((double)below >= rank)
			break;
	}
	// The middle of the bucket is nearest to all that may be in it.
	unsigned first = bucket / width * width;
	return (lower_ns(first) + histogram_upper_ns(first + width - 1)) / 2;
}

// Half a bucket of the width w = 2^-resolution of its octave, seen from the lower end of the first: w/2 of 1.
double histogram_error(const struct histogram *histogram) {
	return 0.5 / (double)(1u << (HISTOGRAM_RESOLUTION_MAX - histogram->lost_bits));
}

static size_t put_varint(uint8_t *out, uint32_t value) {
	size_t size = 0;
	for (; value >= 0x80; value >>= 7)
		out[size++] = (uint8_t)(value | 0x80);
	out[size++] = (uint8_t)value;
	return size;
}

//   return  the count of so many buckets from `first` on, joined
static uint32_t joined(const struct histogram *histogram, unsigned first, unsigned width) {
	uint64_t sum = 0;
	for (unsigned i = 0; i < width; i++)
		sum += histogram->counts[first + i];
	return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

//   return  bytes; 0: it does not fit
static size_t pack_at(const struct histogram *histogram, unsigned resolution, uint8_t *out, size_t max_size) {
	unsigned width = 1u << (HISTOGRAM_RESOLUTION_MAX - resolution);
	uint32_t empty = 0;
	size_t size = 1;
	if (max_size < 1)
		return 0;
	out[0] = (uint8_t)resolution;
	for (unsigned first = 0; first < HISTOGRAM_BUCKETS; first += width) {
		uint32_t count = joined(histogram, first, width);
		uint8_t pair[2 * VARINT_MAX];
		if (count == 0) {
			empty++;
			continue;
		}
		size_t pair_size = put_varint(pair, empty);
		pair_size += put_varint(pair + pair_size, count);
		if (pair_size > max_size - size)
			return 0;
		memcpy(out + size, pair, pair_size);
		size += pair_size;
		empty = 0;
	}
	return size > 1 ? size : 0;
}

size_t histogram_pack(const struct histogram *histogram, unsigned resolution, uint8_t *out, size_t max_size) {
	unsigned kept = HISTOGRAM_RESOLUTION_MAX - histogram->lost_bits;
	size_t size = 0;
	for (unsigned r = (resolution < kept ? resolution : kept) + 1; r > 0 && size == 0; r--)
		size = pack_at(histogram, r - 1, out, max_size);
	return size;
}

//   return  bytes read; 0: this is no varint of 32 bits in its shortest form
static size_t get_varint(const uint8_t *data, size_t size, uint32_t *out) {
	uint64_t value = 0;
	for (size_t i = 0; i < size && i < VARINT_MAX; i++) {
		value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
		if (data[i] & 0x80)
			continue;
		*out = (uint32_t)value;
		return value <= UINT32_MAX && (data[i] != 0 || i == 0) ? i + 1 : 0;
	}
	return 0;
}

// Read the next pair.
//   bucket  where the one before ended, in buckets of the packed resolution; moved on
//   return  bytes; 0: malformed
static size_t get_pair(const uint8_t *data, size_t size, unsigned length, unsigned *bucket, uint32_t *count) {
	uint32_t empty;
	size_t first = get_varint(data, size, &empty);
	if (first == 0 || empty >= length - *bucket)
		return 0;
	size_t second = get_varint(data + first, size - first, count);
	*bucket += empty + 1;
	return second == 0 || *count == 0 ? 0 : first + second;
}

int histogram_merge_packed(struct histogram *into, const uint8_t *data, size_t size) {
	if (size < 2 || data[0] > HISTOGRAM_RESOLUTION_MAX)
		return -EINVAL;
	unsigned lost_bits = HISTOGRAM_RESOLUTION_MAX - data[0], width = 1u << lost_bits;
	unsigned length = HISTOGRAM_BUCKETS >> lost_bits;
	// Twice: nothing is merged before all of it is known to be right.
	for (int pass = 0; pass < 2; pass++) {
		unsigned bucket = 0;
		for (size_t at = 1, taken; at < size; at += taken) {
			uint32_t count;
			taken = bucket < length ? get_pair(data + at, size - at, length, &bucket, &count) : 0;
			if (taken == 0)
				return -EINVAL;
			if (pass == 1)
				add_to(into, (bucket - 1) * width + width / 2, count);
		}
	}
	if (into->lost_bits < lost_bits)
		into->lost_bits = (uint8_t)lost_bits;
	return 0;
}
