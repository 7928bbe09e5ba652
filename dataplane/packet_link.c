// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Everything below IP: the link header, VLAN tags, MPLS labels, PPPoE and PPP, walked until an IP header stands at the
// cursor. An MPLS stack does not say what it carries: a first nibble of 4 or 6 is taken for IP (RFC 4928), anything
// else, such as the control word of a pseudowire, is no IP.
#include <string.h>

#include "dataplane/packet_layers.h"

enum {
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	ETHERTYPE_PPPOE = 0x8864,
	PPP_ALL_STATIONS = 0xff, // the address, which the control octet follows
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	SLL_SIZE = 16,
	SLL2_SIZE = 20,
	PPPOE_SIZE = 6,
	HDLC_SIZE = 4,
	HDLC_CISCO_UNICAST = 0x0f,
	HDLC_CISCO_MULTICAST = 0x8f,
};

static bool walk_has(const struct packet_walk *walk, size_t size) {
	return walk->size - walk->at >= size;
}

static enum packet_verdict walk_guess_ip(struct packet_walk *walk, enum packet_verdict otherwise) {
	unsigned nibble = walk->data[walk->at] >> 4;
	walk->ethertype = nibble == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
	return nibble == 4 || nibble == 6 ? PACKET_OK : otherwise;
}

static enum packet_verdict walk_start_ethernet(struct packet_walk *walk, struct packet_link_headers *headers) {
	if (!walk_has(walk, ETHERNET_SIZE))
		return PACKET_TRUNCATED_LINK;
	const uint8_t *header = walk->data + walk->at;
	memcpy(headers->dst_mac, header, 6);
	memcpy(headers->src_mac, header + 6, 6);
	headers->has_mac = true;
	walk->ethertype = load_be16(header + 12);
	walk->at += ETHERNET_SIZE;
	return PACKET_OK;
}

static enum packet_verdict walk_start_cooked(struct packet_walk *walk, size_t header_size, size_t protocol_offset) {
	if (!walk_has(walk, header_size))
		return PACKET_TRUNCATED_LINK;
	walk->ethertype = load_be16(walk->data + walk->at + protocol_offset);
	walk->at += header_size;
	return PACKET_OK;
}

// The family is in the byte order of the machine that captured, and each BSD has a number of its own for IPv6.
static enum packet_verdict walk_start_null(struct packet_walk *walk) {
	if (!walk_has(walk, 4))
		return PACKET_TRUNCATED_LINK;
	uint32_t family = load_be32(walk->data + walk->at);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	walk->at += 4;
	switch (family) {
	case 2:
		walk->ethertype = ETHERTYPE_IPV4;
		return PACKET_OK;
	case 10:
	case 24:
	case 28:
	case 30:
		walk->ethertype = ETHERTYPE_IPV6;
		return PACKET_OK;
	default:
		return PACKET_NOT_IP;
	}
}

static enum packet_verdict walk_vlan(struct packet_walk *walk, struct packet_link_headers *headers) {
	if (!walk_has(walk, 4))
		return PACKET_TRUNCATED_LINK;
	if (headers->vlan_count == FLOW_VLAN_MAX)
		return PACKET_TOO_MANY_HEADERS;
	headers->vlan[headers->vlan_count++] = load_be16(walk->data + walk->at) & 0xfff;
	walk->ethertype = load_be16(walk->data + walk->at + 2);
	walk->at += 4;
	return PACKET_OK;
}

static enum packet_verdict walk_mpls(struct packet_walk *walk, struct packet_link_headers *headers) {
	for (bool bottom = false; !bottom;) {
		if (!walk_has(walk, 4))
			return PACKET_TRUNCATED_LINK;
		if (headers->mpls_count == FLOW_MPLS_MAX)
			return PACKET_TOO_MANY_HEADERS;
		uint32_t entry = load_be32(walk->data + walk->at);
		headers->mpls[headers->mpls_count++] = entry >> 12;
		bottom = entry & 0x100;
		walk->at += 4;
	}
	return walk_has(walk, 1) ? walk_guess_ip(walk, PACKET_NOT_IP) : PACKET_TRUNCATED_LINK;
}

