// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tunnels: from the headers of one packet to the IP header of the packet inside it, one tunnel a call.
//
// What says by itself that it is no tunnel, or none that carries IP (a control message, an acknowledgement, an
// encrypted payload), is left to the flow of the headers around it. UDP has nothing but its port to say that it is a
// tunnel, so there a header that doesn't look like one is none, and not a malformed one.
#include "dataplane/packet_layers.h"

enum {
	ETHERTYPE_BRIDGED = 0x6558, // transparent Ethernet bridging: a frame (RFC 1701)
	ETHERTYPE_PPP = 0x880b,
	ETHERTYPE_ERSPAN = 0x88be, // types I and II
	ETHERTYPE_ERSPAN3 = 0x22eb,

	GRE_SIZE = 4,
	GRE_FIELD_SIZE = 4, // each optional one
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACKNOWLEDGMENT = 0x0080, // version 1 only
	GRE_VERSION_MASK = 0x0007,

	ERSPAN_SESSION_MASK = 0x3ff,
	ERSPAN2_SIZE = 8,
	ERSPAN3_SIZE = 12,
	ERSPAN3_SUBHEADER_SIZE = 8,
	ERSPAN3_FRAME_IP = 2, // its frame type

	VXLAN_SIZE = 8,
	VXLAN_HAS_VNI = 0x08,

	GENEVE_SIZE = 8,
	GENEVE_CONTROL = 0x80,

	GTPU_SIZE = 8,
	GTPU_OPTIONAL_SIZE = 4,
	GTPU_VERSION_1 = 0x30, // with the protocol type of GTP, not GTP'
	GTPU_HAS_EXTENSION = 0x04,
	GTPU_HAS_OPTIONAL = 0x07,
	GTPU_PACKET = 255, // message type: user data
	GTPU_EXTENSIONS_MAX = 8,

	OFFSET_MAX = 0x8000, // where the headers of one more packet still lie within 16 bits
};

struct opening {
	struct packet_walk walk; // `size` is where the packet around it ends, or the capture, whichever is first
	size_t end;              // of that packet by its own account
	enum packet_link link;   // of what is inside; where it is PACKET_LINKS, walk.ethertype says
	enum packet_tunnel kind;
	uint32_t id; // of the tunnel; 0: it has none
};

const char *const packet_tunnel_names[PACKET_TUNNEL_KINDS] = {
	[PACKET_TUNNEL_IPIP] = "ipip",
	[PACKET_TUNNEL_GRE] = "gre",
	[PACKET_TUNNEL_PPTP] = "pptp",
	[PACKET_TUNNEL_ERSPAN] = "erspan",
	[PACKET_TUNNEL_VXLAN] = "vxlan",
	[PACKET_TUNNEL_GENEVE] = "geneve",
	[PACKET_TUNNEL_GTPU] = "gtpu",
};

// A packet too short for its tunnel's header: by the sender's own account, or cut by the capture?
static enum packet_verdict require(const struct opening *opening, size_t size) {
	if (opening->walk.size - opening->walk.at >= size)
		return PACKET_OK;
	return opening->end - opening->walk.at < size ? PACKET_MALFORMED_TUNNEL : PACKET_TRUNCATED_TUNNEL;
}

static enum packet_verdict pass(struct opening *opening, size_t size) {
	enum packet_verdict verdict = require(opening, size);
	if (verdict == PACKET_OK)
		opening->walk.at += size;
	return verdict;
}

// What is inside ends `size` bytes from here, by the tunnel's account.
static enum packet_verdict bound(struct opening *opening, size_t size) {
	if (size > opening->end - opening->walk.at)
		return PACKET_MALFORMED_TUNNEL;
	opening->end = opening->walk.at + size;
	if (opening->walk.size > opening->end)
		opening->walk.size = opening->end;
	return PACKET_OK;
}

