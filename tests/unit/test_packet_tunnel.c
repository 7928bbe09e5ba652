// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tunnels: what packet_open finds inside, what it leaves closed, and what it refuses.
#include <stdio.h>

#include "tests/unit/packet_frame.h"

#define INNER IPV4_UDP UDP_5
#define INNER_V6 IPV6_UDP UDP_5
#define INNER_SIZE 33
#define INNER_ETHERNET ETHERNET_V4 INNER

// An Ethernet frame with an IPv4 packet of the outer addresses 192.0.2.1 and 192.0.2.2 that carries `payload`.
static struct frame around(unsigned protocol, const char *payload) {
	struct frame frame = {.link = PACKET_LINK_ETHERNET, .tunnels = PACKET_TUNNELS_MAX};
	add(&frame, ETHERNET_V4 "4500 0000 0001 0000 4000 0000 c0000201 c0000202");
	frame.data[14 + 9] = (uint8_t)protocol;
	add(&frame, payload);
	size_t total = frame.size - 14;
	frame.data[14 + 2] = (uint8_t)(total >> 8);
	frame.data[14 + 3] = (uint8_t)total;
	return frame;
}

static struct frame around_udp(unsigned port, const char *payload) {
	struct frame frame = around(17, "c000 0000 0000 0000");
	frame.data[36] = (uint8_t)(port >> 8);
	frame.data[37] = (uint8_t)port;
	add(&frame, payload);
	size_t total = frame.size - 14;
	frame.data[16] = (uint8_t)(total >> 8);
	frame.data[17] = (uint8_t)total;
	frame.data[38] = (uint8_t)((total - 20) >> 8);
	frame.data[39] = (uint8_t)(total - 20);
	return frame;
}

static const struct {
	const char *name;
	enum packet_tunnel kind;
	uint32_t id;
	unsigned protocol, port;
	const char *payload;
	unsigned tunnels;
} opened[] = {
	{"IPv4 in IPv4", PACKET_TUNNEL_IPIP, 0, 4, 0, INNER, 1},
	{"IPv6 in IPv4", PACKET_TUNNEL_IPIP, 0, 41, 0, INNER_V6, 1},
	{"GRE", PACKET_TUNNEL_GRE, 0, 47, 0, "0000 0800 " INNER, 1},
	{"GRE, IPv6", PACKET_TUNNEL_GRE, 0, 47, 0, "0000 86dd " INNER_V6, 1},
	{"GRE, checksum", PACKET_TUNNEL_GRE, 0, 47, 0, "8000 0800 ffff0000 " INNER, 1},
	{"GRE, key", PACKET_TUNNEL_GRE, 7, 47, 0, "2000 0800 00000007 " INNER, 1},
	{"GRE, all fields", PACKET_TUNNEL_GRE, 7, 47, 0, "b000 0800 ffff0000 00000007 00000001 " INNER, 1},
	{"GRE, MPLS", PACKET_TUNNEL_GRE, 0, 47, 0, "0000 8847 000111ff " INNER, 1},
	{"GRE, VLAN", PACKET_TUNNEL_GRE, 0, 47, 0, "0000 8100 0005 0800 " INNER, 1},
	{"NVGRE", PACKET_TUNNEL_GRE, 0x123456, 47, 0, "2000 6558 00123456 " INNER_ETHERNET, 1},
	{"PPTP", PACKET_TUNNEL_PPTP, 1, 47, 0, "3001 880b 0023 0001 00000005 0021 " INNER, 1},
	{"PPTP, acknowledgement, address and control", PACKET_TUNNEL_PPTP, 1, 47, 0,
		"3081 880b 0024 0001 00000005 00000004 ff0321 " INNER, 1},
	{"ERSPAN I", PACKET_TUNNEL_ERSPAN, 0, 47, 0, "0000 88be " INNER_ETHERNET, 1},
	{"ERSPAN II", PACKET_TUNNEL_ERSPAN, 1, 47, 0, "1000 88be 00000001 1001 0001 00000000 " INNER_ETHERNET, 1},
	{"ERSPAN III", PACKET_TUNNEL_ERSPAN, 1, 47, 0,
		"1000 22eb 00000001 2001 0001 00000000 0000 0000 " INNER_ETHERNET, 1},
	{"ERSPAN III, subheader", PACKET_TUNNEL_ERSPAN, 1, 47, 0,
		"1000 22eb 00000001 2001 0001 00000000 0000 0001 0000000000000000 " INNER_ETHERNET, 1},
	{"ERSPAN III, IP", PACKET_TUNNEL_ERSPAN, 1, 47, 0, "1000 22eb 00000001 2001 0001 00000000 0000 0800 " INNER, 1},
	{"VXLAN", PACKET_TUNNEL_VXLAN, 123, 17, 4789, "08000000 00007b00 " INNER_ETHERNET, 1},
	{"VXLAN, VLAN inside", PACKET_TUNNEL_VXLAN, 123, 17, 4789, "08000000 00007b00 " MACS "8100 0005 86dd " INNER_V6,
		1},
	{"VXLAN, policy", PACKET_TUNNEL_VXLAN, 123, 17, 4789, "88080005 00007b00 " INNER_ETHERNET, 1},
	{"VXLAN, Linux' port", PACKET_TUNNEL_VXLAN, 123, 17, 8472, "08000000 00007b00 " INNER_ETHERNET, 1},
	{"GENEVE, Ethernet", PACKET_TUNNEL_GENEVE, 123, 17, 6081, "0000 6558 00007b00 " INNER_ETHERNET, 1},
	{"GENEVE, IPv6, options", PACKET_TUNNEL_GENEVE, 123, 17, 6081,
		"0240 86dd 00007b00 0102 0001 deadbeef " INNER_V6, 1},
	{"GTP-U", PACKET_TUNNEL_GTPU, 1, 17, 2152, "30ff 0021 00000001 " INNER, 1},
	{"GTP-U, sequence number", PACKET_TUNNEL_GTPU, 1, 17, 2152, "32ff 0025 00000001 00050000 " INNER, 1},
	{"GTP-U, extension headers", PACKET_TUNNEL_GTPU, 1, 17, 2152,
		"34ff 002d 00000001 00000085 01100940 02 000000000000 00" INNER, 1},
	{"two in each other", PACKET_TUNNEL_IPIP, 0, 4, 0,
		"4500 0039 0001 0000 402f 0000 c6336401 c6336402 0000 0800 " INNER, 2},
};

