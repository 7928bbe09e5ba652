// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The packet parser on hand-made frames. Each frame lies in a heap block of exactly its size, so that a sanitizer
// sees any read past its end.
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/packet.h"

enum { FRAME_MAX = 512 };

struct frame {
	enum packet_link link;
	size_t size;
	uint8_t data[FRAME_MAX];
};

struct parsed {
	enum packet_verdict verdict;
	struct packet_meta meta;
	struct packet_fragment fragment;
	struct packet_link_headers link;
};

// Append bytes written in hexadecimal; blanks are for the reader.
static void add(struct frame *frame, const char *hex) {
	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		char pair[3] = {hex[0], hex[1], 0};
		frame->data[frame->size++] = (uint8_t)strtoul(pair, NULL, 16);
		hex++;
	}
}

static struct parsed parse(const struct frame *frame, size_t size) {
	struct parsed parsed;
	memset(&parsed, 0xa5, sizeof(parsed));
	uint8_t *exact = malloc(size ? size : 1);
	memcpy(exact, frame->data, size);
	uint8_t *data = size ? exact : exact + 1;
	parsed.verdict = packet_parse(data, size, frame->link, &parsed.meta, &parsed.fragment);
	if (parsed.verdict == PACKET_OK)
		packet_parse_link(data, size, frame->link, &parsed.link);
	free(exact);
	return parsed;
}

static struct parsed parse_hex(enum packet_link link, const char *hex) {
	struct frame frame = {.link = link};
	add(&frame, hex);
	return parse(&frame, frame.size);
}

static void assert_address(const uint8_t ip[16], const char *expected) {
	uint8_t address[16];
	assert_int_equal(inet_pton(AF_INET6, expected, address), 1);
	assert_memory_equal(ip, address, 16);
}

#define MACS "020000000002 020000000001 "
#define ETHERNET_V4 MACS "0800 "
#define ETHERNET_V6 MACS "86dd "
#define ADDRESSES_V4 "0a000001 0a000002 "
#define ADDRESSES_V6 "20010db8000000000000000000000001 20010db8000000000000000000000002 "
// Total length 44: 20 + 24 (TCP with 4 bytes of options), no payload; TTL 64, TOS 0x10.
#define IPV4_TCP "4510002c 00014000 40060000 " ADDRESSES_V4
#define TCP_24 "3039 0050 00000001 00000000 6012 ffff 00000000 020405b4 "
// Total length 33: 20 + 8 + 5 bytes of payload.
#define IPV4_UDP "45000021 00014000 40110000 " ADDRESSES_V4
#define UDP_5 "0035 3039 000d 0000 0102030405 "
#define IPV6_UDP "6ab00000 000d 11 07 " ADDRESSES_V6

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
}

