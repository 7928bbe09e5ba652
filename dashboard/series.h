// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A time series being made: entries of a history go in, in order, and each falls into a step of the query's grid. A
// step without entries stays unknown; sums that grew over a hole are spread over nothing.
#pragma once

#include <hiredis/hiredis.h>
#include <jansson.h>

#include "dashboard/series_query.h"

struct series;

//   spacing_ms  between entries, where none is missing
//   return      NULL: no memory
struct series *series_new(const struct series_query *query, int64_t spacing_ms);
void series_free(struct series *series);
// Add an entry as XRANGE gives it: id, and names with values. Ids ascend; what is before the range is looked at for
// its sums.
//   return  its id in ms, -1: it is no entry
int64_t series_add(struct series *series, const redisReply *entry);
//   return  the answer, a new object
json_t *series_to_json(const struct series *series);