static void test_opened(void **state) {
	for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]); i++) {
		struct frame frame = opened[i].port ? around_udp(opened[i].port, opened[i].payload)
						    : around(opened[i].protocol, opened[i].payload);
		// Behind the packet comes what pads the frame.
		add(&frame, "eeeeeeeeeeee");
		struct parsed got = parse(&frame, frame.size);
		if (got.verdict != PACKET_OK || packet_tunnels_opened(got.meta.bits) != opened[i].tunnels)
			fail_msg("%s: %s, %u opened", opened[i].name, packet_verdict_names[got.verdict],
				packet_tunnels_opened(got.meta.bits));
		assert_int_equal(got.link.tunnel_count, opened[i].tunnels);
		assert_int_equal(got.link.tunnel[0], opened[i].kind);
		assert_int_equal(got.link.tunnel_id[0], opened[i].id);
		bool is_v6 = got.meta.key.ip_version == 6;
		assert_address(got.meta.key.src_ip, is_v6 ? "2001:db8::1" : "::ffff:10.0.0.1");
		assert_int_equal(got.meta.key.src_port, 53);
		assert_int_equal(got.meta.key.dst_port, 12345);
		assert_int_equal(got.meta.payload_bytes, 5);
		assert_int_equal(got.meta.ip_bytes, is_v6 ? 53 : INNER_SIZE);
		assert_int_equal(got.meta.l4_offset, frame.size - 6 - 13);
	}
}

