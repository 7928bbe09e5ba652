// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The connection to Redis: one, pipelined, part of the loop; nothing here waits. Whoever asks leaves a request, which
// is given its replies in order, or NULL once when the connection breaks. Away, it tries again by itself.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/redis_endpoint.h"

enum { LINK_ERROR_SIZE = 160 };

struct redis_request {
	// Ownership of the reply goes to the callee. NULL: the connection broke, and this is the last call.
	void (*take)(struct redis_request *request, redisReply *reply);
	size_t expected; // replies still to come
	struct redis_request *next;
};

struct redis_link;

//   endpoint  of any kind but REDIS_NONE; kept
//   name      of it in messages; kept
//   password  empty: none is sent; kept
//   return    0; -ENOMEM
int redis_link_new(
	struct redis_link **out, const struct redis_endpoint *endpoint, const char *name, const char *password);
// End the connection for good: requests under way get their NULL. What asks for the link's state still may.
void redis_link_close(struct redis_link *link);
void redis_link_free(struct redis_link *link);

// What the loop should poll.
//   events  set to POLLIN, POLLOUT or both
//   return  the descriptor, -1: none now
int redis_link_descriptor(const struct redis_link *link, short *events);
// Go on with whatever is possible without waiting.
void redis_link_work(struct redis_link *link);

// Append one command; what was appended since the last submission belongs to the next one. Only while it is ready.
__attribute__((format(printf, 2, 3))) void redis_link_append(struct redis_link *link, const char *format, ...);
// Hand over the commands appended: request->take is called once for each of them.
void redis_link_submit(struct redis_link *link, struct redis_request *request);
// Whether commands can be sent.
bool redis_link_is_ready(const struct redis_link *link);
// What was read over it is good: until then an earlier error stands, and time-outs grow.
void redis_link_confirm(struct redis_link *link);
// Break the connection because of what it answered, and try again later.
void redis_link_give_up(struct redis_link *link, const char *why);

//   since_ns  wall clock: since when it is connected or away
//   return    what went wrong last, "" if nothing did
const char *redis_link_error(const struct redis_link *link, uint64_t *since_ns);
