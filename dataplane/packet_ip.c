// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// IP and the transport header. Lengths come from the IP header, so neither padding after the packet nor a capture
// that was cut short changes them; a header that is read must have been captured, though. Of TCP that is its fixed
// part: options may be cut.
#include <string.h>

#include "dataplane/packet_layers.h"

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AUTHENTICATION = 51,
	PROTOCOL_NO_NEXT = 59,
	PROTOCOL_DESTINATION = 60,
	PROTOCOL_MOBILITY = 135,
	PROTOCOL_HIP = 139,
	PROTOCOL_SHIM6 = 140,

	TCP_SIZE = 20,
	ICMP_SIZE = 8,
	ICMPV6_SIZE = 4,
	FRAGMENT_UNIT = 8,
	IPV6_EXTENSIONS_MAX = 8,
};

// The bytes above the IP headers: `size` by the IP length, of which `captured` are there.
struct payload {
	const uint8_t *data;
	size_t size, captured;
};

// Source and destination port as they stand in that word.
static inline uint32_t load_ports(const uint8_t *header) {
	return load_be16(header) | (uint32_t)load_be16(header + 2) << 16;
}

// Too short for a transport header: by the sender's own account, or cut by the capture?
static enum packet_verdict too_short(const struct payload *payload, size_t header_size) {
	return payload->size < header_size ? PACKET_MALFORMED_TRANSPORT : PACKET_TRUNCATED_TRANSPORT;
}

static inline bool payload_has(const struct payload *payload, size_t header_size) {
	return payload->size >= header_size && payload->captured >= header_size;
}

// A TCP header in two fragments (RFC 1858 tells why somebody would) still names its flow in the first of them, which
// may hold the flags or not.
static enum packet_verdict parse_tcp_fragment(
	const struct payload *payload, struct packet_meta *meta, uint32_t *ports) {
	if (!payload_has(payload, FRAGMENT_UNIT))
		return too_short(payload, FRAGMENT_UNIT);
	*ports = load_ports(payload->data);
	meta->tcp_flags = payload_has(payload, 14) ? payload->data[13] : 0;
	meta->payload_bytes = 0;
	meta->l4_offset = 0;
	return PACKET_OK;
}

static inline enum packet_verdict parse_tcp(const struct payload *payload, struct packet_meta *meta, uint32_t *ports) {
	bool has_header = payload_has(payload, TCP_SIZE);
	size_t header_size = has_header ? (size_t)(payload->data[12] >> 4) * 4 : TCP_SIZE;
	if (__builtin_expect(header_size < TCP_SIZE, 0))
		return PACKET_MALFORMED_TRANSPORT;
	if (__builtin_expect(header_size > payload->size, 0))
		return meta->bits & PACKET_FIRST_FRAGMENT ? parse_tcp_fragment(payload, meta, ports)
							  : PACKET_MALFORMED_TRANSPORT;
	if (__builtin_expect(!has_header, 0))
		return PACKET_TRUNCATED_TRANSPORT;
	*ports = load_ports(payload->data);
	meta->tcp_flags = payload->data[13];
	meta->payload_bytes = (uint32_t)(payload->size - header_size);
	return PACKET_OK;
}

// A length of 0 is that of a datagram which the sender's card was to cut up (RFC 2675, section 4, has it as well).
static inline enum packet_verdict parse_udp(const struct payload *payload, struct packet_meta *meta, uint32_t *ports) {
	if (__builtin_expect(!payload_has(payload, UDP_SIZE), 0))
		return too_short(payload, UDP_SIZE);
	unsigned length = load_be16(payload->data + 4);
	if (__builtin_expect(length < UDP_SIZE && length != 0, 0))
		return PACKET_MALFORMED_TRANSPORT;
	*ports = load_ports(payload->data);
	meta->payload_bytes = (uint32_t)payload->size - UDP_SIZE;
	return PACKET_OK;
}

