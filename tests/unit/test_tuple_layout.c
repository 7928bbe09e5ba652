// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Records as bytes between nodes: what is packed comes out the same, empty ends of strings and lists take no bytes, and
// what could index past something is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/switch/tuple_layout.h"

struct body {
	uint64_t present;
	char user[32];
	uint32_t count;
	uint8_t vlan_count, kind;
	bool is_new;
	uint16_t vlan[4];
	char text[100];
	double mean;
	uint32_t labels[2];
	uint8_t label_count;
};
static const char *const kinds[] = {"tweet", "reply", NULL}, *const other_kinds[] = {"tweet", "like", NULL};
#define AT(member) .offset = offsetof(struct body, member)
#define FIELDS(choices_of_kind)                                                                                        \
	{                                                                                                              \
		{.name = "user", .type = FIELD_STRING, AT(user), .length = 32, .present = 1},                          \
			{.name = "count", .type = FIELD_U32, AT(count)},                                               \
			{.name = "kind", .type = FIELD_ENUM, AT(kind), .choices = (choices_of_kind)},                  \
			{.name = "is_new", .type = FIELD_BOOL, AT(is_new)},                                            \
			{.name = "text", .type = FIELD_STRING, AT(text), .length = 100},                               \
			{.name = "vlan",                                                                               \
				.type = FIELD_U16_LIST,                                                                \
				AT(vlan),                                                                              \
				.length = 4,                                                                           \
				.count_offset = offsetof(struct body, vlan_count)},                                    \
			{.name = "mean", .type = FIELD_F64, AT(mean)},                                                 \
			{.name = "labels",                                                                             \
				.type = FIELD_U32_LIST,                                                                \
				AT(labels),                                                                            \
				.length = 2,                                                                           \
				.count_offset = offsetof(struct body, label_count)},                                   \
		{                                                                                                      \
			0                                                                                              \
		}                                                                                                      \
	}
static const struct field fields[] = FIELDS(kinds), other_fields[] = FIELDS(other_kinds);
static const struct schema schema = {
	.name = "message", .body = SCHEMA_RECORD, .size = sizeof(struct body), .fields = fields};

static struct body make_body(void) {
	struct body body;
	memset(&body, 0, sizeof(body));
	body.present = 2;
	strcpy(body.user, "ada");
	memset(body.text, 'x', sizeof(body.text)); // no zero behind it
	body.count = 7;
	body.kind = 1;
	body.is_new = true;
	body.vlan_count = 2;
	body.vlan[0] = 100;
	body.vlan[1] = 200;
	body.mean = 0.5;
	return body;
}

static void a_record_comes_back(void **state) {
	struct tuple_layout layout;
	struct tuple_time time = {.timestamp_ns = 123, .late_ms = 4}, read_time;
	struct body body = make_body(), read;
	uint8_t out[sizeof(struct body) + 64];
	assert_int_equal(tuple_layout_init(&layout, &schema), 0);
	assert_true(layout.size_max <= sizeof(out));
	size_t size = tuple_pack(&layout, &body, time, out);
	// Without 29 characters of user, 2 of 4 tags, both labels; with 2 lengths of 2 bytes and 2 of 1.
	assert_int_equal(size, TUPLE_TIME_SIZE + sizeof(body) - 29 - 4 - 8 + 6);
	for (size_t cut = 0; cut <= size; cut++) {
		uint8_t *exact = malloc(cut + 1);
		memcpy(exact + 1, out, cut);
		memset(&read, 0, sizeof(read));
		assert_int_equal(tuple_unpack(&layout, exact + 1, cut, &read, &read_time), cut < size ? 0 : size);
		free(exact);
	}
	assert_memory_equal(&read, &body, sizeof(body));
	assert_int_equal(read_time.timestamp_ns, 123);
	assert_int_equal(read_time.late_ms, 4);
	tuple_layout_fini(&layout);
}

static void a_record_of_numbers_is_one_part(void **state) {
	static const struct field numbers[] = {
		{.name = "a", .type = FIELD_U64}, {.name = "b", .type = FIELD_U64, .offset = 8}, {0}};
	static const struct schema pair = {.name = "pair", .body = SCHEMA_RECORD, .size = 16, .fields = numbers};
	struct tuple_layout layout;
	assert_int_equal(tuple_layout_init(&layout, &pair), 0);
	assert_int_equal(layout.part_count, 1);
	assert_int_equal(layout.size_max, TUPLE_TIME_SIZE + 16);
	tuple_layout_fini(&layout);
}

static void what_indexes_is_checked(void **state) {
	struct tuple_layout layout;
	struct tuple_time time = {0};
	uint8_t out[sizeof(struct body) + 64];
	assert_int_equal(tuple_layout_init(&layout, &schema), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct body body = make_body(), read = {0};
		if (i == 0)
			body.kind = 2;
		else if (i == 1)
			body.label_count = 3;
		else
			memset(&body.is_new, 2, 1);
		size_t size = tuple_pack(&layout, &body, time, out);
		assert_int_equal(tuple_unpack(&layout, out, size, &read, &time), 0);
	}
	tuple_layout_fini(&layout);
}

static void lengths_are_checked(void **state) {
	struct tuple_layout layout;
	struct tuple_time time = {0};
	struct body body = make_body(), read = {0};
	uint8_t out[sizeof(struct body) + 64] = {0};
	assert_int_equal(tuple_layout_init(&layout, &schema), 0);
	tuple_pack(&layout, &body, time, out);
	const size_t at = TUPLE_TIME_SIZE + offsetof(struct body, user);
	assert_int_equal(out[at], 3);
	out[at] = 33; // user has 32
	assert_int_equal(tuple_unpack(&layout, out, sizeof(out), &read, &time), 0);
	out[at] = 3;
	out[at + 1] = 0xff;
	assert_int_equal(tuple_unpack(&layout, out, sizeof(out), &read, &time), 0);
	tuple_layout_fini(&layout);
}

static void the_hash_tells_schemas_apart(void **state) {
	struct field changed[sizeof(fields) / sizeof(fields[0])];
	struct schema other = schema;
	uint64_t hash = tuple_schema_hash(&schema);
	other.name = "another name";
	assert_int_equal(tuple_schema_hash(&other), hash);
	other.fields = other_fields;
	assert_int_not_equal(tuple_schema_hash(&other), hash);
	memcpy(changed, fields, sizeof(fields));
	other.fields = changed;
	assert_int_equal(tuple_schema_hash(&other), hash);
	changed[1].type = FIELD_U16;
	assert_int_not_equal(tuple_schema_hash(&other), hash);
	changed[1].type = FIELD_U32;
	changed[1].name = "counts";
	assert_int_not_equal(tuple_schema_hash(&other), hash);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back),
		cmocka_unit_test(a_record_of_numbers_is_one_part),
		cmocka_unit_test(what_indexes_is_checked),
		cmocka_unit_test(lengths_are_checked),
		cmocka_unit_test(the_hash_tells_schemas_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
