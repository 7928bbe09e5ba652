// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the parts of the packet parser share: packet.c joins packet_link.c (everything below IP), packet_ip.c (IP and
// the transport header) and packet_tunnel.c (from there to the next IP header); packet_straight.h is a
// short cut through the first two. No other file includes this.
#pragma once

#include <string.h>

#include "dataplane/packet.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_MPLS = 0x8847,
	ETHERNET_SIZE = 14,
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IPV4 = 4,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_GRE = 47,
	PROTOCOL_ICMPV6 = 58,
	UDP_SIZE = 8,
	IPV4_MORE_FRAGMENTS = 0x2000,
	IPV4_FRAGMENT_MASK = 0x3fff, // more fragments, offset
};

static inline uint16_t load_be16(const uint8_t *data) {
	return (uint16_t)(data[0] << 8 | data[1]);
}

static inline uint32_t load_be32(const uint8_t *data) {
	uint32_t word;
	memcpy(&word, data, sizeof(word));
	return __builtin_bswap32(word);
}

// Keys are written and read in words: a load wider than the stores before it would wait for them.
static inline uint64_t load_word(const void *from) {
	uint64_t word;
	memcpy(&word, from, sizeof(word));
	return word;
}

static inline void store_word(void *to, uint64_t word) {
	memcpy(to, &word, sizeof(word));
}

// The last word of a flow's key, ports 0.
static inline uint64_t packet_key_word(unsigned protocol, unsigned version, unsigned ttl, unsigned tos) {
	return (uint64_t)tos << 56 | (uint64_t)ttl << 48 | (uint64_t)version << 40 | (uint64_t)protocol << 32;
}

// A position in a frame, moved from header to header.
struct packet_walk {
	const uint8_t *data;
	size_t size;
	size_t at;          // offset of the next header
	uint16_t ethertype; // what that header is
};

// Walk from a link header to the IP header above it, and note what is passed on the way.
//   walk     data, size and at are set, at <= size; at is moved and ethertype filled
//   headers  counts and has_mac are zero
enum packet_verdict packet_link_walk(
	struct packet_walk *walk, enum packet_link link, struct packet_link_headers *headers);
// The same from a header that an EtherType names; ethertype is set too.
enum packet_verdict packet_link_continue(struct packet_walk *walk, struct packet_link_headers *headers);

// Parse what packet_link_walk arrived at. Otherwise the contract of packet_parse.
enum packet_verdict packet_network_parse(
	const struct packet_walk *walk, struct packet_meta *meta, struct packet_fragment *fragment);

// Parse from the IP header at offset `at` on, at <= size. Otherwise the contract of packet_parse.
enum packet_verdict packet_ipv4_parse(
	const uint8_t *data, size_t size, size_t at, struct packet_meta *meta, struct packet_fragment *fragment);
enum packet_verdict packet_ipv6_parse(
	const uint8_t *data, size_t size, size_t at, struct packet_meta *meta, struct packet_fragment *fragment);

// The type of message that answers, or is answered by, an ICMP message of this type.
//   protocol  PROTOCOL_ICMP or PROTOCOL_ICMPV6
//   return    0..255, or -1: this type stands alone
//   source    RFC 792, 950, 1256, 4443, 4861, 6275; the pairs are those of Zeek's ICMP connections
int packet_icmp_counterpart(unsigned protocol, unsigned type);
