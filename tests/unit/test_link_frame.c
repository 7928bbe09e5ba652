// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames of links: what is written is read again, and whatever is cut short, too long or unknown is refused. Buffers
// are of the exact size, so that a sanitizer sees what reads past them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/switch/link_frame.h"

static uint8_t frame[LINK_HEADER_SIZE + LINK_CONTROL_MAX];

static struct link_header header_of(size_t size) {
	struct link_header header;
	assert_int_equal(link_header_parse(frame, &header), 0);
	assert_int_equal(header.size, size - LINK_HEADER_SIZE);
	return header;
}

// What `parse` says of the frame cut to each length below its own.
#define ASSERT_NO_PREFIX_PARSES(parse, size, out)                                                                      \
	for (size_t cut = 0; cut < (size)-LINK_HEADER_SIZE; cut++) {                                                   \
		uint8_t *exact = malloc(cut + 1);                                                                      \
		memcpy(exact + 1, frame + LINK_HEADER_SIZE, cut);                                                      \
		assert_int_equal(parse(exact + 1, cut, out), -EBADMSG);                                                \
		free(exact);                                                                                           \
	}

static void a_hello_comes_back(void **state) {
	struct link_hello hello = {.version = LINK_VERSION, .index = 3, .count = 4, .incarnation = 1ULL << 60}, read;
	strcpy(hello.node, "left.example");
	size_t size = link_hello_pack(&hello, frame);
	assert_int_equal(header_of(size).type, LINK_HELLO);
	assert_int_equal(link_hello_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), 0);
	assert_int_equal(read.index, 3);
	assert_int_equal(read.count, 4);
	assert_int_equal(read.incarnation, 1ULL << 60);
	assert_string_equal(read.node, "left.example");
	ASSERT_NO_PREFIX_PARSES(link_hello_parse, size, &read);
	assert_int_equal(link_hello_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE + 1, &read), -EBADMSG);
}

static void a_hello_of_another_version_is_told_apart(void **state) {
	struct link_hello hello = {.version = LINK_VERSION + 1, .count = 1}, read;
	size_t size = link_hello_pack(&hello, frame);
	assert_int_equal(link_hello_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), -EPROTONOSUPPORT);
	assert_int_equal(read.version, LINK_VERSION + 1);
}

static void connections_are_bounded(void **state) {
	const struct link_hello bad[] = {
		{.version = LINK_VERSION, .incarnation = 1, .index = 0, .count = 0},
		{.version = LINK_VERSION, .incarnation = 1, .index = 2, .count = 2},
		{.version = LINK_VERSION, .incarnation = 1, .index = 0, .count = LINK_CONNECTIONS_MAX + 1},
		{.version = LINK_VERSION, .incarnation = 0, .index = 0, .count = 1},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct link_hello read;
		size_t size = link_hello_pack(&bad[i], frame);
		assert_int_equal(link_hello_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), -EBADMSG);
	}
}

static void an_open_comes_back(void **state) {
	struct link_open open = {.schema_hash = 7, .frame_max = LINK_FRAME_MAX, .index = 1, .count = 2}, read;
	strcpy(open.pipeline, "topics");
	strcpy(open.stream, "words>count");
	size_t size = link_open_pack(9, 1000, &open, frame);
	struct link_header header = header_of(size);
	assert_int_equal(header.channel, 9);
	assert_int_equal(header.position, 1000);
	assert_int_equal(link_open_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), 0);
	assert_int_equal(read.schema_hash, 7);
	assert_string_equal(read.pipeline, "topics");
	assert_string_equal(read.stream, "words>count");
	ASSERT_NO_PREFIX_PARSES(link_open_parse, size, &read);
	strcpy(open.stream, "a\033[2J");
	size = link_open_pack(9, 0, &open, frame);
	assert_int_equal(link_open_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), -EBADMSG);
	open = (struct link_open){.frame_max = LINK_FRAME_MAX + 1, .count = 1};
	size = link_open_pack(9, 0, &open, frame);
	assert_int_equal(link_open_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), -EBADMSG);
}

