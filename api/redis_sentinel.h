// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Asks Redis Sentinels, all of them, once a second where the primary is. What the one says counts that knows the latest
// failover (its config-epoch): a Sentinel that was cut off together with an old primary is not believed.
//
// source: Redis documentation, "Guidelines for Redis clients with support for Redis Sentinel"
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/redis_endpoint.h"

struct redis_sentinels;

//   endpoint  of kind REDIS_SENTINEL; outlives the result
int redis_sentinels_new(struct redis_sentinels **out, const struct redis_endpoint *endpoint);
void redis_sentinels_free(struct redis_sentinels *sentinels);
// Go on with whatever is possible without waiting.
void redis_sentinels_work(struct redis_sentinels *sentinels, uint64_t mono_ns);
// Whether each has answered, or had its time to.
bool redis_sentinels_are_asked(const struct redis_sentinels *sentinels);
//   return  where the primary is by the latest answers; NULL: no Sentinel that answers knows one
const struct redis_address *redis_sentinels_primary(const struct redis_sentinels *sentinels, uint64_t mono_ns);
// How many answer.
uint32_t redis_sentinels_present(const struct redis_sentinels *sentinels, uint64_t mono_ns);