// What carries no IP stays the outer packet, to the last byte.
static void test_left_closed(void **state) {
	static const struct {
		unsigned protocol, port;
		const char *payload;
	} closed[] = {
		{47, 0, "0000 0806 0001"},
		{47, 0, "0000 880b c021 0101 0004"},
		{47, 0, "4000 0800 00000000 " INNER},
		{47, 0, "0005 0800 " INNER},
		{47, 0, "2081 880b 0000 0001 00000004"},
		{47, 0, "2000 6558 00123456 " MACS "0806 0001"},
		{17, 4789, "00000000 00007b00 " INNER_ETHERNET},
		{17, 4789, "08000000 00007b00 " MACS "0806 0001"},
		{17, 6081, "4000 6558 00007b00 " INNER_ETHERNET},
		{17, 6081, "0080 6558 00007b00 " INNER_ETHERNET},
		{17, 6081, "0000 88cc 00007b00 0000"},
		{17, 2152, "3201 0004 00000000 00010000"},
		{17, 2152, "50ff 0021 00000001 " INNER},
		{17, 2152, "30ff 0004 00000001 01020304"},
		{17, 53, "08000000 00007b00 " INNER_ETHERNET},
	};
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		struct frame frame = closed[i].port ? around_udp(closed[i].port, closed[i].payload)
						    : around(closed[i].protocol, closed[i].payload);
		struct parsed got = parse(&frame, frame.size);
		if (got.verdict == PACKET_OK)
			assert_int_equal(closed[i].port, 53);
		else if (got.verdict != PACKET_NOT_IP && got.verdict != PACKET_ARP)
			fail_msg("%s: %s", closed[i].payload, packet_verdict_names[got.verdict]);
		frame.tunnels = 0;
		struct parsed outer = parse(&frame, frame.size);
		assert_int_equal(outer.verdict, PACKET_OK);
		assert_memory_equal(&got.meta, &outer.meta, sizeof(got.meta));
	}
}

static void test_refused(void **state) {
	static const struct {
		enum packet_verdict verdict;
		unsigned protocol, port;
		const char *payload;
	} refused[] = {
		{PACKET_MALFORMED_TUNNEL, 47, 0, "0000"},
		{PACKET_MALFORMED_TUNNEL, 47, 0, "2000 0800 0000"},
		{PACKET_MALFORMED_TUNNEL, 47, 0, "3001 880b 0024 0001 00000005 0021 " INNER},
		{PACKET_MALFORMED_TUNNEL, 47, 0, "1001 880b 00000005 0021 " INNER},
		{PACKET_MALFORMED_TUNNEL, 47, 0, "3001 0800 0023 0001 00000005 0021 " INNER},
		{PACKET_MALFORMED_TUNNEL, 47, 0, "1000 88be 00000001 1001 0001"},
		{PACKET_MALFORMED_TUNNEL, 47, 0, "1000 22eb 00000001 2001 0001 00000000 0000 0001 00000000"},
		{PACKET_MALFORMED_TUNNEL, 47, 0, "0000 6558 0200"},
		{PACKET_MALFORMED_TUNNEL, 17, 4789, "08000000 0000"},
		{PACKET_MALFORMED_TUNNEL, 17, 4789, "08000000 00007b00 0200"},
		{PACKET_MALFORMED_TUNNEL, 17, 6081, "3f00 6558 00007b00 0000"},
		{PACKET_MALFORMED_TUNNEL, 17, 2152, "30ff 0022 00000001 " INNER},
		{PACKET_MALFORMED_TUNNEL, 17, 2152, "30ff 0000 00000001"},
		{PACKET_MALFORMED_TUNNEL, 17, 2152, "34ff 0025 00000001 00000085 0000" INNER},
		{PACKET_MALFORMED_TUNNEL, 17, 2152, "34ff 0008 00000001 00000085 05000000"},
		{PACKET_TOO_MANY_HEADERS, 17, 2152,
			"34ff 0049 00000001 00000085 01000085 01000085 01000085 01000085 01000085 01000085 01000085 "
			"01000085 01000000" INNER},
		{PACKET_MALFORMED_IP, 4, 0, "45000021 0001"},
		{PACKET_MALFORMED_IP, 4, 0, INNER_V6},
		{PACKET_MALFORMED_IP, 41, 0, INNER},
		{PACKET_MALFORMED_TRANSPORT, 4, 0, IPV4_UDP "0035"},
		{PACKET_MALFORMED_TRANSPORT, 17, 2152, "30ff 001a 00000001 " IPV4_UDP "0035 3039 0007"},
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct frame frame = refused[i].port ? around_udp(refused[i].port, refused[i].payload)
						     : around(refused[i].protocol, refused[i].payload);
		struct parsed got = parse(&frame, frame.size);
		if (got.verdict != refused[i].verdict)
			fail_msg("%s: %s for %s", refused[i].payload, packet_verdict_names[got.verdict],
				packet_verdict_names[refused[i].verdict]);
	}
}

