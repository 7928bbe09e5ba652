// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Keys that lie in files of their own, which nobody but the node's user can read.
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

enum { SECRET_FILE_ERROR_MAX = PATH_MAX + 160 };

// Read a file of exactly `size` bytes; a symbolic link is followed.
//   secret  [size]
//   error   filled on failure: who, what is wrong with it, and what is expected
//   return  0; -EACCES where everybody may read the file, or others than its owner write it, -EINVAL where it is no
//           regular file or of another size, or the errno of opening or reading it
int secret_file_read(const char *path, uint8_t *secret, size_t size, char error[SECRET_FILE_ERROR_MAX]);
