// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Plain packets: of a frame with options, padding or a tunnel, what is above IP under a header of its own. The frame
// lies in a block of exactly its size, so that a sanitizer sees a byte too many.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/plain_packet.h"

struct fake_packet {
	struct rte_mbuf mbuf;
	struct packet_meta meta;
};

static uint8_t plain[PLAIN_PACKET_SIZE_MAX];

// Parse a frame and make it plain.
static uint16_t make(const uint8_t *frame, size_t size) {
	struct fake_packet packet = {.mbuf = {.nb_segs = 1}};
	struct packet_fragment fragment;
	uint8_t *exact = malloc(size);
	memcpy(exact, frame, size);
	packet.mbuf.buf_addr = exact;
	packet.mbuf.data_len = (uint16_t)size;
	packet.mbuf.pkt_len = (uint32_t)size;
	packet.mbuf.priv_size = sizeof(packet.meta);
	assert_int_equal(packet_parse(exact, size, PACKET_LINK_ETHERNET, &packet.meta, &fragment), PACKET_OK);
	uint16_t made = plain_packet_make(&packet.mbuf, &packet.meta, plain);
	free(exact);
	return made;
}

static void test_ipv4_without_options_and_padding(void **state) {
	static const uint8_t frame[60] = {[12] = 8,
		0,
		0x46,
		0,
		0,
		35,
		[22] = 61,
		17,
		0,
		0,
		10,
		0,
		0,
		1,
		10,
		0,
		0,
		2,
		1,
		1,
		1,
		1,
		0x12,
		0x34,
		0,
		53,
		0,
		11,
		0,
		0,
		'a',
		'b',
		'c',
		'P',
		'A',
		'D'};
	static const uint8_t expected[] = {0x45, 0, 0, 31, 0, 0, 0, 0, 61, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x12,
		0x34, 0, 53, 0, 11, 0, 0, 'a', 'b', 'c'};
	assert_int_equal(make(frame, sizeof(frame)), sizeof(expected));
	assert_memory_equal(plain, expected, sizeof(expected));
}

static void test_tcp_options_stay(void **state) {
	uint8_t frame[60] = {[12] = 8, 0, 0x45, 0, 0, 46, [22] = 61, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
	frame[34 + 12] = 0x60; // 24 bytes of header, 2 of payload
	frame[34 + 20] = 7;
	frame[34 + 24] = 'x';
	frame[34 + 25] = 'y';
	assert_int_equal(make(frame, sizeof(frame)), 20 + 26);
	assert_int_equal(plain[20 + 20], 7);
	assert_memory_equal(plain + 20 + 24, "xy", 2);
}

static void test_ipv6_without_extension_headers(void **state) {
	uint8_t frame[14 + 40 + 8 + 12] = {[12] = 0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 60, 64};
	frame[22 + 15] = 1;
	frame[38 + 15] = 2;
	frame[54] = 17; // destination options, 8 bytes
	frame[62 + 3] = 53;
	frame[62 + 5] = 12;
	memcpy(frame + 70, "abcd", 4);
	assert_int_equal(make(frame, sizeof(frame)), 40 + 12);
	static const uint8_t start[] = {0x60, 0, 0, 0, 0, 12, 17, 64};
	assert_memory_equal(plain, start, sizeof(start));
	assert_int_equal(plain[8 + 15], 1);
	assert_int_equal(plain[24 + 15], 2);
	assert_memory_equal(plain + 48, "abcd", 4);
}

static void test_cut_payload_is_that_of_the_capture(void **state) {
	uint8_t frame[14 + 20 + 8 + 4] = {[12] = 8, 0, 0x45, 0, 4, 0, [22] = 61, 17};
	frame[34 + 4] = 3; // UDP length 1004
	frame[34 + 5] = 236;
	assert_int_equal(make(frame, sizeof(frame)), 20 + 8 + 4);
	assert_int_equal(plain[3], 32);
}

static void test_later_fragments_are_none(void **state) {
	uint8_t frame[60] = {[12] = 8, 0, 0x45, 0, 0, 46, 0, 1, 0, 10, 61, 17};
	assert_int_equal(make(frame, sizeof(frame)), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_without_options_and_padding),
		cmocka_unit_test(test_tcp_options_stay),
		cmocka_unit_test(test_ipv6_without_extension_headers),
		cmocka_unit_test(test_cut_payload_is_that_of_the_capture),
		cmocka_unit_test(test_later_fragments_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
