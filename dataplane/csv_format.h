// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Records as lines of comma-separated values (RFC 4180, but lines end with LF alone), the columns in the order of the
// schema.
//
//   absent      nothing between the commas: a field that does not apply
//   text        as it is; in quotes where it has commas, quotes, line ends or blanks around it, and where it is empty
//   a list      its items with blanks between them
//   the others  as the json sink writes them, without quotes; doubles that are not finite: nothing
#pragma once

#include <stddef.h>

#include "api/schema.h"

struct csv_format;

//   return  0 or -ENOMEM
int csv_format_new(struct csv_format **out, const struct schema *schema);
void csv_format_free(struct csv_format *format); // NULL is fine

// The names of the columns, as a line.
const char *csv_format_header(const struct csv_format *format);

// The size of the longest line that a record of this schema can have.
size_t csv_format_max(const struct csv_format *format);

// Write one record as one line, newline included.
//   line    [csv_format_max], no closing zero is written
//   return  bytes written
//   thread  any; the format is only read
size_t csv_format_line(const struct csv_format *format, const void *body, char *line);