static enum packet_verdict open_erspan2(struct opening *opening) {
	enum packet_verdict verdict = require(opening, ERSPAN2_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	opening->id = load_be16(opening->walk.data + opening->walk.at + 2) & ERSPAN_SESSION_MASK;
	return pass(opening, ERSPAN2_SIZE);
}

static enum packet_verdict open_erspan3(struct opening *opening) {
	enum packet_verdict verdict = require(opening, ERSPAN3_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	opening->id = load_be16(opening->walk.data + opening->walk.at + 2) & ERSPAN_SESSION_MASK;
	unsigned last = load_be16(opening->walk.data + opening->walk.at + 10);
	if ((last >> 10 & 0x1f) == ERSPAN3_FRAME_IP)
		opening->link = PACKET_LINK_RAW;
	return pass(opening, ERSPAN3_SIZE + (last & 1 ? ERSPAN3_SUBHEADER_SIZE : 0));
}

static enum packet_verdict open_gre_payload(struct opening *opening, unsigned flags, uint16_t protocol) {
	switch (protocol) {
	case ETHERTYPE_ERSPAN: // type I has neither sequence number nor header
		opening->kind = PACKET_TUNNEL_ERSPAN;
		opening->link = PACKET_LINK_ETHERNET;
		return flags & GRE_SEQUENCE ? open_erspan2(opening) : PACKET_OK;
	case ETHERTYPE_ERSPAN3:
		opening->kind = PACKET_TUNNEL_ERSPAN;
		opening->link = PACKET_LINK_ETHERNET;
		return open_erspan3(opening);
	case ETHERTYPE_BRIDGED:
		opening->link = PACKET_LINK_ETHERNET;
		return PACKET_OK;
	case ETHERTYPE_PPP:
		opening->link = PACKET_LINK_PPP;
		return PACKET_OK;
	default:
		opening->walk.ethertype = protocol;
		return PACKET_OK;
	}
}

// PPTP's: the key is the payload's length and the call's number.
static enum packet_verdict open_gre1(struct opening *opening, unsigned flags, uint16_t protocol) {
	if (!(flags & GRE_KEY) || (flags & (GRE_CHECKSUM | GRE_ROUTING)) || protocol != ETHERTYPE_PPP)
		return PACKET_MALFORMED_TUNNEL;
	enum packet_verdict verdict = require(opening, GRE_SIZE + GRE_FIELD_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	opening->kind = PACKET_TUNNEL_PPTP;
	opening->id = load_be16(opening->walk.data + opening->walk.at + GRE_SIZE + 2);
	size_t payload_size = load_be16(opening->walk.data + opening->walk.at + GRE_SIZE);
	unsigned fields = 1 + !!(flags & GRE_SEQUENCE) + !!(flags & GRE_ACKNOWLEDGMENT);
	verdict = pass(opening, GRE_SIZE + (size_t)fields * GRE_FIELD_SIZE);
	if (verdict == PACKET_OK)
		verdict = bound(opening, payload_size);
	if (verdict != PACKET_OK)
		return verdict;
	opening->link = PACKET_LINK_PPP;
	return flags & GRE_SEQUENCE ? PACKET_OK : PACKET_NOT_IP; // an acknowledgement alone
}

static enum packet_verdict open_gre(struct opening *opening) {
	enum packet_verdict verdict = require(opening, GRE_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	const uint8_t *header = opening->walk.data + opening->walk.at;
	unsigned flags = load_be16(header), version = flags & GRE_VERSION_MASK;
	uint16_t protocol = load_be16(header + 2);
	if (version == 1)
		return open_gre1(opening, flags, protocol);
	if (version != 0 || (flags & GRE_ROUTING)) // source routes of RFC 1701, which nobody sends
		return PACKET_NOT_IP;
	unsigned fields = !!(flags & GRE_CHECKSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQUENCE);
	verdict = pass(opening, GRE_SIZE + (size_t)fields * GRE_FIELD_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	opening->kind = PACKET_TUNNEL_GRE;
	if (flags & GRE_KEY)
		opening->id = load_be32(header + GRE_SIZE + (flags & GRE_CHECKSUM ? GRE_FIELD_SIZE : 0));
	return open_gre_payload(opening, flags, protocol);
}

static enum packet_verdict open_vxlan(struct opening *opening) {
	enum packet_verdict verdict = require(opening, VXLAN_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	const uint8_t *header = opening->walk.data + opening->walk.at;
	// All other bits are to be ignored (RFC 7348, 5); extensions use them.
	if (!(header[0] & VXLAN_HAS_VNI))
		return PACKET_NOT_IP;
	opening->kind = PACKET_TUNNEL_VXLAN;
	opening->id = load_be32(header + 4) >> 8;
	opening->link = PACKET_LINK_ETHERNET;
	return pass(opening, VXLAN_SIZE);
}

static enum packet_verdict open_geneve(struct opening *opening) {
	enum packet_verdict verdict = require(opening, GENEVE_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	const uint8_t *header = opening->walk.data + opening->walk.at;
	uint16_t protocol = load_be16(header + 2);
	if (header[0] >> 6 != 0 || header[7] != 0 || (header[1] & GENEVE_CONTROL))
		return PACKET_NOT_IP;
	opening->kind = PACKET_TUNNEL_GENEVE;
	opening->id = load_be32(header + 4) >> 8;
	if (protocol == ETHERTYPE_BRIDGED)
		opening->link = PACKET_LINK_ETHERNET;
	else
		opening->walk.ethertype = protocol;
	return pass(opening, GENEVE_SIZE + (size_t)(header[0] & 0x3f) * 4);
}

// Each extension header ends with the type of the next one, the last with 0; so does the optional part before them.
static enum packet_verdict pass_gtpu_extensions(struct opening *opening) {
	const uint8_t *data = opening->walk.data;
	for (unsigned count = 0; data[opening->walk.at - 1] != 0; count++) {
		if (count == GTPU_EXTENSIONS_MAX)
			return PACKET_TOO_MANY_HEADERS;
		enum packet_verdict verdict = require(opening, 1);
		if (verdict != PACKET_OK)
			return verdict;
		size_t size = (size_t)data[opening->walk.at] * 4;
		if (size == 0)
			return PACKET_MALFORMED_TUNNEL;
		verdict = pass(opening, size);
		if (verdict != PACKET_OK)
			return verdict;
	}
	return PACKET_OK;
}

static enum packet_verdict open_gtpu(struct opening *opening) {
	enum packet_verdict verdict = require(opening, GTPU_SIZE);
	if (verdict != PACKET_OK)
		return verdict;
	const uint8_t *header = opening->walk.data + opening->walk.at;
	if ((header[0] & 0xf0) != GTPU_VERSION_1 || header[1] != GTPU_PACKET)
		return PACKET_NOT_IP;
	opening->kind = PACKET_TUNNEL_GTPU;
	opening->id = load_be32(header + 4);
	opening->walk.at += GTPU_SIZE;
	verdict = bound(opening, load_be16(header + 2));
	if (verdict == PACKET_OK && (header[0] & GTPU_HAS_OPTIONAL))
		verdict = pass(opening, GTPU_OPTIONAL_SIZE);
	if (verdict == PACKET_OK && (header[0] & GTPU_HAS_EXTENSION))
		verdict = pass_gtpu_extensions(opening);
	if (verdict == PACKET_OK)
		verdict = require(opening, 1);
	if (verdict != PACKET_OK)
		return verdict;
	unsigned nibble = opening->walk.data[opening->walk.at] >> 4;
	opening->link = PACKET_LINK_RAW;
	return nibble == 4 || nibble == 6 ? PACKET_OK : PACKET_NOT_IP; // a session may carry anything (TS 23.501, 5.6)
}

static enum packet_verdict open_udp(struct opening *opening, unsigned port) {
	switch (port) {
	case PACKET_PORT_VXLAN:
	case PACKET_PORT_VXLAN_LINUX:
		return open_vxlan(opening);
	case PACKET_PORT_GENEVE:
		return open_geneve(opening);
	case PACKET_PORT_GTPU:
		return open_gtpu(opening);
	}
	return PACKET_NOT_IP;
}

static enum packet_verdict open_protocol(struct opening *opening, const struct flow_key *key) {
	switch (key->protocol) {
	case PROTOCOL_IPV4:
		opening->walk.ethertype = ETHERTYPE_IPV4;
		return PACKET_OK;
	case PROTOCOL_IPV6:
		opening->walk.ethertype = ETHERTYPE_IPV6;
		return PACKET_OK;
	case PROTOCOL_GRE:
		return open_gre(opening);
	case PROTOCOL_UDP:
		return open_udp(opening, key->dst_port);
	}
	return PACKET_NOT_IP;
}

// Headers that end before their time where nothing was cut: it is the sender's doing.
static enum packet_verdict blame_sender(enum packet_verdict verdict) {
	switch (verdict) {
	case PACKET_TRUNCATED_LINK:
		return PACKET_MALFORMED_TUNNEL;
	case PACKET_TRUNCATED_IP:
		return PACKET_MALFORMED_IP;
	case PACKET_TRUNCATED_TRANSPORT:
		return PACKET_MALFORMED_TRANSPORT;
	default:
		return verdict;
	}
}

// Walk to the IP header of the packet inside.
static enum packet_verdict enter(struct opening *opening, const struct flow_key *key) {
	struct packet_link_headers passed;
	passed.vlan_count = passed.mpls_count = 0;
	enum packet_verdict verdict = open_protocol(opening, key);
	if (verdict != PACKET_OK)
		return verdict;
	return opening->link == PACKET_LINKS ? packet_link_continue(&opening->walk, &passed)
					     : packet_link_walk(&opening->walk, opening->link, &passed);
}

// packet_open; `opening` holds what was found of the tunnel.
static enum packet_verdict open_packet(const uint8_t *data, size_t size, struct packet_meta *meta,
	struct packet_fragment *fragment, struct opening *opening) {
	size_t at = meta->l4_offset + (meta->key.protocol == PROTOCOL_UDP ? UDP_SIZE : 0);
	if (at > OFFSET_MAX)
		return PACKET_TOO_MANY_HEADERS;
	*opening = (struct opening){
		.walk = {.data = data, .size = size, .at = at},
		.end = at + meta->payload_bytes,
		.link = PACKET_LINKS,
	};
	if (opening->walk.size > opening->end)
		opening->walk.size = opening->end;
	bool is_whole = opening->end <= size && !(meta->bits & PACKET_FIRST_FRAGMENT);
	unsigned opened = packet_tunnels_opened(meta->bits);
	enum packet_verdict verdict = enter(opening, &meta->key);
	if (verdict == PACKET_OK) {
		verdict = packet_network_parse(&opening->walk, meta, fragment);
		meta->bits |= (uint8_t)((opened + 1) * PACKET_TUNNEL_OPENED);
	}
	return is_whole ? blame_sender(verdict) : verdict;
}

enum packet_verdict packet_open(
	const uint8_t *data, size_t size, struct packet_meta *meta, struct packet_fragment *fragment) {
	struct opening opening;
	return open_packet(data, size, meta, fragment, &opening);
}

void packet_parse_tunnels(
	const uint8_t *data, size_t size, enum packet_link link, unsigned opened, struct packet_link_headers *headers) {
	struct packet_meta meta;
	struct packet_fragment fragment;
	struct opening opening;
	enum packet_verdict verdict = packet_parse(data, size, link, &meta, &fragment);
	for (unsigned i = 0; i < opened && i < FLOW_TUNNEL_MAX && verdict == PACKET_OK; i++) {
		verdict = open_packet(data, size, &meta, &fragment, &opening);
		headers->tunnel[i] = (uint8_t)opening.kind;
		headers->tunnel_id[i] = opening.id;
		headers->tunnel_count++;
	}
}

void packet_parse_below(
	const uint8_t *data, size_t size, enum packet_link link, uint8_t bits, struct packet_link_headers *headers) {
	packet_parse_link(data, size, link, headers);
	if (packet_tunnels_opened(bits) > 0)
		packet_parse_tunnels(data, size, link, packet_tunnels_opened(bits), headers);
	if (!(bits & PACKET_REVERSED))
		return;
	uint8_t mac[sizeof(headers->src_mac)];
	memcpy(mac, headers->src_mac, sizeof(mac));
	memcpy(headers->src_mac, headers->dst_mac, sizeof(mac));
	memcpy(headers->dst_mac, mac, sizeof(mac));
}
