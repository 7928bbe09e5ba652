// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// IP and transport headers, and the fields of schema packet.
#include "tests/unit/packet_frame.h"

static void test_ipv4_tcp(void **state) {
	struct parsed got = parse_hex(PACKET_LINK_ETHERNET, ETHERNET_V4 IPV4_TCP TCP_24 "0000");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_address(got.meta.key.src_ip, "::ffff:10.0.0.1");
	assert_address(got.meta.key.dst_ip, "::ffff:10.0.0.2");
	assert_int_equal(got.meta.key.src_port, 12345);
	assert_int_equal(got.meta.key.dst_port, 80);
	assert_int_equal(got.meta.key.protocol, 6);
	assert_int_equal(got.meta.key.ip_version, 4);
	assert_int_equal(got.meta.key.ttl, 64);
	assert_int_equal(got.meta.key.tos, 0x10);
	assert_int_equal(got.meta.ip_bytes, 44);
	assert_int_equal(got.meta.payload_bytes, 0); // two bytes of padding are none
	assert_int_equal(got.meta.l4_offset, 34);
	assert_int_equal(got.meta.tcp_flags, 0x12);
	assert_int_equal(got.meta.bits, 0);
	assert_int_equal(got.meta.timestamp_ns, UINT64_C(0xa5a5a5a5a5a5a5a5)); // the source's, not the parser's
}

static void test_ipv4_options_and_lengths(void **state) {
	struct parsed got = parse_hex(
		PACKET_LINK_RAW, "46000025 00010000 05110000 " ADDRESSES_V4 "01010101 0035 3039 000d 0000 0102030405");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.key.src_port, 53);
	assert_int_equal(got.meta.l4_offset, 24);
	assert_int_equal(got.meta.payload_bytes, 5);

	// A total length of 0, left to the card: what was captured.
	got = parse_hex(PACKET_LINK_RAW, "45000000 00010000 05110000 " ADDRESSES_V4 "0035 3039 0000 0000 010203");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.ip_bytes, 31);
	assert_int_equal(got.meta.bits, PACKET_LENGTH_CAPTURED);
	assert_int_equal(got.meta.payload_bytes, 3);

	// Cut by the snap length behind the UDP header: the lengths are the sender's.
	got = parse_hex(PACKET_LINK_RAW, "450005dc 00010000 05110000 " ADDRESSES_V4 "0035 3039 05c8 0000");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.ip_bytes, 1500);
	assert_int_equal(got.meta.payload_bytes, 1472);
}

static void test_ipv6_udp(void **state) {
	struct parsed got = parse_hex(PACKET_LINK_ETHERNET, ETHERNET_V6 IPV6_UDP UDP_5 "00000000");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_address(got.meta.key.src_ip, "2001:db8::1");
	assert_address(got.meta.key.dst_ip, "2001:db8::2");
	assert_int_equal(got.meta.key.ip_version, 6);
	assert_int_equal(got.meta.key.tos, 0xab);
	assert_int_equal(got.meta.key.ttl, 7);
	assert_int_equal(got.meta.ip_bytes, 53);
	assert_int_equal(got.meta.payload_bytes, 5);
	assert_int_equal(got.meta.l4_offset, 54);
	assert_int_equal(got.meta.tcp_flags, 0);
}

static void test_ipv6_extensions(void **state) {
	// hop-by-hop, destination options, routing, authentication (24 bytes), mobility is followed too; then UDP
	struct parsed got = parse_hex(PACKET_LINK_RAW,
		"60000000 0045 00 40 " ADDRESSES_V6 "3c00 050200000100 2b00 010400000000 3300 000000000000 8704 "
		"00000000000000000000000000000000000000000000 "
		"1100 000000000000 " UDP_5);
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.key.protocol, 17);
	assert_int_equal(got.meta.key.src_port, 53);
	assert_int_equal(got.meta.l4_offset, 96);
	assert_int_equal(got.meta.payload_bytes, 5);
	assert_int_equal(got.meta.ip_bytes, 109);

	// Nothing follows: 59 stays the protocol; ESP hides what follows.
	got = parse_hex(PACKET_LINK_RAW, "60000000 0008 3c 40 " ADDRESSES_V6 "3b00 010400000000");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.key.protocol, 59);
	assert_int_equal(got.meta.payload_bytes, 0);
	assert_int_equal(got.meta.l4_offset, 0);
	got = parse_hex(PACKET_LINK_RAW, "60000000 0008 32 40 " ADDRESSES_V6 "0000000100000001");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.key.protocol, 50);
	assert_int_equal(got.meta.payload_bytes, 8);

	// No payload at all is allowed with 59, padding or not; otherwise a length of 0 is offload's or a jumbogram's.
	got = parse_hex(PACKET_LINK_RAW, "60000000 0000 3b 40 " ADDRESSES_V6 "000000000000");
	assert_int_equal(got.meta.ip_bytes, 40);
	got = parse_hex(PACKET_LINK_RAW, "60000000 0000 11 40 " ADDRESSES_V6 UDP_5);
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.ip_bytes, 53);
	assert_int_equal(got.meta.bits, PACKET_LENGTH_CAPTURED);
}

