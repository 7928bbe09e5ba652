// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Aggregates from text to steps over a schema (see aggregate.h); aggregate_run.c runs them.
#include "dataplane/aggregate.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/hll.h"
#include "dataplane/quantiles.h"
#include "dataplane/text.h"

static const char expected[] = "expected NAME = FUNCTION(FIELD) with count, sum, min, max, mean, variance, stddev, "
			       "p50 (any percentile), distinct, first or last";

static const struct {
	const char *name;
	enum aggregate_function function;
	bool takes_any; // else numbers alone
} functions[] = {
	{"count", AGGREGATE_COUNT, true},
	{"sum", AGGREGATE_SUM, false},
	{"min", AGGREGATE_MIN, false},
	{"max", AGGREGATE_MAX, false},
	{"mean", AGGREGATE_MEAN, false},
	{"variance", AGGREGATE_VARIANCE, false},
	{"stddev", AGGREGATE_STDDEV, false},
	{"distinct", AGGREGATE_DISTINCT, true},
	{"first", AGGREGATE_FIRST, true},
	{"last", AGGREGATE_LAST, true},
};

// A piece of the text of one aggregate.
struct piece {
	const char *start;
	size_t size;
};

static struct piece trim(const char *start, const char *end) {
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (start < end && isspace((unsigned char)end[-1]))
		end--;
	return (struct piece){start, (size_t)(end - start)};
}

static bool is_equal(struct piece piece, const char *text) {
	return piece.size == strlen(text) && memcmp(piece.start, text, piece.size) == 0;
}

static int fail(const char *text, const char *message, char *error, size_t size) {
	error[0] = '\0';
	text_append(error, size, "compute: ");
	text_append_quoted(error, size, text);
	text_append(error, size, ": %s", message);
	return -EINVAL;
}

// p50, p99.9
static bool parse_percentile(struct piece name, double *share) {
	char digits[16];
	if (name.size < 2 || name.size > sizeof(digits) || name.start[0] != 'p' ||
		!isdigit((unsigned char)name.start[1]))
		return false;
	memcpy(digits, name.start + 1, name.size - 1);
	digits[name.size - 1] = '\0';
	char *end;
	double percent = strtod(digits, &end);
	*share = percent / 100;
	return *end == '\0' && strspn(digits, "0123456789.") == name.size - 1 && percent > 0 && percent < 100;
}

static bool parse_function(struct piece name, struct aggregate *item, bool *takes_any) {
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (!is_equal(name, functions[i].name))
			continue;
		item->function = functions[i].function;
		*takes_any = functions[i].takes_any;
		return true;
	}
	item->function = AGGREGATE_PERCENTILE;
	*takes_any = false;
	return parse_percentile(name, &item->share);
}

static enum number_kind kind_of(const struct field *field) {
	switch (field->type) {
	case FIELD_BOOL:
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		return NUMBER_UNSIGNED;
	case FIELD_I64:
		return NUMBER_SIGNED;
	case FIELD_F64:
		return NUMBER_FLOAT;
	default:
		return NUMBER_NONE;
	}
}

static int fit_field(struct aggregate *item, const struct schema *schema, struct piece argument, bool takes_any,
	const char *text, char *error, size_t size) {
	char name[AGGREGATE_NAME_MAX], message[200];
	snprintf(name, sizeof(name), "%.*s", (int)argument.size, argument.start);
	item->field = schema_field(schema, name);
	if (item->field == NULL) {
		snprintf(message, sizeof(message), "schema %s has no field %s", schema->name, name);
		return fail(text, message, error, size);
	}
	item->kind = kind_of(item->field);
	bool is_list = item->field->type == FIELD_U16_LIST || item->field->type == FIELD_U32_LIST;
	if (is_list || (!takes_any && item->kind == NUMBER_NONE)) {
		snprintf(message, sizeof(message), "%s is a %s; expected %s", name, field_type_names[item->field->type],
			takes_any ? "a field with one value" : "a number");
		return fail(text, message, error, size);
	}
	if (item->kind != NUMBER_NONE)
		return field_word_set(&item->word, schema, item->field->offset, (unsigned)field_size(item->field));
	return 0;
}

static void name_it(struct aggregate *item, struct piece name, struct piece function, struct piece argument) {
	if (name.size > 0)
		snprintf(item->name, sizeof(item->name), "%.*s", (int)name.size, name.start);
	else if (argument.size > 0)
		snprintf(item->name, sizeof(item->name), "%.*s_%.*s", (int)function.size, function.start,
			(int)argument.size, argument.start);
	else
		snprintf(item->name, sizeof(item->name), "%.*s", (int)function.size, function.start);
}

static int parse_item(struct aggregate *item, const struct schema *schema, const char *text, char *error, size_t size) {
	const char *open = strchr(text, '('), *end = text + strlen(text);
	const char *sign = strpbrk(text, "=:");
	if (open == NULL || (sign != NULL && sign > open))
		return fail(text, expected, error, size);
	struct piece name = trim(text, sign != NULL ? sign : text);
	struct piece function = trim(sign != NULL ? sign + 1 : text, open);
	struct piece rest = trim(open + 1, end);
	if (rest.size == 0 || rest.start[rest.size - 1] != ')' || (sign != NULL && name.size == 0))
		return fail(text, expected, error, size);
	struct piece argument = trim(rest.start, rest.start + rest.size - 1);
	bool takes_any;
	if (!parse_function(function, item, &takes_any))
		return fail(text, expected, error, size);
	if (name.size > SCHEMA_NAME_MAX || argument.size > SCHEMA_NAME_MAX)
		return fail(text, "expected names of at most 63 characters", error, size);
	name_it(item, name, function, argument);
	if (argument.size > 0)
		return fit_field(item, schema, argument, takes_any, text, error, size);
	return item->function == AGGREGATE_COUNT ? 0 : fail(text, "expected a field in the brackets", error, size);
}

