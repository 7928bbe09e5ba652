// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Files compressed by gzip (RFC 1952), read as if they were not.
#pragma once

#include <stdbool.h>
#include <stdio.h>

// Whether a regular file begins as gzip's do. Its offset stays.
bool gzip_file_is(int fd);

// A stream of what the file holds, uncompressed. It ends, or fails, where the file does.
//   fd      closed with the stream, or at once on failure
//   return  NULL: out of memory
FILE *gzip_file_open(int fd);
