// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Redis commands built word by word, so that no text can break out of its place.
#pragma once

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_KEY "weir:1:" // prefix of every key: the version of api/redis.md

struct store_command {
	redisContext *redis;
	char **words; // [length]
	size_t *sizes;
	size_t length, allocated;
	uint64_t commands; // sent with this builder
	int err;           // -ENOMEM: once, for all
};

void store_command_fini(struct store_command *command);
// Add a word: formatted text; a number; a JSON value as text.
__attribute__((format(printf, 2, 3))) void store_word(struct store_command *command, const char *format, ...);
void store_number(struct store_command *command, const char *name, uint64_t value);
void store_json(struct store_command *command, const json_t *value);
// Add name and value of each member of an object: texts and numbers as such, objects' members as "object.member",
// lists as JSON; null is left out.
void store_members(struct store_command *command, const char *prefix, const json_t *object);
// Put the command into the connection's output.
void store_command_end(struct store_command *command);
