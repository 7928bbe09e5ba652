// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP headers and options, whole and cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/tcp_segment.h"

static const uint8_t syn[32] = {
	0x04, 0x00, 0x00, 0x50,                         // ports
	0x01, 0x02, 0x03, 0x04,                         // seq
	0xa1, 0xa2, 0xa3, 0xa4,                         // ack
	0x80, 0x12, 0xfa, 0xce,                         // 32 bytes, SYN ACK, window
	0x00, 0x00, 0x00, 0x00,                         // checksum, urgent
	0x01, 0x02, 0x04, 0x05, 0xb4, 0x03, 0x03, 0x07, // NOP, MSS 1460, scale 7
	0x04, 0x02, 0x00, 0x00,                         // SACK permitted, end
};

// Parse the first `size` bytes of a header, with nothing behind them.
static bool parse(const uint8_t *header, size_t size, struct tcp_segment *segment) {
	uint8_t *exact = malloc(size > 0 ? size : 1);
	assert_non_null(exact);
	memcpy(exact, header, size);
	bool is_whole = tcp_segment_parse(exact, size, segment);
	if (is_whole)
		tcp_segment_parse_options(exact, size, segment);
	free(exact);
	return is_whole;
}

static void test_header(void **state) {
	struct tcp_segment segment;
	assert_true(parse(syn, sizeof(syn), &segment));
	assert_int_equal(segment.seq, 0x01020304);
	assert_int_equal(segment.ack, 0xa1a2a3a4);
	assert_int_equal(segment.window, 0xface);
	assert_int_equal(segment.flags, TCP_SYN | TCP_ACK);
	assert_int_equal(segment.options.mss, 1460);
	assert_int_equal(segment.options.scale, 7);
}

static void test_cut(void **state) {
	struct tcp_segment segment;
	for (size_t size = 0; size < TCP_HEADER_MIN; size++)
		assert_false(parse(syn, size, &segment));
	for (size_t size = TCP_HEADER_MIN; size < sizeof(syn); size++) {
		assert_true(parse(syn, size, &segment));
		assert_int_equal(segment.options.mss, size >= 25 ? 1460 : 0);
		assert_int_equal(segment.options.scale, size >= 28 ? 7 : TCP_SCALE_NONE);
	}
}

// Options of a segment without SYN mean nothing.
static void test_no_syn(void **state) {
	uint8_t header[32];
	struct tcp_segment segment;
	memcpy(header, syn, sizeof(header));
	header[13] = TCP_ACK;
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.mss, 0);
	assert_int_equal(segment.options.scale, TCP_SCALE_NONE);
}

static void test_bad_options(void **state) {
	uint8_t header[32];
	struct tcp_segment segment;
	memcpy(header, syn, sizeof(header));
	header[27] = 200; // greater than RFC 7323 allows
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.scale, TCP_SCALE_MAX);
	header[22] = 0; // a length that leads nowhere
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.mss, 0);
	header[22] = 40; // past the header
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.mss, 0);
	header[22] = 3; // a wrong one for its kind
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.mss, 0);
	memcpy(header, syn, sizeof(header));
	header[12] = 0x40; // shorter than a header can be
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.mss, 0);
}

// A header with time stamps, where most ends put them, and two SACK blocks.
static const uint8_t sack[52] = {
	0x04, 0x00, 0x00, 0x50,                               // ports
	0x01, 0x02, 0x03, 0x04,                               // seq
	0xa1, 0xa2, 0xa3, 0xa4,                               // ack
	0xd0, 0x10, 0xfa, 0xce,                               // 52 bytes, ACK, window
	0x00, 0x00, 0x00, 0x00,                               // checksum, urgent
	0x01, 0x01, 0x08, 0x0a, 0x10, 0, 0, 1, 0x20, 0, 0, 2, // NOP, NOP, stamp, echo
	0x01, 0x01, 0x05, 0x12, 0x30, 0, 0, 3, 0x40, 0, 0, 4, // NOP, NOP, SACK: one block
	0x50, 0, 0, 5, 0x60, 0, 0, 6,                         // and another
};

static void test_sack(void **state) {
	for (size_t size = TCP_HEADER_MIN; size <= sizeof(sack); size++) {
		struct tcp_segment segment;
		assert_true(parse(sack, size, &segment));
		const struct tcp_options *options = &segment.options;
		assert_int_equal(options->has_stamps, size >= 32);
		assert_int_equal(options->sack_count, size == sizeof(sack) ? 2 : 0);
		assert_false(segment.has_plain_options);
		if (size < sizeof(sack))
			continue;
		assert_int_equal(options->stamp, 0x10000001);
		assert_int_equal(options->echo, 0x20000002);
		assert_int_equal(options->sacks[0].begin, 0x30000003);
		assert_int_equal(options->sacks[0].end, 0x40000004);
		assert_int_equal(options->sacks[1].begin, 0x50000005);
		assert_int_equal(options->sacks[1].end, 0x60000006);
	}
}

// A SACK option of a length that no whole blocks have: those that are whole count.
static void test_bad_sack(void **state) {
	uint8_t header[sizeof(sack)];
	struct tcp_segment segment;
	memcpy(header, sack, sizeof(header));
	header[35] = 17;
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.sack_count, 1);
	header[35] = 2;
	assert_true(parse(header, sizeof(header), &segment));
	assert_int_equal(segment.options.sack_count, 0);
	header[23] = 9; // and time stamps of another
	assert_true(parse(header, sizeof(header), &segment));
	assert_false(segment.options.has_stamps);
}

static void test_plain_options(void **state) {
	uint8_t header[sizeof(sack)];
	struct tcp_segment segment;
	memcpy(header, sack, sizeof(header));
	header[12] = 0x50; // no options
	assert_true(parse(header, TCP_HEADER_MIN, &segment));
	assert_true(segment.has_plain_options);
	header[12] = 0x80; // time stamps alone
	assert_true(parse(header, 32, &segment));
	assert_true(segment.has_plain_options);
	assert_true(parse(header, 23, &segment)); // cut before it is clear what they are
	assert_false(segment.has_plain_options);
	header[22] = 5; // SACK may have the same length
	assert_true(parse(header, 32, &segment));
	assert_false(segment.has_plain_options);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_no_syn),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_sack),
		cmocka_unit_test(test_bad_sack),
		cmocka_unit_test(test_plain_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
