// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Store, the last stage: the state in Redis, whole, once per interval in one transaction and one round trip
// (api/redis.md describes every key). Nothing here waits: the connection is one more descriptor of the loop, and a
// Redis that hangs or is away costs nothing but acknowledgements.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "ctrlplane/nodes.h"

struct state;
struct store;

//   endpoint  as api/redis_endpoint.h parses it; outlives the result
//   return    0; -EINVAL: no such endpoint; what redis_password_read() says of the configured password file
int store_new(struct store **out, struct state *state, const char *endpoint);
void store_free(struct store *store);

// What the loop should poll.
//   events  set to POLLIN, POLLOUT or both
//   return  the descriptor, -1: none now
int store_descriptor(const struct store *store, short *events);
// Go on with whatever is possible without waiting: connect, write, read, give up.
void store_work(struct store *store);
// Store the state as it is now; where the transaction before is still running this is left to the next.
void store_save(struct store *store);
// Store sums and sequence numbers between intervals, so that a backlog of summaries is acknowledged as it comes in.
void store_save_early(struct store *store);
// Whether there is nothing left that could be done now: loaded or not reachable at start; saved at the end.
bool store_is_idle(const struct store *store);
// Whether what an earlier controller stored is known: until then a hole in a series may be none.
bool store_is_loaded(const struct store *store);
// Note an interval for the history; it is stored with the state, or later.
void store_note_interval(struct store *store, uint64_t wall_ns, uint64_t mono_ns);
// Another controller with a greater epoch writes to this Redis: this one has to stop.
bool store_is_fenced(const struct store *store);

// The greatest summary of the series that would survive a crash of the controller: what may be acknowledged.
uint64_t store_safe_sequence(const struct store *store, const struct series *series);
// For `weirctl status`.
json_t *store_status(const struct store *store);
