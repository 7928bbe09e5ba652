// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What lies below IP.
#include "tests/unit/packet_frame.h"

static void test_links(void **state) {
	static const struct {
		enum packet_link link;
		const char *header;
	} cases[] = {
		{PACKET_LINK_ETHERNET, ETHERNET_V4},
		{PACKET_LINK_ETHERNET, MACS "8100 e07b 0800"},
		{PACKET_LINK_ETHERNET, MACS "88a8 0064 8100 00c8 0800"},
		{PACKET_LINK_ETHERNET, MACS "9100 0001 9100 0002 8100 0003 8100 0fff 0800"},
		{PACKET_LINK_ETHERNET, MACS "8847 000110ff 001311ff"},
		{PACKET_LINK_ETHERNET, MACS "8100 0005 8848 000001ff"},
		{PACKET_LINK_ETHERNET, MACS "8864 1100 0001 0023 0021"},
		{PACKET_LINK_ETHERNET, MACS "8864 1100 0001 0022 21"},
		{PACKET_LINK_ETHERNET, MACS "8100 0007 8864 1100 0001 0027 0281 000111ff"},
		{PACKET_LINK_RAW, ""},
		{PACKET_LINK_NULL, "02000000"},
		{PACKET_LINK_NULL, "00000002"},
		{PACKET_LINK_SLL, "0000 0001 0006 0200000000010000 0800"},
		{PACKET_LINK_SLL, "0000 0001 0006 0200000000010000 8100 0064 0800"},
		{PACKET_LINK_SLL2, "0800 0000 00000002 0001 00 06 0200000000010000"},
		{PACKET_LINK_PPP, "0021"},
		{PACKET_LINK_PPP, "21"},
		{PACKET_LINK_PPP, "ff03 0021"},
		{PACKET_LINK_PPP, "ff03 0281 000111ff"},
		{PACKET_LINK_PPPOE, "1100 0001 0023 0021"},
		{PACKET_LINK_HDLC, "ff03 0021"},
		{PACKET_LINK_HDLC, "0f00 0800"},
		{PACKET_LINK_HDLC, "8f00 8847 000111ff"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame frame = {.link = cases[i].link};
		add(&frame, cases[i].header);
		size_t offset = frame.size;
		add(&frame, IPV4_UDP UDP_5);
		struct parsed got = parse(&frame, frame.size);
		assert_int_equal(got.verdict, PACKET_OK);
		assert_int_equal(got.meta.key.src_port, 53);
		assert_int_equal(got.meta.l4_offset, offset + 20);
		assert_int_equal(got.meta.ip_bytes, 33);
		assert_int_equal(got.link.has_mac, frame.link == PACKET_LINK_ETHERNET);
	}
	static const char *const families[] = {"0000001e", "1c000000", "18000000", "0a000000"};
	for (size_t i = 0; i < 4; i++) {
		struct frame frame = {.link = PACKET_LINK_NULL};
		add(&frame, families[i]);
		add(&frame, IPV6_UDP UDP_5);
		assert_int_equal(parse(&frame, frame.size).verdict, PACKET_OK);
	}
}

static void test_link_headers(void **state) {
	struct parsed got =
		parse_hex(PACKET_LINK_ETHERNET, MACS "88a8 a064 8100 00c8 8847 000110ff 001311ff " IPV6_UDP UDP_5);
	assert_int_equal(got.verdict, PACKET_OK);
	static const uint8_t src[6] = {2, 0, 0, 0, 0, 1}, dst[6] = {2, 0, 0, 0, 0, 2};
	assert_memory_equal(got.link.src_mac, src, 6);
	assert_memory_equal(got.link.dst_mac, dst, 6);
	assert_int_equal(got.link.vlan_count, 2);
	assert_int_equal(got.link.vlan[0], 100);
	assert_int_equal(got.link.vlan[1], 200);
	assert_int_equal(got.link.mpls_count, 2);
	assert_int_equal(got.link.mpls[0], 17);
	assert_int_equal(got.link.mpls[1], 305);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_link_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
