// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/joined_record.h"

#include <errno.h>
#include <stdio.h>

static bool is_key(const struct key_words *key, const struct field *field) {
	for (unsigned i = 0; i < key->part_count; i++)
		if (key->parts[i].field == field)
			return true;
	return false;
}

// The name that a field of one side has in the joined record.
//   return  false: it is too long
static bool joined_name(
	char name[SCHEMA_NAME_MAX + 1], const struct schema *left, unsigned side, const struct field *field) {
	bool is_taken = side == 1 && schema_field(left, field->name) != NULL;
	int length = snprintf(name, SCHEMA_NAME_MAX + 1, "%s%s", is_taken ? "right_" : "", field->name);
	return length <= SCHEMA_NAME_MAX;
}

int joined_record_describe(struct schema *out, const struct schema *const *sides, const struct key_words *right_key,
	char *error, size_t size) {
	for (unsigned side = 0; side < 2; side++)
		for (const struct field *field = sides[side]->fields; field->name != NULL; field++) {
			char name[SCHEMA_NAME_MAX + 1];
			if (side == 1 && is_key(right_key, field))
				continue;
			int ret =
				joined_name(name, sides[0], side, field) ? schema_add_like(out, name, field) : -EINVAL;
			if (ret == 0)
				continue;
			snprintf(error, size, "field %s of the %s input: %s", field->name, side ? "right" : "left",
				ret == -EEXIST   ? "its name is taken twice; rename it before"
				: ret == -ENOSPC ? "the joined record would be too large; leave fields out before"
						 : "its name is too long");
			return ret == -ENOMEM ? ret : -EINVAL;
		}
	return 0;
}

void joined_record_init(struct joined_record *joined, const struct schema *out, const struct schema *const *sides,
	const struct key_words *right_key) {
	*joined = (struct joined_record){.schema = out, .sides = {sides[0], sides[1]}};
	for (unsigned side = 0; side < 2; side++)
		for (const struct field *field = sides[side]->fields; field->name != NULL; field++) {
			char name[SCHEMA_NAME_MAX + 1];
			if ((side == 1 && is_key(right_key, field)) || !joined_name(name, sides[0], side, field))
				continue;
			const struct field *to = schema_field(out, name);
			joined->copies[side][joined->counts[side]++] = (struct field_copy){
				.from = field->offset,
				.to = to->offset,
				.size = (uint16_t)field_size(field),
				.count_from = field->count_offset,
				.count_to = to->count_offset,
				.present_from = field->present,
				.present_to = to->present,
				.is_list = field->type == FIELD_U16_LIST || field->type == FIELD_U32_LIST,
			};
		}
}

void joined_record_fill(const struct joined_record *joined, unsigned side, const void *from, void *body) {
	const uint8_t *source = from;
	uint8_t *target = body;
	const uint64_t *there = (const uint64_t *)(source + joined->sides[side]->present_offset);
	uint64_t *present = (uint64_t *)(target + joined->schema->present_offset);
	for (unsigned i = 0; i < joined->counts[side]; i++) {
		const struct field_copy *copy = &joined->copies[side][i];
		if (copy->present_from != FIELD_ALWAYS && !(*there >> copy->present_from & 1))
			continue;
		memcpy(target + copy->to, source + copy->from, copy->size);
		if (copy->is_list)
			target[copy->count_to] = source[copy->count_from];
		if (copy->present_to != FIELD_ALWAYS)
			*present |= UINT64_C(1) << copy->present_to;
	}
}