// The protocol may be compressed to one octet, and the address and control octets in front of it left out (RFC 1661,
// 6.5 and 6.6).
static enum packet_verdict walk_ppp(struct packet_walk *walk) {
	if (walk_has(walk, 1) && walk->data[walk->at] == PPP_ALL_STATIONS)
		walk->at += 2;
	if (walk->at >= walk->size)
		return PACKET_TRUNCATED_LINK;
	unsigned protocol = walk->data[walk->at];
	bool is_short = protocol & 1;
	if (!is_short) {
		if (!walk_has(walk, 2))
			return PACKET_TRUNCATED_LINK;
		protocol = load_be16(walk->data + walk->at);
	}
	walk->at += is_short ? 1 : 2;
	switch (protocol) {
	case PPP_IPV4:
		walk->ethertype = ETHERTYPE_IPV4;
		return PACKET_OK;
	case PPP_IPV6:
		walk->ethertype = ETHERTYPE_IPV6;
		return PACKET_OK;
	case PPP_MPLS:
		walk->ethertype = ETHERTYPE_MPLS;
		return PACKET_OK;
	default:
		return PACKET_NOT_IP;
	}
}

static enum packet_verdict walk_pppoe(struct packet_walk *walk) {
	if (!walk_has(walk, PPPOE_SIZE))
		return PACKET_TRUNCATED_LINK;
	walk->at += PPPOE_SIZE;
	return walk_ppp(walk);
}

// A serial line: Cisco's framing (address, control, EtherType), or PPP in HDLC-like framing.
static enum packet_verdict walk_start_hdlc(struct packet_walk *walk) {
	if (!walk_has(walk, HDLC_SIZE))
		return PACKET_TRUNCATED_LINK;
	unsigned address = walk->data[walk->at];
	if (address != HDLC_CISCO_UNICAST && address != HDLC_CISCO_MULTICAST)
		return walk_ppp(walk);
	return walk_start_cooked(walk, HDLC_SIZE, 2);
}

static enum packet_verdict walk_start(
	struct packet_walk *walk, enum packet_link link, struct packet_link_headers *headers) {
	walk->ethertype = 0;
	switch (link) {
	case PACKET_LINK_ETHERNET:
		return walk_start_ethernet(walk, headers);
	case PACKET_LINK_RAW:
		return walk_has(walk, 1) ? walk_guess_ip(walk, PACKET_MALFORMED_IP) : PACKET_TRUNCATED_IP;
	case PACKET_LINK_NULL:
		return walk_start_null(walk);
	case PACKET_LINK_SLL:
		return walk_start_cooked(walk, SLL_SIZE, 14);
	case PACKET_LINK_SLL2:
		return walk_start_cooked(walk, SLL2_SIZE, 0);
	case PACKET_LINK_PPP:
		return walk_ppp(walk);
	case PACKET_LINK_PPPOE:
		return walk_pppoe(walk);
	case PACKET_LINK_HDLC:
		return walk_start_hdlc(walk);
	case PACKET_LINKS:
		break;
	}
	return PACKET_NOT_IP;
}

enum packet_verdict packet_link_continue(struct packet_walk *walk, struct packet_link_headers *headers) {
	enum packet_verdict verdict = PACKET_OK;
	while (verdict == PACKET_OK) {
		switch (walk->ethertype) {
		case ETHERTYPE_IPV4:
		case ETHERTYPE_IPV6:
			return PACKET_OK;
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
		case ETHERTYPE_QINQ_OLD:
			verdict = walk_vlan(walk, headers);
			break;
		case ETHERTYPE_MPLS:
		case ETHERTYPE_MPLS_UPSTREAM:
			verdict = walk_mpls(walk, headers);
			break;
		case ETHERTYPE_PPPOE:
			verdict = walk_pppoe(walk);
			break;
		case ETHERTYPE_ARP:
			return PACKET_ARP;
		default:
			return PACKET_NOT_IP;
		}
	}
	return verdict;
}

enum packet_verdict packet_link_walk(
	struct packet_walk *walk, enum packet_link link, struct packet_link_headers *headers) {
	enum packet_verdict verdict = walk_start(walk, link, headers);
	return verdict == PACKET_OK ? packet_link_continue(walk, headers) : verdict;
}
