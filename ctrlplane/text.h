// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Text from messages may hold any bytes. These make it fit for a terminal, a log line and JSON: whatever is not
// printable ASCII becomes '?'. What people write may be in their language: there, whatever is not UTF-8, or controls a
// terminal.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

//   text  may be NULL, which is clean
bool text_is_clean(const char *text);
// In place.
void text_clean(char *text);
void text_clean_utf8(char *text);
void text_copy(char *out, size_t size, const char *text);
//   return  a new JSON string; at most 255 characters
json_t *text_json(const char *text);