static void test_fragments(void **state) {
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

	got = parse_hex(PACKET_LINK_RAW, "60000000 0015 2c 40 " ADDRESSES_V6 "1100 0001 01020304 " UDP_5);
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

	// The TCP header in two fragments: the first names the flow, with the flags if it holds them.
	got = parse_hex(PACKET_LINK_RAW, "4500001c 00012000 40060000 " ADDRESSES_V4 "3039 0050 00000001");
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

static void test_verdicts(void **state) {
	static const struct {
		enum packet_verdict verdict;
		enum packet_link link;
		const char *hex;
	} cases[] = {
		{PACKET_ARP, PACKET_LINK_ETHERNET, MACS "0806 0001"},
		{PACKET_ARP, PACKET_LINK_ETHERNET, MACS "8100 0001 0806"},
		{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "88cc 0000"},
		{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "0026 4242 03"},
		{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "8847 000111ff 00000000"},
		{PACKET_NOT_IP, PACKET_LINK_ETHERNET, MACS "8864 1100 0001 0004 c021 0101"},
		{PACKET_NOT_IP, PACKET_LINK_NULL, "00000007 00000000"},
		{PACKET_TRUNCATED_LINK, PACKET_LINK_ETHERNET, MACS "08"},
		{PACKET_TRUNCATED_LINK, PACKET_LINK_ETHERNET, MACS "8847 000111ff"},
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
			"45000028 00014000 40060000 " ADDRESSES_V4
			"3039 0050 00000001 00000000 6012 ffff 00000000 01010101"},
		{PACKET_MALFORMED_TRANSPORT, PACKET_LINK_RAW, IPV4_UDP "0035 3039 0007 0000 0102030405"},
		{PACKET_MALFORMED_TRANSPORT, PACKET_LINK_RAW, "4500001b 00014000 40110000 " ADDRESSES_V4 UDP_5},
		{PACKET_TOO_MANY_HEADERS, PACKET_LINK_ETHERNET,
			MACS "8100 0001 8100 0001 8100 0001 8100 0001 8100 0001 0800 " IPV4_UDP UDP_5},
		{PACKET_TOO_MANY_HEADERS, PACKET_LINK_ETHERNET,
			MACS
			"8847 00001000 00001000 00001000 00001000 00001000 00001000 00001000 00001000 00001100" IPV4_UDP
				UDP_5},
		{PACKET_TOO_MANY_HEADERS, PACKET_LINK_RAW,
			"60000000 0050 3c 40 " ADDRESSES_V6
			"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000"
			"3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 3b00010400000000"},
	};
	bool seen[PACKET_VERDICTS] = {[PACKET_OK] = true};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct parsed got = parse_hex(cases[i].link, cases[i].hex);
		if (got.verdict != cases[i].verdict)
			fail_msg("%s: %s for %s", cases[i].hex, packet_verdict_names[got.verdict],
				packet_verdict_names[cases[i].verdict]);
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

static struct flow_key key_of(
	const char *src, unsigned src_port, const char *dst, unsigned dst_port, unsigned protocol) {
	struct flow_key key = {.src_port = (uint16_t)src_port,
		.dst_port = (uint16_t)dst_port,
		.protocol = (uint8_t)protocol,
		.ip_version = strncmp(src, "::ffff:", 7) ? 6 : 4,
		.ttl = 64,
		.tos = 1};
	assert_int_equal(inet_pton(AF_INET6, src, key.src_ip), 1);
	assert_int_equal(inet_pton(AF_INET6, dst, key.dst_ip), 1);
	return key;
}

static void assert_one_flow(struct flow_key lower, struct flow_key upper) {
	struct flow_key a, b;
	assert_false(flow_key_canonical(&lower, &a));
	assert_true(flow_key_canonical(&upper, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_equal(a.src_ip, lower.src_ip, 16);
	assert_int_equal(a.src_port, lower.src_port);
	assert_int_equal(a.dst_port, lower.dst_port);
	assert_int_equal(a.protocol, lower.protocol);
	assert_int_equal(a.ip_version, lower.ip_version);
	assert_int_equal(a.ttl, 0);
	assert_int_equal(a.tos, 0);
}

static void test_canonical_key(void **state) {
	const char *low = "::ffff:1.0.0.255", *high = "::ffff:255.0.0.1";
	assert_one_flow(key_of(low, 9, high, 1, 6), key_of(high, 1, low, 9, 6));
	assert_one_flow(key_of("2001:db8::1:0", 5, "2001:db8:0:0:1::", 4, 17),
		key_of("2001:db8:0:0:1::", 4, "2001:db8::1:0", 5, 17));
	assert_one_flow(key_of(low, 80, low, 40000, 6), key_of(low, 40000, low, 80, 6));
	assert_one_flow(key_of(low, 8, high, 0, 1), key_of(high, 0, low, 8, 1));
	assert_one_flow(key_of("fe80::1", 135, "fe80::2", 136, 58), key_of("fe80::2", 136, "fe80::1", 135, 58));

	// What no type answers is a flow of its own in each direction.
	struct flow_key sent = key_of(high, 3, low, 3, 1), canonical;
	assert_false(flow_key_canonical(&sent, &canonical));
	assert_memory_equal(canonical.src_ip, sent.src_ip, 16);
	// An echo in the other direction is another flow as well.
	struct flow_key echo = key_of(low, 8, high, 0, 1), back = key_of(high, 8, low, 0, 1), other;
	flow_key_canonical(&echo, &canonical);
	assert_true(flow_key_canonical(&back, &other));
	assert_memory_not_equal(&canonical, &other, sizeof(other));

	// Both ends the same: nothing to exchange.
	struct flow_key self = key_of(low, 7, low, 7, 17);
	assert_false(flow_key_canonical(&self, &canonical));
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
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_icmp_ports),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_link_headers),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_canonical_key),
		cmocka_unit_test(test_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