// All messages of ICMP have 8 bytes before their data (RFC 792), those of ICMPv6 share 4 (RFC 4443, 2.1), though they
// have 8 at least.
static enum packet_verdict parse_icmp(
	const struct payload *payload, unsigned protocol, struct packet_meta *meta, uint32_t *ports) {
	if (payload->size < ICMP_SIZE)
		return PACKET_MALFORMED_TRANSPORT;
	if (payload->captured < (protocol == PROTOCOL_ICMP ? ICMP_SIZE : ICMPV6_SIZE))
		return PACKET_TRUNCATED_TRANSPORT;
	int counterpart = packet_icmp_counterpart(protocol, payload->data[0]);
	*ports = payload->data[0] | (uint32_t)(counterpart < 0 ? payload->data[1] : counterpart) << 16;
	meta->payload_bytes = (uint32_t)payload->size - ICMP_SIZE;
	return PACKET_OK;
}

// Fill what the transport header says, and the last word of the key.
//   last  that word without the ports
static inline enum packet_verdict parse_transport(
	const uint8_t *frame, const struct payload *payload, uint64_t last, struct packet_meta *meta) {
	unsigned protocol = last >> 32 & 0xff;
	uint32_t ports = 0;
	enum packet_verdict verdict = PACKET_OK;
	meta->l4_offset = (uint16_t)(payload->data - frame);
	switch (protocol) {
	case PROTOCOL_TCP:
		verdict = parse_tcp(payload, meta, &ports);
		break;
	case PROTOCOL_UDP:
		verdict = parse_udp(payload, meta, &ports);
		break;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		verdict = parse_icmp(payload, protocol, meta, &ports);
		break;
	default:
		if (!packet_is_tunnel_protocol(protocol))
			meta->l4_offset = 0;
	}
	store_word(&meta->key.src_port, last | ports);
	return verdict;
}

// What was said in a fragment's header. A later fragment has no transport header; its ports are found elsewhere.
//   return  true for a later fragment
static bool note_fragment(
	struct packet_meta *meta, struct packet_fragment *fragment, uint32_t id, unsigned offset_bytes, bool more) {
	*fragment = (struct packet_fragment){.id = id, .offset_bytes = (uint16_t)offset_bytes, .more = more};
	meta->bits |= offset_bytes ? PACKET_LATER_FRAGMENT : PACKET_FIRST_FRAGMENT;
	return offset_bytes != 0;
}

enum packet_verdict packet_ipv4_parse(
	const uint8_t *data, size_t size, size_t at, struct packet_meta *meta, struct packet_fragment *fragment) {
	const uint8_t *header = data + at;
	size_t captured = size - at;
	if (__builtin_expect(captured < IPV4_SIZE, 0))
		return PACKET_TRUNCATED_IP;
	size_t header_size = IPV4_SIZE;
	if (__builtin_expect(header[0] != 0x45, 0)) {
		header_size = (size_t)(header[0] & 0xf) * 4;
		if (header[0] >> 4 != 4 || header_size < IPV4_SIZE)
			return PACKET_MALFORMED_IP;
		if (captured < header_size)
			return PACKET_TRUNCATED_IP;
	}
	size_t total = load_be16(header + 2);
	meta->bits = 0;
	if (__builtin_expect(total < header_size, 0)) {
		if (total != 0)
			return PACKET_MALFORMED_IP;
		total = captured; // segmentation offload: the card was to fill it in
		meta->bits = PACKET_LENGTH_CAPTURED;
	}

	store_word(meta->key.src_ip, 0);
	store_word(meta->key.src_ip + 8, 0xffff0000 | load_word(header + 8) >> 32 << 32);
	store_word(meta->key.dst_ip, 0);
	store_word(meta->key.dst_ip + 8, 0xffff0000 | load_word(header + 12) >> 32 << 32);
	uint64_t last = packet_key_word(header[9], 4, header[8], header[1]);
	meta->ip_bytes = (uint32_t)total;
	meta->payload_bytes = (uint32_t)(total - header_size);
	meta->l4_offset = 0;
	meta->tcp_flags = 0;
	unsigned flags = load_be16(header + 6) & IPV4_FRAGMENT_MASK;
	if (__builtin_expect(flags != 0, 0) && note_fragment(meta, fragment, load_be16(header + 4),
						       (flags & 0x1fff) * 8, flags & IPV4_MORE_FRAGMENTS)) {
		store_word(&meta->key.src_port, last);
		return PACKET_OK;
	}
	struct payload payload = {header + header_size, total - header_size, captured - header_size};
	return parse_transport(data, &payload, last, meta);
}