static void a_resume_comes_back(void **state) {
	struct link_resume resume = {.received = 300, .consumed = 100, .window = 4096}, read;
	size_t size = link_resume_pack(1, &resume, frame);
	assert_int_equal(link_resume_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), 0);
	assert_int_equal(read.received, 300);
	assert_int_equal(read.consumed, 100);
	ASSERT_NO_PREFIX_PARSES(link_resume_parse, size, &read);
	resume.consumed = 301; // more than was received
	size = link_resume_pack(1, &resume, frame);
	assert_int_equal(link_resume_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, &read), -EBADMSG);
}

static void a_refusal_is_text(void **state) {
	char text[LINK_TEXT_SIZE], longer[LINK_TEXT_SIZE + 50];
	size_t size = link_refuse_pack(LINK_ALL_CHANNELS, "no such stream", frame);
	assert_int_equal(link_refuse_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, text), 0);
	assert_string_equal(text, "no such stream");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	size = link_refuse_pack(LINK_ALL_CHANNELS, longer, frame);
	assert_int_equal(link_refuse_parse(frame + LINK_HEADER_SIZE, size - LINK_HEADER_SIZE, text), 0);
	assert_int_equal(strlen(text), LINK_TEXT_SIZE - 1);
}

static void headers_are_bounded(void **state) {
	const struct link_header good[] = {
		{.type = LINK_DATA, .size = LINK_DATA_SIZE, .flags = LINK_END},
		{.type = LINK_DATA, .size = LINK_FRAME_MAX - LINK_HEADER_SIZE},
		{.type = LINK_ACK, .flags = LINK_FINAL},
		{.type = LINK_HELLO, .size = LINK_CONTROL_MAX},
	};
	const struct link_header bad[] = {
		{.type = 0, .size = 8},
		{.type = LINK_REFUSE + 1, .size = 8},
		{.type = LINK_DATA, .size = LINK_DATA_SIZE - 1},
		{.type = LINK_DATA, .size = LINK_FRAME_MAX - LINK_HEADER_SIZE + 1},
		{.type = LINK_DATA, .size = LINK_DATA_SIZE, .flags = 2},
		{.type = LINK_ACK, .size = 1},
		{.type = LINK_HELLO, .size = LINK_CONTROL_MAX + 1},
		{.type = LINK_HELLO, .size = 20, .flags = 1},
		{.type = LINK_OPEN, .size = UINT32_MAX},
	};
	struct link_header read;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		link_header_pack(&good[i], frame);
		assert_int_equal(link_header_parse(frame, &read), 0);
		assert_memory_equal(&read, &good[i], sizeof(read));
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		link_header_pack(&bad[i], frame);
		assert_int_equal(link_header_parse(frame, &read), -EBADMSG);
	}
}

static void what_stands_before_tuples_is_bounded(void **state) {
	struct link_data data = {.watermark_ns = 5, .since_ns = 7, .tuples = LINK_TUPLES_MAX}, read;
	link_data_pack(&data, frame);
	assert_int_equal(link_data_parse(frame, LINK_DATA_SIZE, &read), 0);
	assert_int_equal(read.watermark_ns, 5);
	assert_int_equal(read.since_ns, 7);
	assert_int_equal(read.tuples, LINK_TUPLES_MAX);
	assert_int_equal(link_data_parse(frame, LINK_DATA_SIZE - 1, &read), -EBADMSG);
	data.tuples++;
	link_data_pack(&data, frame);
	assert_int_equal(link_data_parse(frame, LINK_DATA_SIZE, &read), -EBADMSG);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_comes_back),
		cmocka_unit_test(a_hello_of_another_version_is_told_apart),
		cmocka_unit_test(connections_are_bounded),
		cmocka_unit_test(an_open_comes_back),
		cmocka_unit_test(a_resume_comes_back),
		cmocka_unit_test(a_refusal_is_text),
		cmocka_unit_test(headers_are_bounded),
		cmocka_unit_test(what_stands_before_tuples_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
