// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Records as JSON lines (RFC 8259), formatted at memory speed: a schema is compiled once into a list of steps, and a
// record then costs a pass over them, with no allocation and no printf. Dotted names nest; a field that does not apply
// is left out, and so is an object none of whose fields apply.
//
// Text is UTF-8: bytes that are not become U+FFFD. Numbers that JSON does not have (NaN, infinities) become null.
#pragma once

#include <stddef.h>

#include "api/schema.h"

struct json_format;

//   return  0, -ENOMEM, or -EINVAL: objects nest deeper than 8
int json_format_new(struct json_format **out, const struct schema *schema);
void json_format_free(struct json_format *format); // NULL is fine

// The size of the longest line that a record of this schema can have.
size_t json_format_max(const struct json_format *format);

// Write one record as one line, newline included.
//   body    as the schema describes it
//   line    [json_format_max], no closing zero is written
//   return  bytes written
//   thread  any; the format is only read
size_t json_format_line(const struct json_format *format, const void *body, char *line);
