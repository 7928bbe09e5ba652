// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Commands of the controller: each id is carried out once, however often it comes, and always has the same
// answer.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/commands.h"
#include "api/weir.pb-c.h"

enum {
	// Answers remembered: one that is under way for long may see others come and go before it is sent again.
	UPLINK_COMMANDS_KEPT = 4 * COMMANDS_UNDER_WAY_MAX,
	UPLINK_COMMAND_ID_SIZE = 64,
	UPLINK_COMMAND_TEXT_SIZE = 1024,
};

// Carry a command out, on the uplink's thread. It is one of api/weir.proto's, its epoch is valid.
//   text    [size], one line: what was done, or why not
//   return  COMMAND_DONE, COMMAND_REFUSED, or COMMAND_UNSPECIFIED: it is still being carried out, and answered when the
//           controller asks again
typedef Weir__CommandStatus uplink_execute(void *context, const Weir__Command *command, char *text, size_t size);

struct uplink_answer {
	char id[UPLINK_COMMAND_ID_SIZE], text[UPLINK_COMMAND_TEXT_SIZE];
	Weir__CommandStatus status;
};

struct uplink_commands {
	struct uplink_answer kept[UPLINK_COMMANDS_KEPT]; // ring
	uint64_t count;
};

// Whether it can be one: its id is there, fits, and has only a-z, 0-9 and -.
bool uplink_command_is_valid(const Weir__Command *command);

// The answer to a command that was carried out before, or NULL.
const struct uplink_answer *uplink_command_lookup(const struct uplink_commands *commands, const char *id);

// Carry out and remember. Without `execute` every command is refused.
//   return  NULL: it is still being carried out
const struct uplink_answer *uplink_command_run(
	struct uplink_commands *commands, const Weir__Command *command, uplink_execute *execute, void *context);
