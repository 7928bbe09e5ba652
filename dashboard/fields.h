// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Replies of Redis as JSON: what api/redis.md stores flat becomes the objects of `weirctl --json` again.
#pragma once

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdint.h>

//   return  the value of a field in a reply of names and values; NULL: it has none, or is no such reply
const char *fields_find(const redisReply *reply, const char *name);
//   return  it as a number, 0 where it is none
uint64_t fields_number(const redisReply *reply, const char *name);
// Names with dots nest; numbers and lists are such, everything else is text.
//   return  a new object, empty where the reply is not one of names and values
json_t *fields_to_json(const redisReply *reply);
// Stored JSON.
//   return  a new value; NULL: nothing is stored, or what is stored is none
json_t *fields_parse(const redisReply *reply);
