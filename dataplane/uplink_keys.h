// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The CURVE keys of the conversation with the controller (docs/security.md).
#pragma once

#include "api/key_file.h"

struct uplink_keys {
	struct key own;                 // secret "": none, for a controller on this machine
	char controller[KEY_TEXT_SIZE]; // the only controller that is talked to
};

struct uplink_key_files {
	const char *key;            // the node's secret file, or NULL
	const char *controller_key; // the controller's public file, or NULL
};

// Read the files. Keys are demanded where the controller is beyond this machine.
//   controller  its endpoint
//   node        the name that the node's key must be of
//   error       [KEY_FILE_ERROR_SIZE], one line
//   return      0 or a negative errno
int uplink_keys_read(struct uplink_keys *out, const struct uplink_key_files *files, const char *controller,
	const char *node, char *error);
