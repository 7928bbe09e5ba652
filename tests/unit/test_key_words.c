// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Keys as words, against a copy byte by byte: all places and sizes of fields, and both directions of packets.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/key_words.h"

static const struct field fields[] = {
	{.name = "flag", .type = FIELD_BOOL, .offset = 0},
	{.name = "mac", .type = FIELD_MAC, .offset = 1},
	{.name = "small", .type = FIELD_U8, .offset = 7},
	{.name = "number", .type = FIELD_U64, .offset = 8},
	{.name = "name", .type = FIELD_STRING, .offset = 16, .length = 13},
	{.name = "tail", .type = FIELD_U8, .offset = 29},
	{.name = "port", .type = FIELD_U16, .offset = 30},
	{.name = "list", .type = FIELD_U16_LIST, .offset = 32, .length = 2, .count_offset = 36},
	{.name = "end", .type = FIELD_U8, .offset = 37},
	{.name = NULL},
};
static const struct schema mixed = {.name = "mixed", .body = SCHEMA_RECORD, .size = 38, .fields = fields};

static struct option_list list_of(char **names, unsigned count) {
	return (struct option_list){.count = count, .items = names};
}

static void fill(uint8_t *body, size_t size) {
	for (size_t i = 0; i < size; i++)
		body[i] = (uint8_t)rand();
}

static void check_order(char **names, unsigned count) {
	struct key_words key;
	char error[200];
	const struct option_list list = list_of(names, count);
	assert_int_equal(key_words_init(&key, &mixed, &list, false, error, sizeof(error)), 0);
	for (unsigned round = 0; round < 20; round++) {
		// As long as the body exactly: nothing beyond it is read.
		uint8_t *body = malloc(mixed.size), expected[KEYED_KEY_SIZE_MAX] = {0};
		uint64_t words[KEY_WORDS_MAX];
		size_t size = 0;
		fill(body, mixed.size);
		for (unsigned i = 0; i < count; i++) {
			const struct field *field = schema_field(&mixed, names[i]);
			memcpy(expected + size, body + field->offset, field_size(field));
			size += field_size(field);
		}
		expected[key.length * 8 - 1] = 1;
		key_words_load(&key, body, words);
		assert_memory_equal(words, expected, key.length * 8);
		assert_true(key.length * 8 > size && key.length * 8 <= size + 8);
		free(body);
	}
}

static void words_are_the_bytes_of_the_fields(void **state) {
	static char *names[] = {"flag", "mac", "small", "number", "name", "tail", "port", "end"};
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	char *shuffled[COUNT];
	memcpy(shuffled, names, sizeof(names));
	check_order(shuffled, 0);
	check_order(shuffled, COUNT);
	for (unsigned round = 0; round < 500; round++) {
		for (unsigned i = COUNT - 1; i > 0; i--) {
			unsigned other = (unsigned)rand() % (i + 1);
			char *name = shuffled[i];
			shuffled[i] = shuffled[other];
			shuffled[other] = name;
		}
		check_order(shuffled, 1 + (unsigned)rand() % COUNT);
	}
}

static void both_directions_have_one_key(void **state) {
	static char *names[] = {"src_ip", "dst_ip", "src_port", "dst_port", "protocol"};
	const struct option_list list = list_of(names, 5);
	struct key_words key;
	char error[200];
	assert_int_equal(key_words_init(&key, &packet_schema, &list, true, error, sizeof(error)), 0);
	assert_int_equal(key.length, 5);
	for (unsigned round = 0; round < 1000; round++) {
		struct packet_meta forward, back;
		uint64_t words[2][KEY_WORDS_MAX];
		fill((uint8_t *)&forward, sizeof(forward));
		if (round % 2)
			memcpy(forward.key.dst_ip, forward.key.src_ip, 16);
		back = forward;
		memcpy(back.key.src_ip, forward.key.dst_ip, 16);
		memcpy(back.key.dst_ip, forward.key.src_ip, 16);
		back.key.src_port = forward.key.dst_port;
		back.key.dst_port = forward.key.src_port;
		key_words_load(&key, &forward, words[0]);
		key_words_load(&key, &back, words[1]);
		assert_memory_equal(words[0], words[1], key.length * 8);
		assert_true(memcmp(words[0], (const uint8_t *)words[0] + 16, 16) <= 0);
		forward.key.protocol ^= 1;
		key_words_load(&key, &forward, words[1]);
		assert_memory_not_equal(words[0], words[1], key.length * 8);
	}
}

static void refuses_what_is_no_key(void **state) {
	static char *unknown[] = {"nobody"}, *list[] = {"list"}, *twice[] = {"port", "port"};
	static char *many[] = {"flag", "mac", "small", "number", "name", "tail", "port", "end", "list"};
	const struct {
		struct option_list names;
		const char *error;
	} wrong[] = {
		{list_of(unknown, 1), "key: \"nobody\": no field of schema mixed; expected fields with one value"},
		{list_of(list, 1), "key: \"list\": a list of schema mixed; expected fields with one value"},
		{list_of(twice, 2),
			"key: \"port\": given twice; field of schema mixed; expected fields with one value"},
		{list_of(many, 9), "key: 9 fields; expected at most 8"},
	};
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct key_words key;
		char error[200];
		assert_int_equal(key_words_init(&key, &mixed, &wrong[i].names, false, error, sizeof(error)), -EINVAL);
		assert_string_equal(error, wrong[i].error);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_the_bytes_of_the_fields),
		cmocka_unit_test(both_directions_have_one_key),
		cmocka_unit_test(refuses_what_is_no_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
