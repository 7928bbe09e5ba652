// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dashboard/series.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dashboard/fields.h"
#include "dashboard/part.h"

enum { SERIES_GAPS_MAX = 256 };

// A figure of a step is sum / weight; 0 / 0 is unknown.
struct series_cell {
	double sum, weight;
};

struct series {
	struct series_query query;
	int64_t spacing_ms;
	int64_t last_ms;                // of the entry before; -1: there was none
	double last[SERIES_FIELDS_MAX]; // its values, -1: it had none
	struct series_cell *cells;      // [query.fields_length][query.length]
	json_t *gaps;
};

struct series *series_new(const struct series_query *query, int64_t spacing_ms) {
	struct series *series = calloc(1, sizeof(*series));
	if (series == NULL)
		return NULL;
	series->query = *query;
	series->spacing_ms = spacing_ms;
	series->last_ms = -1;
	series->gaps = json_array();
	series->cells = calloc(query->fields_length * query->length, sizeof(*series->cells));
	if (series->cells == NULL || series->gaps == NULL) {
		series_free(series);
		return NULL;
	}
	return series;
}

void series_free(struct series *series) {
	if (series == NULL)
		return;
	json_decref(series->gaps);
	free(series->cells);
	free(series);
}

//   return  -1: the entry does not have it; none of the fields is ever negative
static double value_of(const redisReply *fields, const char *name) {
	const char *text = name != NULL ? fields_find(fields, name) : NULL;
	return text != NULL ? strtod(text, NULL) : -1;
}

// An entry, as one field sees it.
struct series_point {
	int64_t ms;
	double value;
	double covered_s; // what of its interval it is of
};

static void cell_add(struct series_cell *cell, double sum, double weight) {
	cell->sum += sum;
	cell->weight += weight;
}

static void cell_bound(struct series_cell *cell, double value, bool is_beyond) {
	if (cell->weight == 0 || is_beyond)
		cell->sum = value;
	cell->weight = 1;
}

// Sums of two entries tell the rate between them, if nothing is missing there.
static void cell_grow(
	struct series_cell *cell, const struct series *series, double before, const struct series_point *point) {
	bool is_next = series->last_ms >= 0 && point->ms > series->last_ms &&
		       point->ms - series->last_ms <= series->spacing_ms * 3 / 2;
	if (is_next && before >= 0 && point->value >= before)
		cell_add(cell, point->value - before, (double)(point->ms - series->last_ms) / 1e3);
}

static void cell_take(
	struct series_cell *cell, const struct series *series, size_t field, const struct series_point *point) {
	switch (series->query.fields[field]->kind) {
	case SERIES_GROWTH:
		cell_grow(cell, series, series->last[field], point);
		break;
	case SERIES_AMOUNT:
		cell_add(cell, point->value, point->covered_s);
		break;
	case SERIES_RATE:
		cell_add(cell, point->value * point->covered_s, point->covered_s);
		break;
	case SERIES_GREATEST:
		cell_bound(cell, point->value, point->value > cell->sum);
		break;
	case SERIES_LEAST:
		cell_bound(cell, point->value, point->value < cell->sum);
		break;
	case SERIES_MEAN:
		cell_add(cell, point->value, 1);
		break;
	}
}

static void series_add_field(struct series *series, size_t i, struct series_point *point, const redisReply *fields) {
	const struct series_query *query = &series->query;
	int64_t step = (point->ms - query->from_ms - 1) / query->step_ms;
	point->value = value_of(fields, query->fields[i]->coarse);
	if (point->value < 0)
		point->value = value_of(fields, query->fields[i]->from);
	if (point->ms > query->from_ms && step < query->length && point->value >= 0)
		cell_take(&series->cells[i * query->length + (size_t)step], series, i, point);
	series->last[i] = point->value;
}

static void series_add_gap(struct series *series, const redisReply *fields) {
	int64_t from_ms = (int64_t)fields_number(fields, "gap_from_ms");
	int64_t to_ms = (int64_t)fields_number(fields, "gap_to_ms");
	const char *reason = fields_find(fields, "reason");
	if (json_array_size(series->gaps) < SERIES_GAPS_MAX && to_ms >= series->query.from_ms)
		json_array_append_new(series->gaps, json_pack("{sI sI ss}", "from_ms", (json_int_t)from_ms, "to_ms",
							    (json_int_t)to_ms, "reason", reason != NULL ? reason : ""));
}

int64_t series_add(struct series *series, const redisReply *entry) {
	if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING)
		return -1;
	const redisReply *fields = entry->element[1];
	int64_t ms = strtoll(entry->element[0]->str, NULL, 10);
	if (fields_find(fields, "gap_from_ms") != NULL) {
		series_add_gap(series, fields);
		return ms;
	}
	// After a clock that was set back, the id is only an order.
	double time_ms = value_of(fields, "time_ms"), covered_ms = value_of(fields, "covered_ms");
	struct series_point point = {.ms = time_ms >= 0 ? (int64_t)time_ms : ms,
		.covered_s = (covered_ms > 0 ? covered_ms : (double)series->spacing_ms) / 1e3};
	for (size_t i = 0; i < series->query.fields_length; i++)
		series_add_field(series, i, &point, fields);
	series->last_ms = point.ms;
	return ms;
}

static json_t *series_column(const struct series *series, size_t field) {
	const struct series_query *query = &series->query;
	json_t *column = json_array();
	for (size_t i = 0; i < query->length; i++) {
		const struct series_cell *cell = &series->cells[field * query->length + i];
		json_array_append_new(
			column, cell->weight > 0 ? json_real(query->fields[field]->factor * cell->sum / cell->weight)
						 : json_null());
	}
	return column;
}

json_t *series_to_json(const struct series *series) {
	const struct series_query *query = &series->query;
	json_t *times = json_array(), *fields = json_object();
	for (uint32_t i = 1; i <= query->length; i++)
		json_array_append_new(times, json_integer(query->from_ms + i * query->step_ms));
	for (size_t i = 0; i < query->fields_length; i++)
		json_object_set_new(fields, query->fields[i]->name, series_column(series, i));
	return json_pack("{sI sI sI ss ss? so so sO}", "from_ms", (json_int_t)query->from_ms, "to_ms",
		(json_int_t)query->to_ms, "step_ms", (json_int_t)query->step_ms, "resolution",
		snapshot_resolutions[query->resolution], "node", query->node[0] != '\0' ? query->node : NULL, "time_ms",
		times, "fields", fields, "gaps", series->gaps);
}