static uint32_t part_size(const struct aggregate *item) {
	switch (item->function) {
	case AGGREGATE_MEAN:
		return 16;
	case AGGREGATE_VARIANCE:
	case AGGREGATE_STDDEV:
		return 24;
	case AGGREGATE_PERCENTILE:
		return (sizeof(struct quantiles) + 7) / 8 * 8;
	case AGGREGATE_DISTINCT:
		return sizeof(struct hll);
	case AGGREGATE_FIRST:
	case AGGREGATE_LAST:
		return 8 + (uint32_t)(field_size(item->field) + 7) / 8 * 8;
	default:
		return 8;
	}
}

// Several percentiles of one field are read from one sketch, and variance and stddev from one state.
static const struct aggregate *find_twin(const struct aggregates *aggregates, const struct aggregate *item) {
	for (unsigned i = 0; i < aggregates->count; i++) {
		const struct aggregate *other = &aggregates->items[i];
		bool is_spread = item->function == AGGREGATE_VARIANCE || item->function == AGGREGATE_STDDEV;
		bool is_alike =
			item->function == other->function ||
			(is_spread && (other->function == AGGREGATE_VARIANCE || other->function == AGGREGATE_STDDEV));
		if (is_alike && item->field == other->field && (is_spread || item->function == AGGREGATE_PERCENTILE))
			return other;
	}
	return NULL;
}

static bool is_plain(const struct aggregate *item) {
	return item->function == AGGREGATE_COUNT || (item->function == AGGREGATE_SUM && item->kind != NUMBER_FLOAT);
}

static void lay_out(struct aggregates *out) {
	unsigned count = out->count;
	out->is_plain = true;
	for (unsigned i = 0; i < count; i++) {
		out->is_plain &= is_plain(&out->items[i]);
		out->has_seen |= out->items[i].field != NULL && out->items[i].field->present != FIELD_ALWAYS;
	}
	out->size = out->has_seen ? 8 : 0;
	for (unsigned i = 0; i < count; i++) {
		struct aggregate *item = &out->items[i];
		out->count = i;
		const struct aggregate *twin = find_twin(out, item);
		item->is_shared = twin != NULL;
		item->offset = twin != NULL ? twin->offset : out->size;
		out->size += twin != NULL ? 0 : part_size(item);
		bool is_count = item->function == AGGREGATE_COUNT;
		out->plain[i] = (struct plain_sum){
			.more = is_count, .present = item->field != NULL ? item->field->present : FIELD_ALWAYS};
		if (!is_count)
			out->plain[i].word = item->word;
	}
	out->count = count;
}

int aggregates_parse(struct aggregates *out, const struct schema *schema, const struct option_list *compute,
	char *error, size_t size) {
	memset(out, 0, sizeof(*out));
	out->schema = schema;
	if (compute->count == 0 || compute->count > AGGREGATES_MAX) {
		snprintf(error, size, "compute: %u aggregates; expected 1..%u, such as [count(), bytes = sum(bytes)]",
			compute->count, AGGREGATES_MAX);
		return -EINVAL;
	}
	for (; out->count < compute->count; out->count++) {
		int ret = parse_item(&out->items[out->count], schema, compute->items[out->count], error, size);
		if (ret != 0)
			return ret;
	}
	lay_out(out);
	return 0;
}

// The type of what an item gives, where it is not its field's own.
static enum field_type result_type(const struct aggregate *item) {
	switch (item->function) {
	case AGGREGATE_COUNT:
	case AGGREGATE_DISTINCT:
		return FIELD_U64;
	case AGGREGATE_SUM:
		return item->kind == NUMBER_FLOAT ? FIELD_F64 : item->kind == NUMBER_SIGNED ? FIELD_I64 : FIELD_U64;
	default:
		return FIELD_F64;
	}
}

static bool is_like_field(const struct aggregate *item) {
	return item->function == AGGREGATE_MIN || item->function == AGGREGATE_MAX ||
	       item->function == AGGREGATE_FIRST || item->function == AGGREGATE_LAST;
}

int aggregates_describe(const struct aggregates *aggregates, struct schema *out, char *error, size_t size) {
	for (unsigned i = 0; i < aggregates->count; i++) {
		const struct aggregate *item = &aggregates->items[i];
		bool has_unit = item->field != NULL && item->function != AGGREGATE_COUNT &&
				item->function != AGGREGATE_DISTINCT && item->function != AGGREGATE_VARIANCE;
		int ret = is_like_field(item) ? schema_add_like(out, item->name, item->field)
					      : schema_add(out, item->name, result_type(item), 0,
							has_unit ? item->field->unit : NULL);
		if (ret == -EEXIST)
			snprintf(error, size, "compute: \"%s\": a field of that name is there already", item->name);
		else if (ret == -EINVAL)
			snprintf(error, size, "compute: \"%s\": no name for a field", item->name);
		else if (ret == -ENOSPC)
			snprintf(error, size, "compute: \"%s\": the record would be too large", item->name);
		if (ret != 0)
			return ret == -ENOMEM ? ret : -EINVAL;
	}
	return 0;
}

void aggregates_bind(struct aggregates *aggregates, const struct schema *out) {
	for (unsigned i = 0; i < aggregates->count; i++)
		aggregates->items[i].out = *schema_field(out, aggregates->items[i].name);
}
