// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "ctrlplane/store_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void store_command_clear(struct store_command *command) {
	for (size_t i = 0; i < command->length; i++)
		free(command->words[i]);
	command->length = 0;
}

void store_command_fini(struct store_command *command) {
	store_command_clear(command);
	free(command->words);
	free(command->sizes);
	command->words = NULL;
	command->sizes = NULL;
	command->allocated = 0;
}

static int store_command_grow(struct store_command *command) {
	size_t allocated = command->allocated == 0 ? 64 : 2 * command->allocated;
	char **words = realloc(command->words, allocated * sizeof(*words));
	if (words == NULL)
		return -ENOMEM;
	command->words = words;
	size_t *sizes = realloc(command->sizes, allocated * sizeof(*sizes));
	if (sizes == NULL)
		return -ENOMEM;
	command->sizes = sizes;
	command->allocated = allocated;
	return 0;
}

// Takes ownership of the word.
static void store_take(struct store_command *command, char *word) {
	if (word == NULL || (command->length == command->allocated && store_command_grow(command) != 0)) {
		free(word);
		command->err = -ENOMEM;
		return;
	}
	command->words[command->length] = word;
	command->sizes[command->length++] = strlen(word);
}

void store_word(struct store_command *command, const char *format, ...) {
	char *word = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&word, format, arguments) < 0)
		word = NULL;
	va_end(arguments);
	store_take(command, word);
}

void store_number(struct store_command *command, const char *name, uint64_t value) {
	store_word(command, "%s", name);
	store_word(command, "%" PRIu64, value);
}

void store_json(struct store_command *command, const json_t *value) {
	store_take(command, json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)));
}

void store_members(struct store_command *command, const char *prefix, const json_t *object) {
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)object, name, value) {
		char full[128];
		snprintf(full, sizeof(full), "%s%s", prefix, name);
		if (json_is_object(value)) {
			char inner[sizeof(full) + 1];
			snprintf(inner, sizeof(inner), "%s.", full);
			store_members(command, inner, value);
			continue;
		}
		if (json_is_null(value))
			continue;
		store_word(command, "%s", full);
		if (json_is_string(value))
			store_word(command, "%s", json_string_value(value));
		else
			store_json(command, value);
	}
}

void store_command_end(struct store_command *command) {
	if (command->err == 0 && redisAppendCommandArgv(command->redis, (int)command->length,
					 (const char **)command->words, command->sizes) != REDIS_OK)
		command->err = -ENOMEM;
	command->commands++;
	store_command_clear(command);
}