//   return  0: this protocol is no extension header that can be passed over
static size_t extension_size(unsigned protocol, const uint8_t *header) {
	switch (protocol) {
	case PROTOCOL_HOP_BY_HOP:
	case PROTOCOL_ROUTING:
	case PROTOCOL_DESTINATION:
	case PROTOCOL_MOBILITY:
	case PROTOCOL_HIP:
	case PROTOCOL_SHIM6:
		return ((size_t)header[1] + 1) * 8;
	case PROTOCOL_AUTHENTICATION:
		return ((size_t)header[1] + 2) * 4;
	case PROTOCOL_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static bool is_extension(unsigned protocol) {
	static const uint8_t any[2];
	return extension_size(protocol, any) != 0;
}

// Pass over the extension headers.
//   protocol  in: of the first one; out: what is above them
//   later     set for a later fragment, whose chain ends at the fragment header
static enum packet_verdict pass_extensions(struct payload *payload, unsigned *protocol, struct packet_meta *meta,
	struct packet_fragment *fragment, bool *later) {
	*later = false;
	for (unsigned count = 0; is_extension(*protocol) && !*later; count++) {
		if (count == IPV6_EXTENSIONS_MAX)
			return PACKET_TOO_MANY_HEADERS;
		if (!payload_has(payload, 8))
			return payload->size < 8 ? PACKET_MALFORMED_IP : PACKET_TRUNCATED_IP;
		size_t size = extension_size(*protocol, payload->data);
		if (!payload_has(payload, size))
			return payload->size < size ? PACKET_MALFORMED_IP : PACKET_TRUNCATED_IP;
		if (*protocol == PROTOCOL_FRAGMENT) {
			unsigned offset = load_be16(payload->data + 2);
			bool more = offset & 1;
			if (more || offset >> 3) // else an atomic fragment, which is a whole packet (RFC 6946)
				*later = note_fragment(
					meta, fragment, load_be32(payload->data + 4), offset & 0xfff8, more);
		}
		*protocol = payload->data[0];
		payload->data += size;
		payload->size -= size;
		payload->captured -= size;
	}
	meta->payload_bytes = (uint32_t)payload->size;
	return PACKET_OK;
}

enum packet_verdict packet_ipv6_parse(
	const uint8_t *data, size_t size, size_t at, struct packet_meta *meta, struct packet_fragment *fragment) {
	const uint8_t *header = data + at;
	size_t captured = size - at;
	if (captured < IPV6_SIZE)
		return PACKET_TRUNCATED_IP;
	if (header[0] >> 4 != 6)
		return PACKET_MALFORMED_IP;
	struct payload payload = {header + IPV6_SIZE, load_be16(header + 4), captured - IPV6_SIZE};
	unsigned protocol = header[6];
	meta->bits = 0;
	if (payload.size == 0 && protocol != PROTOCOL_NO_NEXT) {
		payload.size = payload.captured; // segmentation offload, or a jumbogram (RFC 2675)
		meta->bits = PACKET_LENGTH_CAPTURED;
	}

	memcpy(meta->key.src_ip, header + 8, 16);
	memcpy(meta->key.dst_ip, header + 24, 16);
	meta->ip_bytes = (uint32_t)(payload.size + IPV6_SIZE);
	meta->payload_bytes = (uint32_t)payload.size;
	meta->l4_offset = 0;
	meta->tcp_flags = 0;
	bool later = false;
	if (__builtin_expect(is_extension(protocol), 0)) {
		enum packet_verdict verdict = pass_extensions(&payload, &protocol, meta, fragment, &later);
		if (verdict != PACKET_OK)
			return verdict;
	}
	uint64_t last = packet_key_word(protocol, 6, header[7], (header[0] << 4 | header[1] >> 4) & 0xff);
	if (later) {
		store_word(&meta->key.src_port, last);
		return PACKET_OK;
	}
	return parse_transport(data, &payload, last, meta);
}

enum packet_verdict packet_network_parse(
	const struct packet_walk *walk, struct packet_meta *meta, struct packet_fragment *fragment) {
	return walk->ethertype == ETHERTYPE_IPV4 ? packet_ipv4_parse(walk->data, walk->size, walk->at, meta, fragment)
						 : packet_ipv6_parse(walk->data, walk->size, walk->at, meta, fragment);
}
