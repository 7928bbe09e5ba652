// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Aggregates over the fields of a stream's tuples, for operators that keep figures by key: read from an option, fitted
// to a schema, and then run over tuples. A state is a zeroed block of bytes of a fixed size; states of two spans of the
// same stream can be merged, the earlier one first.
//
// As users write them, `NAME = FUNCTION(FIELD)` or just `FUNCTION(FIELD)`:
//
//   count()  count(F)          tuples; those to which F applies
//   sum(F)  min(F)  max(F)     numbers, of F's own type (sums 64 bits wide, which wrap around)
//   mean(F)  variance(F)  stddev(F)   of a population; whole numbers are added up exactly for mean
//   p50(F)  p99(F)  p99.9(F)   percentiles within 3.1 % (quantiles.h); negative numbers are 0
//   distinct(F)                different values, by HyperLogLog: standard error 6.5 %, 256 bytes
//   first(F)  last(F)          the value of the earliest and the latest tuple by time, of those the first and the last
//                              that came
//
//   source  Welford 1962, and Chan, Golub, LeVeque 1979 for merging variances; Flajolet et al. 2007 (api/hll.h)
#pragma once

#include "api/schema_build.h"
#include "dataplane/key_words.h"

enum {
	AGGREGATES_MAX = 32,
	AGGREGATE_NAME_MAX = SCHEMA_NAME_MAX + 1,
};

enum aggregate_function {
	AGGREGATE_COUNT,
	AGGREGATE_SUM,
	AGGREGATE_MIN,
	AGGREGATE_MAX,
	AGGREGATE_MEAN,
	AGGREGATE_VARIANCE,
	AGGREGATE_STDDEV,
	AGGREGATE_PERCENTILE,
	AGGREGATE_DISTINCT,
	AGGREGATE_FIRST,
	AGGREGATE_LAST,
};

// How a number lies in memory.
enum number_kind {
	NUMBER_NONE, // no number
	NUMBER_UNSIGNED,
	NUMBER_SIGNED,
	NUMBER_FLOAT,
};

struct aggregate {
	char name[AGGREGATE_NAME_MAX]; // of the field that it gives
	enum aggregate_function function;
	enum number_kind kind;
	double share;              // AGGREGATE_PERCENTILE: 0..1
	const struct field *field; // of the input; NULL: count()
	struct field_word word;    // of a number
	uint32_t offset;           // of its part of the state
	bool is_shared;            // an earlier one fills that part
	struct field out;          // of the records: a copy, filled by aggregates_bind
};

struct aggregates {
	unsigned count;
	struct aggregate items[AGGREGATES_MAX];
	uint32_t size; // bytes of a state, a multiple of 8
	bool has_seen; // the state begins with a word of bits: which of the items have a value
	// Nothing but counts and sums of whole numbers: what most pipelines do with each packet.
	bool is_plain;
	struct plain_sum {
		struct field_word word; // a count has no bits in its mask
		uint8_t more;           // what is added besides: 1 for a count
		uint8_t present;        // of the field, as in struct field
	} plain[AGGREGATES_MAX];
	const struct schema *schema; // of the tuples
	uint64_t seed;               // secret of distinct; set before the first tuple
};

// Read aggregates for tuples of a schema.
//   compute  as users write them
//   return   0, or -EINVAL with error[size] filled
int aggregates_parse(struct aggregates *out, const struct schema *schema, const struct option_list *compute,
	char *error, size_t size);

// Add the fields that they give to a schema that is being made.
//   return  0; -EINVAL with error[size] filled: a name is taken; -ENOMEM
int aggregates_describe(const struct aggregates *aggregates, struct schema *out, char *error, size_t size);

// Learn where these fields lie in the records.
void aggregates_bind(struct aggregates *aggregates, const struct schema *out);

//   state    [size] aligned to 8 bytes; zeroed: nothing came yet
//   body     of a tuple
//   time_ns  of the tuple, for first and last
static inline void aggregates_add(const struct aggregates *aggregates, void *state, const void *body, uint64_t time_ns);
void aggregates_merge(const struct aggregates *aggregates, void *into, const void *from);

// Write the results to a record's body and set the presence bits of those that have one.
void aggregates_store(const struct aggregates *aggregates, const void *state, const struct schema *out, void *body);

// The first result as a number, to compare it by.
//   return  false: it has none, or is no number
bool aggregates_number(const struct aggregates *aggregates, const void *state, double *out);

// The parts of aggregates_add: any, and plain ones of which some may not apply.
void aggregates_add_any(const struct aggregates *aggregates, void *state, const void *body, uint64_t time_ns);
static inline void aggregates_add_present(const struct aggregates *aggregates, uint64_t *state, const void *body) {
	// No field has bit FIELD_ALWAYS.
	uint64_t seen = 0;
	uint64_t present = *(const uint64_t *)((const uint8_t *)body + aggregates->schema->present_offset) |
			   UINT64_C(1) << FIELD_ALWAYS;
	for (unsigned i = 0; i < aggregates->count; i++) {
		const struct plain_sum *sum = &aggregates->plain[i];
		uint64_t applies = present >> sum->present & 1;
		state[i + 1] += (field_word_load(&sum->word, body) + sum->more) & -applies;
		seen |= applies << i;
	}
	state[0] |= seen;
}
static inline void aggregates_add(
	const struct aggregates *aggregates, void *state, const void *body, uint64_t time_ns) {
	uint64_t *sums = (uint64_t *)state;
	if (!aggregates->is_plain) {
		aggregates_add_any(aggregates, state, body, time_ns);
		return;
	}
	if (aggregates->has_seen) {
		aggregates_add_present(aggregates, sums, body);
		return;
	}
	for (unsigned i = 0; i < aggregates->count; i++)
		sums[i] += field_word_load(&aggregates->plain[i].word, body) + aggregates->plain[i].more;
}
