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

struct store_sentinels;

//   endpoint  of kind REDIS_SENTINEL; outlives the result
int store_sentinels_new(struct store_sentinels **out, const struct redis_endpoint *endpoint);
void store_sentinels_free(struct store_sentinels *sentinels);
// Go on with whatever is possible without waiting.
void store_sentinels_work(struct store_sentinels *sentinels, uint64_t mono_ns);
// Whether each has answered, or had its time to.
bool store_sentinels_are_asked(const struct store_sentinels *sentinels);
//   return  where the primary is by the latest answers; NULL: no Sentinel that answers knows one
const struct redis_address *store_sentinels_primary(const struct store_sentinels *sentinels, uint64_t mono_ns);
// How many answer.
uint32_t store_sentinels_present(const struct store_sentinels *sentinels, uint64_t mono_ns);
