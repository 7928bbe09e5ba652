// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A connection to Redis that comes back by itself: opened and authenticated without waiting, given up when it fails or
// when the Sentinels name another primary, and tried again. What was appended and not answered is then the caller's to
// send once more. Used by one thread.
#pragma once

#include <hiredis/hiredis.h>

#include "api/redis_sentinel.h"

struct redis_link {
	const struct redis_endpoint *endpoint;
	const char *password;              // empty: none
	struct redis_sentinels *sentinels; // NULL: none are asked
	struct redis_address primary;      // where the connection leads, if by Sentinels
	redisContext *connection;          // NULL: there is none
	bool is_greeted;                   // the answer to AUTH came, or none is due
	uint64_t retry_ns;                 // monotonic
	uint64_t losses;                   // how often it was lost, or could not be opened
	char reason[160];                  // the last time
};

//   endpoint, password  outlive the link
//   return              0 or -ENOMEM
int redis_link_init(struct redis_link *link, const struct redis_endpoint *endpoint, const char *password);
void redis_link_fini(struct redis_link *link); // also of a zeroed one

// Ask the Sentinels, and open the connection where there is none and it is time to.
//   return  whether there is one, maybe another than before (losses)
bool redis_link_work(struct redis_link *link, uint64_t mono_ns);
// Give the connection up, and try again later.
void redis_link_lose(struct redis_link *link, const char *reason, uint64_t mono_ns);
// Write what was appended, and read what is there; waits for either.
//   return  false: the connection was lost
bool redis_link_exchange(struct redis_link *link, int wait_ms, uint64_t mono_ns);
// The next answer that was read.
//   reply   the caller's to free; that to AUTH is not among them, unless it is an error: then the link was lost
//   return  1: an answer; 0: none is there, or the connection was lost
int redis_link_reply(struct redis_link *link, redisReply **reply, uint64_t mono_ns);
