// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What Redis held at one moment: the replies of one transaction, each found by what it is of. Which nodes and windows
// there are is learnt from the snapshot before; snapshot_scope says whether that was still right.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dashboard/redis_link.h"

enum {
	SNAPSHOT_NODES_MAX = 1024, // the most that the nodes_max of a controller may be
	SNAPSHOT_WINDOWS_MAX = 8,
	SNAPSHOT_LISTS = 5,
	SNAPSHOT_NAME_SIZE = 64,
	SNAPSHOT_RESOLUTIONS = 3,
	SNAPSHOT_DECISIONS = 200,
};

extern const char *const snapshot_lists[SNAPSHOT_LISTS];
extern const char *const snapshot_resolutions[SNAPSHOT_RESOLUTIONS];  // "1s", "1m", "1h"
extern const char *const snapshot_history_ends[SNAPSHOT_RESOLUTIONS]; // of their keys: "", ":1m", ":1h"

// What is asked for.
struct snapshot_scope {
	char nodes[SNAPSHOT_NODES_MAX][SNAPSHOT_NAME_SIZE]; // [nodes_length], ascending
	size_t nodes_length;
	uint32_t windows_s[SNAPSHOT_WINDOWS_MAX]; // [windows_length]
	size_t windows_length;
};

struct snapshot {
	struct snapshot_scope scope;
	redisReply *reply; // of EXEC: an array; owned
	uint64_t stored_ns, interval_ns, epoch;
	uint64_t read_mono_ns;
	redisReply *meta, *total, *alerts, *newest_alert, *paths, *channels, *latest, *decisions, *rates; // of reply
	redisReply *oldest[SNAPSHOT_RESOLUTIONS];
};

// Append the transaction's commands.
void snapshot_ask(const struct snapshot_scope *scope, struct redis_link *link);
// Take over the reply of EXEC.
//   error   [LINK_ERROR_SIZE], set where it is none: what Redis said instead
//   return  a new snapshot; NULL: error
struct snapshot *snapshot_new(const struct snapshot_scope *scope, redisReply *reply, char *error);
void snapshot_free(struct snapshot *snapshot);

// What the next transaction should ask for.
void snapshot_learn(const struct snapshot *snapshot, struct snapshot_scope *out);
bool snapshot_scope_equal(const struct snapshot_scope *a, const struct snapshot_scope *b);

//   return  the reply, NULL: no such node, list or window, or nothing is stored
const redisReply *snapshot_node(const struct snapshot *snapshot, size_t node);
const redisReply *snapshot_operators(const struct snapshot *snapshot, size_t node);
const redisReply *snapshot_top(const struct snapshot *snapshot, const char *list, uint32_t window_s);
const redisReply *snapshot_tcp(const struct snapshot *snapshot, uint32_t window_s);
//   return  its place in scope.nodes, or SIZE_MAX
size_t snapshot_find_node(const struct snapshot *snapshot, const char *name);
// The id of the first entry of an XRANGE in ms, 0 where there is none.
uint64_t snapshot_entry_ms(const redisReply *entries);