static void test_ipv4_fragments(void **state) {
	struct parsed got =
		parse_hex(PACKET_LINK_RAW, "45000020 abcd2000 40110000 " ADDRESSES_V4 "0035 3039 0030 0000 01020304");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.bits, PACKET_FIRST_FRAGMENT);
	assert_int_equal(got.meta.key.src_port, 53);
	assert_int_equal(got.meta.payload_bytes, 4);
	assert_int_equal(got.fragment.id, 0xabcd);
	assert_true(got.fragment.more);

	got = parse_hex(PACKET_LINK_RAW, "45000018 abcd0003 40060000 " ADDRESSES_V4 "01020304");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.bits, PACKET_LATER_FRAGMENT);
	assert_int_equal(got.meta.key.src_port, 0);
	assert_int_equal(got.meta.key.dst_port, 0);
	assert_int_equal(got.meta.tcp_flags, 0);
	assert_int_equal(got.meta.l4_offset, 0);
	assert_int_equal(got.meta.payload_bytes, 4);
	assert_int_equal(got.fragment.offset_bytes, 24);
	assert_false(got.fragment.more);
}

static void test_ipv6_fragments(void **state) {
	struct parsed got = parse_hex(PACKET_LINK_RAW, "60000000 0015 2c 40 " ADDRESSES_V6 "1100 0001 01020304 " UDP_5);
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.bits, PACKET_FIRST_FRAGMENT);
	assert_int_equal(got.fragment.id, 0x01020304);
	assert_int_equal(got.meta.key.dst_port, 12345);

	got = parse_hex(PACKET_LINK_RAW, "60000000 000a 2c 40 " ADDRESSES_V6 "3c00 0010 01020304 ffff");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.bits, PACKET_LATER_FRAGMENT);
	assert_int_equal(got.meta.key.protocol, 60);
	assert_int_equal(got.fragment.offset_bytes, 16);
	assert_int_equal(got.meta.payload_bytes, 2);

	// An atomic fragment is a whole packet.
	got = parse_hex(PACKET_LINK_RAW, "60000000 0015 2c 40 " ADDRESSES_V6 "1100 0000 01020304 " UDP_5);
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.bits, 0);
}

// The first of two fragments with parts of a TCP header names the flow, with the flags if it holds them.
static void test_tcp_header_in_fragments(void **state) {
	struct parsed got = parse_hex(PACKET_LINK_RAW, "4500001c 00012000 40060000 " ADDRESSES_V4 "3039 0050 00000001");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.key.src_port, 12345);
	assert_int_equal(got.meta.key.dst_port, 80);
	assert_int_equal(got.meta.tcp_flags, 0);
	assert_int_equal(got.meta.payload_bytes, 0);
	assert_int_equal(got.meta.l4_offset, 0);
	got = parse_hex(
		PACKET_LINK_RAW, "45000024 00012000 40060000 " ADDRESSES_V4 "3039 0050 00000001 00000000 5002 ffff");
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.tcp_flags, 2);
	got = parse_hex(PACKET_LINK_RAW, "45000024 00012000 40060000 " ADDRESSES_V4 "3039 0050 00");
	assert_int_equal(got.verdict, PACKET_TRUNCATED_TRANSPORT);
}

static void test_icmp_ports(void **state) {
	static const struct {
		const char *hex;
		unsigned src_port, dst_port;
	} cases[] = {
		{"4500001c 00010000 40010000 " ADDRESSES_V4 "0800 0000 00010001", 8, 0},
		{"4500001c 00010000 40010000 " ADDRESSES_V4 "0000 0000 00010001", 0, 8},
		{"4500001c 00010000 40010000 " ADDRESSES_V4 "0d00 0000 00010001", 13, 14},
		{"4500001c 00010000 40010000 " ADDRESSES_V4 "0303 0000 00000000", 3, 3},
		{"4500001c 00010000 40010000 " ADDRESSES_V4 "0b01 0000 00000000", 11, 1},
		{"60000000 0008 3a ff " ADDRESSES_V6 "8000 0000 00010001", 128, 129},
		{"60000000 0008 3a ff " ADDRESSES_V6 "8800 0000 00000000", 136, 135},
		{"60000000 0008 3a ff " ADDRESSES_V6 "0104 0000 00000000", 1, 4},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct parsed got = parse_hex(PACKET_LINK_RAW, cases[i].hex);
		assert_int_equal(got.verdict, PACKET_OK);
		assert_int_equal(got.meta.key.src_port, cases[i].src_port);
		assert_int_equal(got.meta.key.dst_port, cases[i].dst_port);
		assert_int_equal(got.meta.payload_bytes, 0);
	}
}

static void test_schema(void **state) {
	struct parsed got = parse_hex(PACKET_LINK_ETHERNET, ETHERNET_V4 IPV4_TCP TCP_24);
	got.meta.timestamp_ns = 5;
	static const struct {
		const char *name, *text;
	} cases[] = {
		{"src_ip", "10.0.0.1"},
		{"dst_ip", "10.0.0.2"},
		{"src_port", "12345"},
		{"dst_port", "80"},
		{"protocol", "6"},
		{"ip_version", "4"},
		{"ttl", "64"},
		{"tos", "16"},
		{"bytes", "44"},
		{"payload_bytes", "0"},
		{"timestamp_ns", "5"},
		{"tcp_flags", "18"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct field *field = schema_field(&packet_schema, cases[i].name);
		assert_non_null(field);
		char text[256];
		field_format(field, &got.meta, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_tcp),
		cmocka_unit_test(test_ipv4_options_and_lengths),
		cmocka_unit_test(test_ipv6_udp),
		cmocka_unit_test(test_ipv6_extensions),
		cmocka_unit_test(test_ipv4_fragments),
		cmocka_unit_test(test_ipv6_fragments),
		cmocka_unit_test(test_tcp_header_in_fragments),
		cmocka_unit_test(test_icmp_ports),
		cmocka_unit_test(test_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
