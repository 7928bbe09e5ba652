// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Frames that have no flow, and frames cut at every length.
#include "tests/unit/packet_frame.h"

static const struct {
	enum packet_verdict verdict;
	enum packet_link link;
	const char *hex;
} refused[] = {
	{PACKET_ARP, PACKET_LINK_ETHERNET, MACS "0806 0001"},
	{PACKET_ARP, PACKET_LINK_ETHERNET, MACS "8100 0001 0806"},
	{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "88cc 0000"},
	{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "0026 4242 03"},
	{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "8847 000111ff 00000000"},
	{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "8864 1100 0001 0004 c021 0101"},
	{PACKET_NOT_IP, PACKET_LINK_NULL, "00000007 00000000"},
	{PACKET_NOT_IP, PACKET_LINK_PPP, "ff03 c021 0101 0004"},
	{PACKET_NOT_IP, PACKET_LINK_PPP, "80fd 0101 0004"},
	{PACKET_NOT_IP, PACKET_LINK_HDLC, "8f00 8035 00000002"},
	{PACKET_TRUNCATED_LINK, PACKET_LINK_ETHERNET, MACS "08"},
	{PACKET_TRUNCATED_LINK, PACKET_LINK_ETHERNET, MACS "8847 000111ff"},
	{PACKET_TRUNCATED_LINK, PACKET_LINK_PPP, "ff03"},
	{PACKET_TRUNCATED_LINK, PACKET_LINK_PPP, "00"},
	{PACKET_TRUNCATED_LINK, PACKET_LINK_PPPOE, "1100 0001"},
	{PACKET_TRUNCATED_LINK, PACKET_LINK_HDLC, "0f00 08"},
	{PACKET_TRUNCATED_IP, PACKET_LINK_RAW, ""},
	{PACKET_TRUNCATED_IP, PACKET_LINK_RAW, "46000025 00010000 05110000 " ADDRESSES_V4 "0101"},
	{PACKET_TRUNCATED_IP, PACKET_LINK_RAW, "60000000 0010 3c 40 " ADDRESSES_V6 "3b01 01040000"},
	{PACKET_TRUNCATED_IP, PACKET_LINK_RAW, "60000000 0010 3c 40 " ADDRESSES_V6 "3b01 010c00000000"},
	{PACKET_TRUNCATED_TRANSPORT, PACKET_LINK_RAW, IPV4_UDP "0035 3039 000d 00"},
	{PACKET_TRUNCATED_TRANSPORT, PACKET_LINK_RAW, IPV4_TCP "3039 0050 00000001 00000000 6012 ffff 0000"},
	{PACKET_MALFORMED_IP, PACKET_LINK_RAW, "55000021"},
	{PACKET_MALFORMED_IP, PACKET_LINK_ETHERNET, ETHERNET_V4 IPV6_UDP UDP_5},
	{PACKET_MALFORMED_IP, PACKET_LINK_ETHERNET, ETHERNET_V6 IPV4_TCP TCP_24},
	{PACKET_MALFORMED_IP, PACKET_LINK_RAW, "44000021 00014000 40110000 " ADDRESSES_V4 UDP_5},
	{PACKET_MALFORMED_IP, PACKET_LINK_RAW, "45000013 00014000 40110000 " ADDRESSES_V4 UDP_5},
	{PACKET_MALFORMED_IP, PACKET_LINK_RAW,
		"60000000 0008 3c 40 " ADDRESSES_V6 "3b01 010400000000 0000000000000000"},
	{PACKET_MALFORMED_TRANSPORT, PACKET_LINK_RAW,
		"45000028 00014000 40060000 " ADDRESSES_V4 "3039 0050 00000001 00000000 4012 ffff 00000000"},
	{PACKET_MALFORMED_TRANSPORT, PACKET_LINK_RAW,
		"45000028 00014000 40060000 " ADDRESSES_V4 "3039 0050 00000001 00000000 6012 ffff 00000000 01010101"},
	{PACKET_MALFORMED_TRANSPORT, PACKET_LINK_RAW, IPV4_UDP "0035 3039 0007 0000 0102030405"},
	{PACKET_MALFORMED_TRANSPORT, PACKET_LINK_RAW, "4500001b 00014000 40110000 " ADDRESSES_V4 UDP_5},
	{PACKET_TOO_MANY_HEADERS, PACKET_LINK_ETHERNET,
		MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 0800 " IPV4_UDP UDP_5},
	{PACKET_TOO_MANY_HEADERS, PACKET_LINK_ETHERNET,
		MACS
		"8847 00001000 00001000 00001000 00001000 00001000 00001000 00001000 00001000 00001100" IPV4_UDP UDP_5},
	{PACKET_TOO_MANY_HEADERS, PACKET_LINK_RAW,
		"60000000 0050 3c 40 " ADDRESSES_V6
		"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
		"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 3b00010400000000"},
};

static void test_verdicts(void **state) {
	// Tunnels' are tested with them, and the last is flow_id's.
	bool seen[PACKET_VERDICTS] = {
		[PACKET_OK] = true,
		[PACKET_TRUNCATED_TUNNEL] = true,
		[PACKET_MALFORMED_TUNNEL] = true,
		[PACKET_TUNNEL_FRAGMENT] = true,
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct parsed got = parse_hex(refused[i].link, refused[i].hex);
		if (got.verdict != refused[i].verdict)
			fail_msg("%s: %s for %s", refused[i].hex, packet_verdict_names[got.verdict],
				packet_verdict_names[refused[i].verdict]);
		seen[got.verdict] = true;
	}
	for (unsigned verdict = 0; verdict < PACKET_VERDICTS; verdict++) {
		assert_true(seen[verdict]);
		assert_non_null(packet_verdict_names[verdict]);
	}
	assert_null(packet_verdict_names[PACKET_VERDICTS]);
}

// Cut at any length, a frame gives the verdict of the header the cut is in, and the same lengths once all are there.
static void test_every_truncation(void **state) {
	static const struct {
		const char *hex;
		size_t link_end, ip_end, transport_end;
	} cases[] = {
		{ETHERNET_V4 IPV4_TCP TCP_24, 14, 34, 54},
		{MACS "88a8 0001 8100 0002 0800 " IPV4_UDP UDP_5, 22, 42, 50},
		{MACS "8864 1100 0001 0037 0057 " IPV6_UDP UDP_5, 22, 62, 70},
		{ETHERNET_V6 "60000000 001d 00 40 " ADDRESSES_V6 "2c00 050200000100 1100 0001 01020304 " UDP_5, 14, 70,
			78},
		{ETHERNET_V4 "47000024 00010000 40010000 " ADDRESSES_V4 "0101010101010101 0800 0000 00010001", 14, 42,
			50},
		{ETHERNET_V6 "60000000 0008 3a ff " ADDRESSES_V6 "8000 0000 00010001", 14, 54, 58},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame frame = {.link = PACKET_LINK_ETHERNET};
		add(&frame, cases[i].hex);
		struct parsed whole = parse(&frame, frame.size);
		assert_int_equal(whole.verdict, PACKET_OK);
		for (size_t size = 0; size < frame.size; size++) {
			struct parsed cut = parse(&frame, size);
			enum packet_verdict expected = size < cases[i].link_end        ? PACKET_TRUNCATED_LINK
						       : size < cases[i].ip_end        ? PACKET_TRUNCATED_IP
						       : size < cases[i].transport_end ? PACKET_TRUNCATED_TRANSPORT
										       : PACKET_OK;
			assert_int_equal(cut.verdict, expected);
			if (expected == PACKET_OK)
				assert_memory_equal(&cut.meta, &whole.meta, sizeof(cut.meta));
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_every_truncation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
