// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One question to the controller and its answer.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "api/key_file.h"
#include "api/weir.pb-c.h"

enum {
	WEIRCTL_OK = 0,
	WEIRCTL_REFUSED = 1,       // the controller answered with an error
	WEIRCTL_NO_CONTROLLER = 2, // nobody answers there, or not with these keys
	WEIRCTL_USAGE = 64,
	WEIRCTL_ERROR_SIZE = KEY_FILE_ERROR_SIZE,
};

// The controller that is asked.
struct weirctl_target {
	const char *endpoint;       // of the command socket
	const char *key;            // path of the person's secret key, or NULL
	const char *controller_key; // path of the controller's public key, or NULL
	uint32_t timeout_ms;
};

//   out     the answer, for json_decref
//   error   [WEIRCTL_ERROR_SIZE], one line where the result is not WEIRCTL_OK
int weirctl_request(const struct weirctl_target *target, const Weir__Request *request, json_t **out, char *error);
