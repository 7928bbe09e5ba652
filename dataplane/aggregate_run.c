// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Aggregates at work: adding tuples, merging states, writing results (see aggregate.h).
//
// Least and greatest are kept as unsigned numbers of the same order, least ones inverted, so that both are maxima and
// a zeroed state is below every value. First and last keep 1 + the time, so that 0 is no time.
#include <math.h>

#include "api/hll.h"
#include "dataplane/aggregate.h"
#include "dataplane/quantiles.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SIGN_BIT (UINT64_C(1) << 63)
#define FRACTION_SCALE 1048576.0 // percentiles of fractions, in 2^-20

struct spread {
	uint64_t count;
	double mean, squares; // of the differences from the mean
};

struct total {
	union {
		uint64_t whole;
		double fraction;
	};
	uint64_t count;
};

static double to_double(uint64_t bits) {
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static double number_of(const struct aggregate *item, uint64_t bits) {
	if (item->kind == NUMBER_FLOAT)
		return to_double(bits);
	return item->kind == NUMBER_SIGNED ? (double)(int64_t)bits : (double)bits;
}

// A number as an unsigned one of the same order, and back.
static uint64_t to_order(enum number_kind kind, uint64_t bits) {
	if (kind == NUMBER_UNSIGNED)
		return bits;
	if (kind == NUMBER_SIGNED)
		return bits ^ SIGN_BIT;
	return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

static uint64_t from_order(enum number_kind kind, uint64_t order) {
	if (kind == NUMBER_UNSIGNED)
		return order;
	if (kind == NUMBER_SIGNED)
		return order ^ SIGN_BIT;
	return order & SIGN_BIT ? order & ~SIGN_BIT : ~order;
}

static void add_to_spread(struct spread *spread, double value) {
	double difference = value - spread->mean;
	spread->count++;
	spread->mean += difference / (double)spread->count;
	spread->squares += difference * (value - spread->mean);
}

static void add_quantile(const struct aggregate *item, void *part, uint64_t bits) {
	uint64_t value = bits;
	if (item->kind == NUMBER_SIGNED)
		value = bits & SIGN_BIT ? 0 : bits;
	if (item->kind == NUMBER_FLOAT) {
		double scaled = to_double(bits) * FRACTION_SCALE;
		value = scaled >= 0x1p63 ? SIGN_BIT : scaled > 0 ? (uint64_t)scaled : 0;
	}
	quantiles_add(part, value);
}

static void add_different(
	const struct aggregates *aggregates, const struct aggregate *item, void *part, const uint8_t *value) {
	hll_add_hash(part, XXH3_64bits_withSeed(value, field_size(item->field), aggregates->seed));
}

static void keep_value(const struct aggregate *item, void *part, const void *value, uint64_t time_ns) {
	uint64_t *since = part;
	bool is_first = item->function == AGGREGATE_FIRST;
	if (*since != 0 && (is_first ? time_ns + 1 >= *since : time_ns + 1 < *since))
		return;
	*since = time_ns + 1;
	memcpy(since + 1, value, field_size(item->field));
}

static void add_total(const struct aggregate *item, struct total *total, uint64_t bits) {
	if (item->kind == NUMBER_FLOAT)
		total->fraction += to_double(bits);
	else
		total->whole += bits;
}

static void add_item(const struct aggregates *aggregates, const struct aggregate *item, uint8_t *part,
	const uint8_t *body, uint64_t time_ns) {
	uint64_t bits = item->kind != NUMBER_NONE ? field_word_load(&item->word, body) : 0, order;
	switch (item->function) {
	case AGGREGATE_COUNT:
		++*(uint64_t *)part;
		break;
	case AGGREGATE_SUM:
		add_total(item, (struct total *)part, bits);
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		order = to_order(item->kind, bits);
		order = item->function == AGGREGATE_MIN ? ~order : order;
		if (order > *(uint64_t *)part)
			*(uint64_t *)part = order;
		break;
	case AGGREGATE_MEAN:
		add_total(item, (struct total *)part, bits);
		((struct total *)part)->count++;
		break;
	case AGGREGATE_VARIANCE:
	case AGGREGATE_STDDEV:
		add_to_spread((struct spread *)part, number_of(item, bits));
		break;
	case AGGREGATE_PERCENTILE:
		add_quantile(item, part, bits);
		break;
	case AGGREGATE_DISTINCT:
		add_different(aggregates, item, part, body + item->field->offset);
		break;
	case AGGREGATE_FIRST:
	case AGGREGATE_LAST:
		keep_value(item, part, body + item->field->offset, time_ns);
		break;
	}
}

void aggregates_add_any(const struct aggregates *aggregates, void *state, const void *body, uint64_t time_ns) {
	for (unsigned i = 0; i < aggregates->count; i++) {
		const struct aggregate *item = &aggregates->items[i];
		if (item->field != NULL && !schema_is_present(aggregates->schema, item->field, body))
			continue;
		if (aggregates->has_seen)
			*(uint64_t *)state |= UINT64_C(1) << i;
		if (!item->is_shared)
			add_item(aggregates, item, (uint8_t *)state + item->offset, body, time_ns);
	}
}

static void merge_spread(struct spread *into, const struct spread *from) {
	double count = (double)(into->count + from->count), difference = from->mean - into->mean;
	if (from->count == 0)
		return;
	into->squares += from->squares + difference * difference * (double)into->count * (double)from->count / count;
	into->mean += difference * (double)from->count / count;
	into->count += from->count;
}

static void merge_item(const struct aggregate *item, uint8_t *into, const uint8_t *from) {
	const uint64_t *number = (const uint64_t *)from;
	switch (item->function) {
	case AGGREGATE_COUNT:
		*(uint64_t *)into += *number;
		break;
	case AGGREGATE_SUM:
		add_total(item, (struct total *)into, *number);
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		if (*number > *(uint64_t *)into)
			*(uint64_t *)into = *number;
		break;
	case AGGREGATE_MEAN:
		add_total(item, (struct total *)into, *number);
		((struct total *)into)->count += ((const struct total *)from)->count;
		break;
	case AGGREGATE_VARIANCE:
	case AGGREGATE_STDDEV:
		merge_spread((struct spread *)into, (const struct spread *)from);
		break;
	case AGGREGATE_PERCENTILE:
		quantiles_merge((struct quantiles *)into, (const struct quantiles *)from);
		break;
	case AGGREGATE_DISTINCT:
		hll_merge((struct hll *)into, (const struct hll *)from);
		break;
	case AGGREGATE_FIRST:
	case AGGREGATE_LAST:
		if (*number != 0)
			keep_value(item, into, number + 1, *number - 1);
		break;
	}
}

void aggregates_merge(const struct aggregates *aggregates, void *into, const void *from) {
	if (aggregates->has_seen)
		*(uint64_t *)into |= *(const uint64_t *)from;
	for (unsigned i = 0; i < aggregates->count; i++) {
		const struct aggregate *item = &aggregates->items[i];
		if (!item->is_shared)
			merge_item(item, (uint8_t *)into + item->offset, (const uint8_t *)from + item->offset);
	}
}

static void store_number(const struct aggregate *item, double value, uint8_t *out) {
	if (item->out.type == FIELD_F64)
		memcpy(out, &value, sizeof(value));
	else
		*(uint64_t *)out = (uint64_t)(value + 0.5);
}

static double mean_of(const struct aggregate *item, const struct total *total) {
	double sum = item->kind == NUMBER_FLOAT ? total->fraction : number_of(item, total->whole);
	return total->count > 0 ? sum / (double)total->count : 0;
}

static double spread_of(const struct aggregate *item, const struct spread *spread) {
	double variance = spread->count > 0 ? spread->squares / (double)spread->count : 0;
	return item->function == AGGREGATE_STDDEV ? sqrt(variance) : variance;
}

static void store_item(const struct aggregate *item, const uint8_t *part, uint8_t *out) {
	uint64_t order;
	switch (item->function) {
	case AGGREGATE_COUNT:
	case AGGREGATE_SUM:
		memcpy(out, part, sizeof(uint64_t));
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		order = *(const uint64_t *)part;
		order = from_order(item->kind, item->function == AGGREGATE_MIN ? ~order : order);
		memcpy(out, &order, field_size(&item->out)); // little-endian
		break;
	case AGGREGATE_MEAN:
		store_number(item, mean_of(item, (const struct total *)part), out);
		break;
	case AGGREGATE_VARIANCE:
	case AGGREGATE_STDDEV:
		store_number(item, spread_of(item, (const struct spread *)part), out);
		break;
	case AGGREGATE_PERCENTILE:
		store_number(item,
			quantiles_at((const struct quantiles *)part, item->share) /
				(item->kind == NUMBER_FLOAT ? FRACTION_SCALE : 1),
			out);
		break;
	case AGGREGATE_DISTINCT:
		store_number(item, hll_estimate((const struct hll *)part), out);
		break;
	case AGGREGATE_FIRST:
	case AGGREGATE_LAST:
		memcpy(out, part + sizeof(uint64_t), field_size(&item->out));
		break;
	}
}

void aggregates_store(const struct aggregates *aggregates, const void *state, const struct schema *out, void *body) {
	uint64_t *present = (uint64_t *)((uint8_t *)body + out->present_offset);
	uint64_t seen = aggregates->has_seen ? *(const uint64_t *)state : UINT64_MAX;
	for (unsigned i = 0; i < aggregates->count; i++) {
		const struct aggregate *item = &aggregates->items[i];
		bool has_value = (seen >> i & 1) || item->function == AGGREGATE_COUNT;
		if (!has_value)
			continue;
		store_item(item, (const uint8_t *)state + item->offset, (uint8_t *)body + item->out.offset);
		if (item->out.present != FIELD_ALWAYS)
			*present |= UINT64_C(1) << item->out.present;
	}
}

bool aggregates_number(const struct aggregates *aggregates, const void *state, double *out) {
	const struct aggregate *item = &aggregates->items[0];
	bool has_value = !aggregates->has_seen || item->function == AGGREGATE_COUNT || (*(const uint64_t *)state & 1);
	uint64_t bits = 0;
	if (!has_value || field_size(&item->out) > sizeof(bits))
		return false;
	store_item(item, (const uint8_t *)state + item->offset, (uint8_t *)&bits);
	if (item->out.type == FIELD_F64)
		*out = to_double(bits);
	else
		*out = item->out.type == FIELD_I64 ? (double)(int64_t)bits : (double)bits;
	return true;
}