// Cut by the capture anywhere, no tunnel is malformed: it is truncated, or all headers are there.
static void test_every_truncation(void **state) {
	for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]); i++) {
		struct frame frame = opened[i].port ? around_udp(opened[i].port, opened[i].payload)
						    : around(opened[i].protocol, opened[i].payload);
		struct parsed whole = parse(&frame, frame.size);
		for (size_t size = 0; size < frame.size; size++) {
			struct parsed cut = parse(&frame, size);
			if (size >= whole.meta.l4_offset + 8u) {
				assert_int_equal(cut.verdict, PACKET_OK);
				assert_memory_equal(&cut.meta, &whole.meta, sizeof(cut.meta));
			} else if (cut.verdict != PACKET_TRUNCATED_LINK && cut.verdict != PACKET_TRUNCATED_IP &&
				   cut.verdict != PACKET_TRUNCATED_TRANSPORT &&
				   cut.verdict != PACKET_TRUNCATED_TUNNEL) {
				fail_msg("%s, %zu bytes: %s", opened[i].name, size, packet_verdict_names[cut.verdict]);
			}
		}
	}
}

// The first fragment of a tunnel's packet holds the headers of the packet inside, which are whole for all it knows.
static void test_fragments(void **state) {
	struct frame frame = around(47, "0000 0800 " IPV4_UDP "0035 3039 000d 0000");
	frame.data[14 + 6] = 0x20; // more fragments
	struct parsed got = parse(&frame, frame.size);
	assert_int_equal(got.verdict, PACKET_OK);
	assert_int_equal(got.meta.bits, PACKET_TUNNEL_OPENED);
	assert_int_equal(got.meta.ip_bytes, INNER_SIZE);

	// Too short for them, it is cut, not malformed.
	frame = around(47, "0000 0800 " IPV4_UDP "0035");
	frame.data[14 + 6] = 0x20;
	assert_int_equal(parse(&frame, frame.size).verdict, PACKET_TRUNCATED_TRANSPORT);

	// A later fragment has no headers to open; one inside a tunnel says which datagram it is part of.
	frame = around(47, "0000 0800 " INNER);
	frame.data[14 + 7] = 1;
	got = parse(&frame, frame.size);
	assert_int_equal(got.meta.bits, PACKET_LATER_FRAGMENT);
	assert_false(packet_may_be_tunnel(&got.meta));
	frame = around(47, "0000 0800 45000021 abcd0003 40110000 " ADDRESSES_V4 UDP_5);
	got = parse(&frame, frame.size);
	assert_int_equal(got.meta.bits, PACKET_TUNNEL_OPENED | PACKET_LATER_FRAGMENT);
	assert_int_equal(got.fragment.id, 0xabcd);
	assert_address(got.meta.key.src_ip, "::ffff:10.0.0.1");
}

static void test_depth(void **state) {
	char payload[600] = "";
	for (unsigned left = 8; left-- > 0;) // the innermost last
		snprintf(payload + strlen(payload), 64, "4500%04x 0001 0000 40 04 0000 0b0000%02x 0b000000 ",
			INNER_SIZE + 20 * (left + 1), left);
	strcat(payload, INNER);
	struct frame frame = around(4, payload);
	for (unsigned depth = 0; depth <= PACKET_TUNNELS_MAX; depth++) {
		frame.tunnels = depth;
		struct parsed got = parse(&frame, frame.size);
		assert_int_equal(got.verdict, PACKET_OK);
		assert_int_equal(packet_tunnels_opened(got.meta.bits), depth);
		assert_int_equal(got.meta.key.src_ip[15], depth == 0 ? 1 : 8 - depth);
		assert_true(packet_may_be_tunnel(&got.meta));
		assert_int_equal(got.link.tunnel_count, depth < FLOW_TUNNEL_MAX ? depth : FLOW_TUNNEL_MAX);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opened),
		cmocka_unit_test(test_left_closed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
