// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schemas made while a configuration is read. Fields are laid out in the order added, each at its natural alignment,
// behind the presence word; two schemas made by the same calls are the same (schema_is_same).
#pragma once

#include "api/schema.h"

enum { SCHEMA_SIZE_MAX = 32768 }; // bytes of a body made here

//   name    copied
//   return  0 or -ENOMEM
int schema_new(struct schema **out, const char *name);

// Add a field. Each has a presence bit as long as there are bits left (the first 63 fields): who makes a record sets
// those of the fields that apply. Fields beyond apply always.
//   name    1..SCHEMA_NAME_MAX characters, copied
//   type    not FIELD_ENUM, whose choices only schema_add_like can give
//   length  items of strings and lists, 1 or more, else 0
//   unit    copied; may be NULL
//   return  0, -EEXIST (name taken), -ENOSPC (SCHEMA_FIELDS_MAX, SCHEMA_SIZE_MAX), -EINVAL (name, type or length),
//           -ENOMEM; the schema is as it was where it isn't 0
int schema_add(struct schema *schema, const char *name, enum field_type type, unsigned length, const char *unit);
// The same with type, length, choices, unit and help of another field, all copied.
int schema_add_like(struct schema *schema, const char *name, const struct field *like);

// The last field added.
const struct field *schema_last(const struct schema *schema);

// The presence word of a record in which every field applies.
uint64_t schema_all_present(const struct schema *schema);

// Of schemas made by schema_new alone; NULL is fine.
void schema_free(struct schema *schema);
