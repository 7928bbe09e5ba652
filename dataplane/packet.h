// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Packet parser: a frame in, the fields of schema `packet` out. Pure functions over exact-size buffers,
// no EAL, so that they are fuzzed and tested alone.
//
//   RFC 791, 8200 (IPv4, IPv6 and its extension headers), 3032 (MPLS), 2516 (PPPoE), 1661 (PPP), IEEE 802.1Q/ad
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "api/flow_record.h"
#include "api/schema.h"

// How the first header of a frame is found. Capture files name it by their DLT, ports are always Ethernet.
enum packet_link {
	PACKET_LINK_ETHERNET,
	PACKET_LINK_RAW,   // starts with the IP header
	PACKET_LINK_NULL,  // BSD loopback: 4 bytes of address family, either byte order
	PACKET_LINK_SLL,   // Linux cooked, version 1
	PACKET_LINK_SLL2,  // Linux cooked, version 2
	PACKET_LINK_PPP,   // RFC 1661, with the address and control octets of RFC 1662 in front or without
	PACKET_LINK_PPPOE, // starts with the PPPoE header
	PACKET_LINK_HDLC,  // of a serial line: Cisco's, or PPP
	PACKET_LINKS,
};

// What became of a frame. Everything but PACKET_OK is the name of a drop (packet_verdict_names).
enum packet_verdict {
	PACKET_OK,
	PACKET_ARP,
	PACKET_NOT_IP,              // another EtherType, or LLC (802.3 length)
	PACKET_TRUNCATED_LINK,      // cut inside Ethernet, VLAN, MPLS, PPPoE or the cooked header
	PACKET_TRUNCATED_IP,        // cut inside the IPv4 or IPv6 header or an extension header
	PACKET_TRUNCATED_TRANSPORT, // cut inside the TCP, UDP or ICMP header
	PACKET_MALFORMED_IP,        // wrong version, header length below 20, total length below the header's
	PACKET_MALFORMED_TRANSPORT, // TCP data offset below 5 or past the packet, UDP length below 8
	PACKET_TOO_MANY_HEADERS,    // more VLAN tags, MPLS labels or extension headers than the parser follows
	PACKET_TRUNCATED_TUNNEL,    // cut inside the header of a tunnel
	PACKET_MALFORMED_TUNNEL,    // a tunnel's header that is longer than the packet, or contradicts itself
	PACKET_TUNNEL_FRAGMENT,     // flow_id: the rest of a packet that was counted when its tunnel was opened
	PACKET_VERDICTS,
};
extern const char *const packet_verdict_names[PACKET_VERDICTS + 1]; // [0] is "ok", ends with NULL

enum packet_bits {
	PACKET_REVERSED = 1 << 0,        // the canonical key has source and destination exchanged
	PACKET_FIRST_FRAGMENT = 1 << 1,  // has ports, more fragments follow
	PACKET_LATER_FRAGMENT = 1 << 2,  // its ports come from the fragment cache, or are 0
	PACKET_LENGTH_CAPTURED = 1 << 3, // the IP length was 0: the bytes are those of the buffer that was parsed
	PACKET_TUNNEL_OPENED = 1 << 4,   // times the number of tunnels opened, up to PACKET_TUNNELS_MAX
	PACKET_CLASSIFIED = 1 << 7,      // its flow's application is told, or told anew
};
enum { PACKET_TUNNELS_MAX = 7 };

static inline unsigned packet_tunnels_opened(uint8_t bits) {
	return bits / PACKET_TUNNEL_OPENED;
}

// Identity of a flow, the same bytes for both of its directions when canonical. IPv4 addresses are v4-mapped.
// TTL and TOS share the last word to fill it; they are not part of the key (FLOW_KEY_LAST_MASK).
struct flow_key {
	uint8_t src_ip[16], dst_ip[16];
	uint16_t src_port, dst_port; // host byte order; ICMP: type and counterpart type; 0 where there are none
	uint8_t protocol;
	uint8_t ip_version; // 4 or 6
	uint8_t ttl, tos;
};
#define FLOW_KEY_LAST_MASK UINT64_C(0x0000ffffffffffff) // little-endian: ports, protocol, version

// Body of schema `packet`, where the packet's batch points (dataplane/tuple.h): one cache line.
//   the source writes timestamp_ns and late_ms; flow_id the rest; application PACKET_CLASSIFIED; nobody else writes
struct packet_meta {
	struct flow_key key;    // as sent, not canonical
	uint32_t ip_bytes;      // IPv4 total length, IPv6 payload length + 40; where that is 0 (offload), as captured
	uint32_t payload_bytes; // above the transport header; of a later fragment, all above the IP headers
	uint64_t timestamp_ns;  // of the capture, since the epoch
	uint32_t late_ms;       // by how much timestamp_ns lags behind the greatest one seen before it
	uint16_t l4_offset;     // from the frame's start to the transport or tunnel header; 0 if there is no whole one
	uint8_t tcp_flags;
	uint8_t bits; // enum packet_bits
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow_key) == 40, "five words, compared as such");
_Static_assert(sizeof(struct packet_meta) == 64, "one cache line");

// late_ms, l4_offset, tcp_flags and bits as one little-endian word.
enum {
	PACKET_WORD_FLAGS_SHIFT = 48,
	PACKET_WORD_BITS_SHIFT = 56,
};
_Static_assert(offsetof(struct packet_meta, tcp_flags) == offsetof(struct packet_meta, late_ms) + 6, "as shifted");
_Static_assert(offsetof(struct packet_meta, bits) == offsetof(struct packet_meta, late_ms) + 7, "as shifted");

