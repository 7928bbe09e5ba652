// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One question to the controller and its answer.
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "api/weir.pb-c.h"

enum {
	WEIRCTL_OK = 0,
	WEIRCTL_REFUSED = 1,       // the controller answered with an error
	WEIRCTL_NO_CONTROLLER = 2, // nobody answers there
	WEIRCTL_USAGE = 64,
	WEIRCTL_ERROR_SIZE = 512,
};

//   endpoint  of the command socket
//   out       the answer, for json_decref
//   error     [WEIRCTL_ERROR_SIZE], one line where the result is not WEIRCTL_OK
int weirctl_request(const char *endpoint, const Weir__Request *request, uint32_t timeout_ms, json_t **out, char *error);
