// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/uplink_command.h"

#include <stdio.h>
#include <string.h>

bool uplink_command_is_valid(const Weir__Command *command) {
	size_t length = strlen(command->id);
	return length > 0 && length < UPLINK_COMMAND_ID_SIZE &&
	       strspn(command->id, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

const struct uplink_answer *uplink_command_lookup(const struct uplink_commands *commands, const char *id) {
	for (unsigned i = 0; i < UPLINK_COMMANDS_KEPT && i < commands->count; i++)
		if (strcmp(commands->kept[i].id, id) == 0)
			return &commands->kept[i];
	return NULL;
}

const struct uplink_answer *uplink_command_run(
	struct uplink_commands *commands, const Weir__Command *command, uplink_execute *execute, void *context) {
	struct uplink_answer answer = {.status = WEIR__COMMAND_STATUS__COMMAND_REFUSED};
	strcpy(answer.id, command->id);
	if (execute != NULL)
		answer.status = execute(context, command, answer.text, sizeof(answer.text));
	else
		snprintf(answer.text, sizeof(answer.text), "this node takes no commands");
	if (answer.status == WEIR__COMMAND_STATUS__COMMAND_UNSPECIFIED)
		return NULL;
	struct uplink_answer *kept = &commands->kept[commands->count++ % UPLINK_COMMANDS_KEPT];
	*kept = answer;
	return kept;
}
