// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The straight path of the packet parser, for most of what is on a network: Ethernet, IPv4 without options or
// fragments, TCP or UDP, nothing wrong. The conditions above IP are gathered before one branch, so that a mix of
// the two protocols costs no more than one of them. packet_parse says the same of every frame that is taken here.
#pragma once

#include "dataplane/packet_layers.h"

enum {
	STRAIGHT_TYPE_AND_VERSION = ETHERTYPE_IPV4 << 8 | 0x45,
	STRAIGHT_IP_AT = ETHERNET_SIZE,
	STRAIGHT_L4_AT = ETHERNET_SIZE + IPV4_SIZE,
	STRAIGHT_SIZE_MIN = STRAIGHT_L4_AT + 20, // as if every packet were TCP: what comes on a wire has 60 bytes
};
_Static_assert(offsetof(struct packet_meta, payload_bytes) == offsetof(struct packet_meta, ip_bytes) + 4, "one word");
_Static_assert(offsetof(struct packet_meta, tcp_flags) == offsetof(struct packet_meta, l4_offset) + 2, "one word");
_Static_assert(offsetof(struct packet_meta, bits) == offsetof(struct packet_meta, l4_offset) + 3, "one word");

//   frame   of Ethernet
//   return  true: `meta` is filled as packet_parse fills it, with PACKET_OK; false: ask packet_parse,
//           `meta` is as it was
static inline bool packet_parse_straight(const uint8_t *data, size_t size, struct packet_meta *meta) {
	if (__builtin_expect(size < STRAIGHT_SIZE_MIN || load_be32(data + 12) >> 8 != STRAIGHT_TYPE_AND_VERSION, 0))
		return false;
	const uint8_t *ip = data + STRAIGHT_IP_AT, *transport = data + STRAIGHT_L4_AT;
	unsigned total = load_be16(ip + 2), fragment = load_be16(ip + 6) & IPV4_FRAGMENT_MASK, protocol = ip[9];
	bool is_tcp = protocol == PROTOCOL_TCP, is_udp = protocol == PROTOCOL_UDP;
	unsigned data_offset = transport[12] >> 4, udp_size = load_be16(transport + 4);
	unsigned header_size = is_tcp ? data_offset * 4 : UDP_SIZE;
	bool is_sound = is_tcp ? data_offset >= 5 : is_udp & (udp_size - 1 >= UDP_SIZE - 1); // 0 is allowed
	if (__builtin_expect(!((fragment == 0) & is_sound & (total >= IPV4_SIZE + header_size)), 0))
		return false;

	uint64_t addresses = load_word(ip + 12);
	uint32_t ports = load_be32(transport);
	store_word(meta->key.src_ip, 0);
	store_word(meta->key.src_ip + 8, 0xffff0000 | addresses << 32);
	store_word(meta->key.dst_ip, 0);
	store_word(meta->key.dst_ip + 8, 0xffff0000 | addresses >> 32 << 32);
	store_word(&meta->key.src_port,
		packet_key_word(protocol, 4, ip[8], ip[1]) | (uint32_t)(ports << 16 | ports >> 16));
	store_word(&meta->ip_bytes, total | (uint64_t)(total - IPV4_SIZE - header_size) << 32);
	uint32_t rest = STRAIGHT_L4_AT | (is_tcp ? (uint32_t)transport[13] << 16 : 0);
	memcpy(&meta->l4_offset, &rest, sizeof(rest)); // bits are 0
	return true;
}
