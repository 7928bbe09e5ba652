// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/switch/tuple_layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bodies go between nodes as they lie in memory");

// Each thing hashed with the hash of those before it.
static void mix(uint64_t *hash, const void *data, size_t size) {
	*hash = XXH3_64bits_withSeed(data, size, *hash);
}

uint64_t tuple_schema_hash(const struct schema *schema) {
	const uint32_t body[] = {schema->body, schema->size, schema->present_offset};
	uint64_t hash = 0;
	mix(&hash, body, sizeof(body));
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		const uint32_t numbers[] = {
			field->type, field->offset, field->length, field->count_offset, field->present};
		mix(&hash, field->name, strlen(field->name));
		mix(&hash, numbers, sizeof(numbers));
		for (unsigned i = 0; field->choices != NULL && field->choices[i] != NULL; i++)
			mix(&hash, field->choices[i], strlen(field->choices[i]));
	}
	return hash;
}

static unsigned item_size(const struct field *field) {
	if (field->type == FIELD_STRING)
		return 1;
	return field->type == FIELD_U16_LIST ? 2 : field->type == FIELD_U32_LIST ? 4 : 0;
}

static int compare_parts(const void *a, const void *b) {
	return (int)((const struct tuple_part *)a)->offset - (int)((const struct tuple_part *)b)->offset;
}

// Strings and lists in the order of their places.
static unsigned find_variable(const struct schema *schema, struct tuple_part *parts) {
	unsigned count = 0;
	for (const struct field *field = schema->fields; field->name != NULL; field++)
		if (item_size(field) > 0)
			parts[count++] = (struct tuple_part){
				.offset = field->offset,
				.size = (uint16_t)field_size(field),
				.item = (uint16_t)item_size(field),
				.count_offset = field->count_offset,
			};
	qsort(parts, count, sizeof(*parts), compare_parts);
	return count;
}

static void add_part(struct tuple_layout *layout, struct tuple_part part) {
	if (part.size == 0)
		return;
	layout->parts[layout->part_count++] = part;
	layout->size_max += part.size + (part.item == 0 ? 0 : part.item == 1 ? 2 : 1);
}

static void find_checks(struct tuple_layout *layout) {
	for (const struct field *field = layout->schema->fields; field->name != NULL; field++) {
		struct tuple_check check = {.offset = field->offset, .most = 1};
		if (item_size(field) > 1) {
			check = (struct tuple_check){field->count_offset, (uint8_t)field->length};
		} else if (field->type == FIELD_ENUM) {
			unsigned choices = 0;
			while (field->choices[choices] != NULL)
				choices++;
			check.most = (uint8_t)(choices - 1);
		} else if (field->type != FIELD_BOOL) {
			continue;
		}
		layout->checks[layout->check_count++] = check;
	}
}

int tuple_layout_init(struct tuple_layout *layout, const struct schema *schema) {
	struct tuple_part variable[SCHEMA_FIELDS_MAX];
	*layout = (struct tuple_layout){
		.schema = schema,
		.parts = calloc(2 * SCHEMA_FIELDS_MAX + 1, sizeof(*layout->parts)),
		.checks = calloc(SCHEMA_FIELDS_MAX, sizeof(*layout->checks)),
		.size_max = TUPLE_TIME_SIZE,
		.hash = tuple_schema_hash(schema),
	};
	if (layout->parts == NULL || layout->checks == NULL) {
		tuple_layout_fini(layout);
		return -ENOMEM;
	}
	unsigned count = find_variable(schema, variable);
	uint16_t at = 0;
	for (unsigned i = 0; i < count; i++) {
		add_part(layout, (struct tuple_part){.offset = at, .size = (uint16_t)(variable[i].offset - at)});
		add_part(layout, variable[i]);
		at = (uint16_t)(variable[i].offset + variable[i].size);
	}
	add_part(layout, (struct tuple_part){.offset = at, .size = (uint16_t)(schema->size - at)});
	find_checks(layout);
	return 0;
}

void tuple_layout_fini(struct tuple_layout *layout) {
	free(layout->parts);
	free(layout->checks);
	*layout = (struct tuple_layout){0};
}

static uint8_t *pack_string(const struct tuple_part *part, const uint8_t *text, uint8_t *out) {
	uint16_t length = (uint16_t)strnlen((const char *)text, part->size);
	memcpy(out, &length, sizeof(length));
	memcpy(out + sizeof(length), text, length);
	return out + sizeof(length) + length;
}

static uint8_t *pack_list(const struct tuple_part *part, const uint8_t *body, uint8_t *out) {
	uint8_t count = body[part->count_offset];
	size_t size = (size_t)count * part->item;
	if (size > part->size)
		size = part->size;
	*out = (uint8_t)(size / part->item);
	memcpy(out + 1, body + part->offset, size);
	return out + 1 + size;
}

size_t tuple_pack(const struct tuple_layout *layout, const void *body, struct tuple_time time, uint8_t *out) {
	uint8_t *at = out;
	memcpy(at, &time.timestamp_ns, sizeof(time.timestamp_ns));
	memcpy(at + sizeof(time.timestamp_ns), &time.late_ms, sizeof(time.late_ms));
	at += TUPLE_TIME_SIZE;
	for (unsigned i = 0; i < layout->part_count; i++) {
		const struct tuple_part *part = &layout->parts[i];
		const uint8_t *from = (const uint8_t *)body + part->offset;
		if (part->item == 0)
			at = (uint8_t *)memcpy(at, from, part->size) + part->size;
		else
			at = part->item == 1 ? pack_string(part, from, at) : pack_list(part, body, at);
	}
	return (size_t)(at - out);
}

// Bytes of a string or list, whose length stands before them.
//   return  how many there are; -1: more than the field holds, or than came
static long take_length(const struct tuple_part *part, const uint8_t **at, const uint8_t *end) {
	const size_t head = part->item == 1 ? 2 : 1;
	uint16_t length = 0;
	if ((size_t)(end - *at) < head)
		return -1;
	memcpy(&length, *at, head);
	*at += head;
	size_t size = (size_t)length * part->item;
	return size <= part->size && size <= (size_t)(end - *at) ? (long)size : -1;
}

static bool are_checked(const struct tuple_layout *layout, const uint8_t *body) {
	bool are_good = true;
	for (unsigned i = 0; i < layout->check_count; i++)
		are_good &= body[layout->checks[i].offset] <= layout->checks[i].most;
	return are_good;
}

size_t tuple_unpack(
	const struct tuple_layout *layout, const uint8_t *data, size_t size, void *body, struct tuple_time *time) {
	const uint8_t *at = data, *end = data + size;
	if (size < TUPLE_TIME_SIZE)
		return 0;
	memcpy(&time->timestamp_ns, at, sizeof(time->timestamp_ns));
	memcpy(&time->late_ms, at + sizeof(time->timestamp_ns), sizeof(time->late_ms));
	at += TUPLE_TIME_SIZE;
	for (unsigned i = 0; i < layout->part_count; i++) {
		const struct tuple_part *part = &layout->parts[i];
		long length = part->item == 0 ? (long)part->size : take_length(part, &at, end);
		if (length < 0 || length > end - at)
			return 0;
		memcpy((uint8_t *)body + part->offset, at, (size_t)length);
		at += length;
	}
	return are_checked(layout, body) ? (size_t)(at - data) : 0;
}
