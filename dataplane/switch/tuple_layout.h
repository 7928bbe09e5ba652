// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Records as bytes between nodes, as their schema says: the time, then what lies between strings and lists as it is in
// memory, strings and lists without their empty ends. Both ends are little-endian and have the same schema (its hash is
// compared when a channel opens); what comes in is not trusted all the same: numbers that index something are checked.
//
//   record   time u64 (ns), lateness u32 (ms), then for each part of the layout: fixed bytes; or length u16,
//            characters; or length u8, items
#pragma once

#include "api/schema.h"

enum { TUPLE_TIME_SIZE = 12 };

struct tuple_part {
	uint16_t offset, size; // of the body
	uint16_t item;         // bytes of an item of a list, 1: a string, 0: fixed
	uint16_t count_offset; // of a list
};

struct tuple_layout {
	const struct schema *schema;
	unsigned part_count;
	struct tuple_part *parts;
	size_t size_max; // of a record's bytes, time included
	unsigned check_count;
	struct tuple_check {
		uint16_t offset;
		uint8_t most; // greatest value of the byte there
	} * checks;           // bools, enums, counts of lists
	uint64_t hash;
};

//   schema  of records, on which no limit but SCHEMA_SIZE_MAX is; outlives the layout
//   return  0, -ENOMEM
int tuple_layout_init(struct tuple_layout *layout, const struct schema *schema);
void tuple_layout_fini(struct tuple_layout *layout);

// What two nodes must agree on: fields, their places, types, lengths and choices; not the schema's own name.
uint64_t tuple_schema_hash(const struct schema *schema);

struct tuple_time {
	uint64_t timestamp_ns;
	uint32_t late_ms;
};

//   out     [size_max]
//   return  bytes written
size_t tuple_pack(const struct tuple_layout *layout, const void *body, struct tuple_time time, uint8_t *out);
//   body    [schema->size] zeroed; filled
//   return  bytes read; 0: these are no record's
size_t tuple_unpack(
	const struct tuple_layout *layout, const uint8_t *data, size_t size, void *body, struct tuple_time *time);
