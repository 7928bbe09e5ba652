// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Who is allowed, as a list of public keys: a folder of NAME.public files, of which others and hidden ones are passed
// over, or one file of several keys (key_file.h).
#pragma once

#include "api/key_file.h"

// Call `take` with each key. It returns 0, or a negative errno that ends the reading.
//   error   [KEY_FILE_ERROR_SIZE], one line, where the result is not 0
//   return  0 or a negative errno
int key_list_read(const char *path, int (*take)(void *context, const struct key *key), void *context, char *error);
