// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schemas: the named, typed fields of a stream's tuples. Generic operators, sinks and keys reach any tuple
// through its schema alone. A schema is a constant table; nothing here allocates.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
	FIELD_BOOL,     // bool
	FIELD_U8,       // uint8_t
	FIELD_U16,      // uint16_t
	FIELD_U32,      // uint32_t
	FIELD_U64,      // uint64_t
	FIELD_I64,      // int64_t
	FIELD_F64,      // double
	FIELD_IP,       // uint8_t[16], IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)
	FIELD_MAC,      // uint8_t[6]
	FIELD_ENUM,     // uint8_t, an index into `choices`
	FIELD_STRING,   // char[length], padded with zeros, not necessarily ended by one
	FIELD_U16_LIST, // uint16_t[length]; the count is a uint8_t at count_offset
	FIELD_U32_LIST, // uint32_t[length]; the count is a uint8_t at count_offset
};

enum {
	FIELD_ALWAYS = 0, // presence: the field applies to every tuple
	SCHEMA_FIELDS_MAX = 128,
	SCHEMA_PRESENT_MAX = 63, // greatest presence bit
	SCHEMA_NAME_MAX = 63,    // characters of a field's name
};

struct field {
	const char *name; // dots nest: "fwd.packets" is member packets of object fwd; ends the table where NULL
	enum field_type type;
	uint16_t offset;            // bytes from the start of the body
	uint16_t length;            // items of FIELD_STRING and the lists, else 0
	uint16_t count_offset;      // lists only
	uint8_t present;            // FIELD_ALWAYS, or the bit 1..63 of the body's presence word that says it applies
	const char *const *choices; // FIELD_ENUM: names, ended by NULL
	const char *unit;           // "ns", "bytes", "packets" or NULL
	const char *help;           // one line
};

// Where a tuple of this schema keeps its body.
enum schema_body {
	SCHEMA_PACKET, // struct packet_meta, beside the mbuf; the mbuf's data is a frame
	SCHEMA_RECORD, // the mbuf's data
};

struct schema {
	const char *name; // "packet", "flow"
	enum schema_body body;
	uint16_t size;           // bytes of the body
	uint16_t present_offset; // of the uint64_t presence word, where any field has a presence bit
	const struct field *fields;
};

// Names of the types as users write them: "u64", "string", …; [enum field_type], ended by NULL.
extern const char *const field_type_names[];

//   return  the field of that name, or NULL
const struct field *schema_field(const struct schema *schema, const char *name);

// Whether tuples of one schema can be taken for tuples of the other: the same fields at the same places. The schemas'
// own names do not matter.
//   return  NULL: they are; else the first field of `a` that `b` has not, or the end of a's fields where `b` has more
const struct field *schema_difference(const struct schema *a, const struct schema *b);
static inline bool schema_is_same(const struct schema *a, const struct schema *b) {
	return a == b || schema_difference(a, b) == NULL;
}

// Whether values of the two fields are compared and hashed as they lie in memory.
static inline bool field_is_alike(const struct field *a, const struct field *b) {
	return a->type == b->type && a->length == b->length;
}

// Whether `field` applies to the tuple whose body is `body`.
static inline bool schema_is_present(const struct schema *schema, const struct field *field, const void *body) {
	if (field->present == FIELD_ALWAYS)
		return true;
	const uint64_t *present = (const uint64_t *)((const uint8_t *)body + schema->present_offset);
	return *present >> field->present & 1;
}

// Whether bytes from elsewhere can be a body of this schema: no list has more items than there is room for, nor has an
// enum or a bool a value that it can't have. Fields that do not apply are looked at too.
//   body  [size]
bool schema_is_sound(const struct schema *schema, const void *body);

//   return  size of the field's value in bytes (of all items, for strings and lists)
size_t field_size(const struct field *field);

// Write the value of `field` as text: numbers in decimal, addresses as inet_ntop does, enum values by name,
// lists in brackets.
//   return  characters written without the closing zero; `size` bytes are always enough when >= 256
size_t field_format(const struct field *field, const void *body, char *out, size_t size);
