// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/dns_message.h"

// Parse bytes that end where a sanitizer sees it.
static int parse(const void *data, size_t size, struct dns_message *message) {
	uint8_t *exact = malloc(size ? size : 1);
	memcpy(exact, data, size);
	int ret = dns_message_parse(size ? exact : exact + 1, size, message);
	free(exact);
	return ret;
}

#define QUERY "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
static const char query[] = QUERY "\3wWw\7eXample\3com\0\0\x1c\0\1";

static void a_query_is_read(void **state) {
	struct dns_message message;
	assert_int_equal(parse(query, sizeof(query) - 1, &message), 0);
	assert_int_equal(message.id, 0x1234);
	assert_false(message.is_response);
	assert_int_equal(message.type, 28);
	assert_int_equal(message.labels, 3);
	assert_string_equal(message.name, "www.example.com");
	assert_int_equal(message.name_length, 15);
	assert_string_equal(message.name + message.domain_at, "example.com");
}

static void an_answer_is_read(void **state) {
	static const char answer[] = "\0\1\x83\x83\0\1\0\2\0\0\0\0\1a\0\0\1\0\1 and whatever follows";
	struct dns_message message;
	assert_int_equal(parse(answer, sizeof(answer) - 1, &message), 0);
	assert_true(message.is_response && message.is_truncated);
	assert_int_equal(message.rcode, 3);
	assert_int_equal(message.answers, 2);
	assert_string_equal(message.name, "a");
	assert_string_equal(message.name + message.domain_at, "a");
}

static void names_may_be_empty_or_odd(void **state) {
	static const char root[] = QUERY "\0\0\2\0\1", odd[] = QUERY "\4a.\0\xff\0\0\1\0\1";
	struct dns_message message;
	assert_int_equal(parse(root, sizeof(root) - 1, &message), 0);
	assert_string_equal(message.name, "");
	assert_int_equal(message.labels, 0);
	assert_int_equal(message.type, 2);
	assert_int_equal(parse(odd, sizeof(odd) - 1, &message), 0);
	assert_string_equal(message.name, "a.??");
	// A header alone, without a question.
	assert_int_equal(parse("\0\0\0\0\0\0\0\0\0\0\0\0", 12, &message), 0);
	assert_int_equal(message.type, 0);
}

static void every_cut_is_an_error(void **state) {
	struct dns_message message;
	for (size_t size = 0; size < sizeof(query) - 1; size++)
		assert_int_equal(parse(query, size, &message), size < 12 ? -EINVAL : -ENODATA);
}

static void names_are_at_most_253_characters(void **state) {
	uint8_t data[12 + 4 * 64 + 1 + 4] = QUERY;
	for (unsigned i = 0; i < 4; i++) {
		data[12 + i * 64] = 63;
		memset(data + 12 + i * 64 + 1, 'x', 63);
	}
	struct dns_message message;
	assert_int_equal(parse(data, sizeof(data), &message), -EINVAL);
	data[12 + 3 * 64] = 61;
	memset(data + 12 + 3 * 64 + 62, 0, 7);
	assert_int_equal(parse(data, sizeof(data), &message), 0);
	assert_int_equal(message.name_length, 253);
	assert_int_equal(strlen(message.name + message.domain_at), 63 + 1 + 61);
	data[12] = 64; // neither a label nor, in a first name, a pointer
	assert_int_equal(parse(data, sizeof(data), &message), -EINVAL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_read),
		cmocka_unit_test(an_answer_is_read),
		cmocka_unit_test(names_may_be_empty_or_odd),
		cmocka_unit_test(every_cut_is_an_error),
		cmocka_unit_test(names_are_at_most_253_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