static inline uint64_t packet_word(const struct packet_meta *meta) {
	uint64_t word;
	memcpy(&word, &meta->late_ms, sizeof(word));
	return word;
}

extern const struct schema packet_schema;

// Event time, which no watermark has passed: what expiry and windows go by (dataplane/event_clock.h).
static inline uint64_t packet_clock_ns(const struct packet_meta *meta) {
	return meta->timestamp_ns + (uint64_t)meta->late_ms * 1000000;
}

// Names one datagram for the fragment cache (RFC 791 3.2, RFC 8200 4.5).
struct packet_fragment {
	uint32_t id;
	uint16_t offset_bytes;
	bool more;
};

// Parse the frame [data, data + size) and fill key (as sent), ip_bytes, payload_bytes, l4_offset, tcp_flags and
// bits of `meta`; timestamp_ns and late_ms are left alone. Any bytes are safe.
//   fragment  filled where bits has PACKET_FIRST_FRAGMENT or PACKET_LATER_FRAGMENT
//   return    PACKET_OK, or why the frame has no flow; `meta` is then unspecified but for the times
enum packet_verdict packet_parse(const uint8_t *data, size_t size, enum packet_link link, struct packet_meta *meta,
	struct packet_fragment *fragment);

// Protocols whose payload is, or may be, another packet: IPv4, IPv6, GRE.
static inline bool packet_is_tunnel_protocol(unsigned protocol) {
	return protocol == 4 || protocol == 41 || protocol == 47;
}

// Ports that UDP tunnels are sent to: VXLAN by RFC 7348 and as Linux had it before, GENEVE (RFC 8926), GTP-U (3GPP
// TS 29.281).
enum {
	PACKET_PORT_VXLAN = 4789,
	PACKET_PORT_VXLAN_LINUX = 8472,
	PACKET_PORT_GENEVE = 6081,
	PACKET_PORT_GTPU = 2152,
};

// Whether an accepted packet may be a tunnel's: packet_open finds out.
static inline bool packet_may_be_tunnel(const struct packet_meta *meta) {
	if (meta->l4_offset == 0)
		return false;
	if (meta->key.protocol != 17)
		return packet_is_tunnel_protocol(meta->key.protocol);
	unsigned port = meta->key.dst_port;
	return port == PACKET_PORT_VXLAN || port == PACKET_PORT_VXLAN_LINUX || port == PACKET_PORT_GENEVE ||
	       port == PACKET_PORT_GTPU;
}

// Open the tunnel that an accepted packet is part of: what packet_parse filled is replaced by what the packet inside
// says, and bits count one tunnel more. All offsets stay relative to the frame.
//   meta    packet_may_be_tunnel(meta), fewer than PACKET_TUNNELS_MAX opened
//   return  PACKET_OK; PACKET_NOT_IP or PACKET_ARP: it is no tunnel, or one that carries no IP now, and `meta` is left
//           alone; else why the frame has no flow
//   source  RFC 2003, 4213 (IP in IP), 2784, 2890, 2637 (GRE), 7637 (NVGRE), 7348, 8926; 3GPP TS 29.281, 38.415
enum packet_verdict packet_open(
	const uint8_t *data, size_t size, struct packet_meta *meta, struct packet_fragment *fragment);

enum packet_tunnel {
	PACKET_TUNNEL_IPIP,
	PACKET_TUNNEL_GRE,
	PACKET_TUNNEL_PPTP,
	PACKET_TUNNEL_ERSPAN,
	PACKET_TUNNEL_VXLAN,
	PACKET_TUNNEL_GENEVE,
	PACKET_TUNNEL_GTPU,
	PACKET_TUNNEL_KINDS,
};
extern const char *const packet_tunnel_names[PACKET_TUNNEL_KINDS];

// What lies around a packet, for a new flow's record.
struct packet_link_headers {
	uint8_t src_mac[6], dst_mac[6];
	bool has_mac;
	uint8_t vlan_count, mpls_count, tunnel_count;
	uint16_t vlan[FLOW_VLAN_MAX];        // VLAN ids, outermost first
	uint32_t mpls[FLOW_MPLS_MAX];        // 20-bit labels, outermost first
	uint32_t tunnel_id[FLOW_TUNNEL_MAX]; // GRE key, PPTP call, ERSPAN session, VNI, TEID; else 0
	uint8_t tunnel[FLOW_TUNNEL_MAX];     // enum packet_tunnel, outermost first
};

// Read the link headers of a frame that packet_parse accepted.
void packet_parse_link(const uint8_t *data, size_t size, enum packet_link link, struct packet_link_headers *headers);

// Note the first `opened` tunnels of a frame, as many as there is room for; they were opened before.
//   headers  of packet_parse_link
void packet_parse_tunnels(
	const uint8_t *data, size_t size, enum packet_link link, unsigned opened, struct packet_link_headers *headers);

// Both, source and destination as in the canonical key.
//   bits  of the packet (enum packet_bits)
void packet_parse_below(
	const uint8_t *data, size_t size, enum packet_link link, uint8_t bits, struct packet_link_headers *headers);

// Exchange source and destination where the destination is the lower end (address, then port), so that both
// directions of a flow have one key. TTL and TOS become 0.
//   return  true if they were exchanged
bool flow_key_canonical(const struct flow_key *sent, struct flow_key *canonical);
