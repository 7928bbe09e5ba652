// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The parts of the API (API.md): a path and the JSON it stands for. Each is made at most once per reading of Redis, and
// only if somebody asks, for a request or for all event streams.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "dashboard/attempts.h"
#include "dashboard/body.h"
#include "dashboard/source.h"

enum {
	PART_PATH_SIZE = 128,
	PART_ERROR_SIZE = 256,
	PARTS_CACHED_MAX = 1024,
};

// What the server counts of itself.
struct server_counters {
	uint64_t requests, events, events_max, dropped_slow, refused;
};

struct part_cached {
	char path[PART_PATH_SIZE];
	unsigned status;
	struct body *body;
};

struct parts {
	const struct source *source;
	const struct server_counters *counters;
	const struct attempts *attempts;
	const char *endpoint; // of Redis
	bool has_login;
	uint64_t turn;              // of the source, that the cache is of
	struct part_cached *cached; // [cached_length]
	size_t cached_length;
};

// One making of a part.
struct part_request {
	const struct parts *parts;
	const struct snapshot *now; // not NULL but for `status`
	const char *argument;       // the path behind the part's name: "" or "flows/10"
	unsigned status;            // of HTTP, where there is an error
	char error[PART_ERROR_SIZE];
};

void parts_fini(struct parts *parts);
// The part as of the latest reading, or what is wrong as {"error"}.
//   path    without /api/v1/
//   status  of HTTP
//   return  a reference to release; NULL: no memory
struct body *parts_get(struct parts *parts, const char *path, unsigned *status);

// The makers: a new object, or NULL with status and error set (unset: no memory).
json_t *part_status(struct part_request *request);
json_t *part_overview(struct part_request *request);
json_t *part_nodes(struct part_request *request);
json_t *part_node(struct part_request *request);
json_t *part_graph(struct part_request *request);
json_t *part_node_graph(struct part_request *request);
json_t *part_top(struct part_request *request);
json_t *part_tcp(struct part_request *request);
json_t *part_paths(struct part_request *request);
json_t *part_channels(struct part_request *request);
json_t *part_decisions(struct part_request *request);
json_t *part_alerts(struct part_request *request);
json_t *part_alerts_history(struct part_request *request);

//   return  NULL, for the maker to return
__attribute__((format(printf, 3, 4))) json_t *part_fail(
	struct part_request *request, unsigned status, const char *format, ...);

// Of an entry that stands for ones that the controller could not store: {"time_ms", "lost"}.
//   field   that says so
//   return  a new object; NULL: it is none
json_t *part_gap(const redisReply *entry, const char *field);

// Small values.
json_t *part_number(uint64_t value);
// What grew from `before` to `now`, per second; null where it can't be told.
json_t *part_rate(uint64_t now, uint64_t before, double span_s);
// Replies of a node in the oldest reading that is kept of the same process; NULL and 0 where there is none.
struct part_before {
	const redisReply *node, *operators;
	double span_s;
};
void part_find_before(const struct part_request *request, size_t node, struct part_before *out);
