// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The packet parser's entry points, and the canonical form of a flow's key. Frames that start with Ethernet and
// IPv4 go straight to the IP parser; all others walk their link headers first.
#include <string.h>

#include "dataplane/packet_layers.h"

const char *const packet_verdict_names[PACKET_VERDICTS + 1] = {
	[PACKET_OK] = "ok",
	[PACKET_ARP] = "arp",
	[PACKET_NOT_IP] = "not_ip",
	[PACKET_TRUNCATED_LINK] = "truncated_link",
	[PACKET_TRUNCATED_IP] = "truncated_ip",
	[PACKET_TRUNCATED_TRANSPORT] = "truncated_transport",
	[PACKET_MALFORMED_IP] = "malformed_ip",
	[PACKET_MALFORMED_TRANSPORT] = "malformed_transport",
	[PACKET_TOO_MANY_HEADERS] = "too_many_headers",
	[PACKET_TRUNCATED_TUNNEL] = "truncated_tunnel",
	[PACKET_MALFORMED_TUNNEL] = "malformed_tunnel",
	[PACKET_TUNNEL_FRAGMENT] = "tunnel_fragment",
};

enum packet_verdict packet_parse(const uint8_t *data, size_t size, enum packet_link link, struct packet_meta *meta,
	struct packet_fragment *fragment) {
	if (__builtin_expect(link == PACKET_LINK_ETHERNET && size >= ETHERNET_SIZE, 1) &&
		load_be16(data + 12) == ETHERTYPE_IPV4)
		return packet_ipv4_parse(data, size, ETHERNET_SIZE, meta, fragment);
	struct packet_link_headers passed;
	passed.vlan_count = passed.mpls_count = 0;
	struct packet_walk walk = {.data = data, .size = size};
	enum packet_verdict verdict = packet_link_walk(&walk, link, &passed);
	if (verdict != PACKET_OK)
		return verdict;
	return packet_network_parse(&walk, meta, fragment);
}

void packet_parse_link(const uint8_t *data, size_t size, enum packet_link link, struct packet_link_headers *headers) {
	struct packet_walk walk = {.data = data, .size = size};
	memset(headers, 0, sizeof(*headers));
	packet_link_walk(&walk, link, headers);
}

int packet_icmp_counterpart(unsigned protocol, unsigned type) {
	static const uint8_t pairs_v4[][2] = {{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}, {0}};
	static const uint8_t pairs_v6[][2] = {
		{128, 129}, {130, 131}, {133, 134}, {135, 136}, {139, 140}, {144, 145}, {0}};
	for (const uint8_t(*pair)[2] = protocol == PROTOCOL_ICMP ? pairs_v4 : pairs_v6; (*pair)[0]; pair++) {
		if ((*pair)[0] == type)
			return (*pair)[1];
		if ((*pair)[1] == type)
			return (*pair)[0];
	}
	return -1;
}

// An ICMP message that nothing answers belongs to a flow of one direction: its ports are type and code, which don't
// change places in a message the other way.
static bool flow_key_is_one_way(const struct flow_key *key) {
	return (key->protocol == PROTOCOL_ICMP || key->protocol == PROTOCOL_ICMPV6) &&
	       packet_icmp_counterpart(key->protocol, key->src_port) < 0;
}

bool flow_key_canonical(const struct flow_key *sent, struct flow_key *canonical) {
	const uint8_t *in = (const uint8_t *)sent;
	uint64_t src_high = load_word(in), src_low = load_word(in + 8);
	uint64_t dst_high = load_word(in + 16), dst_low = load_word(in + 24);
	uint64_t last = load_word(in + 32) & FLOW_KEY_LAST_MASK;
	unsigned __int128 src = (unsigned __int128)__builtin_bswap64(src_high) << 64 | __builtin_bswap64(src_low);
	unsigned __int128 dst = (unsigned __int128)__builtin_bswap64(dst_high) << 64 | __builtin_bswap64(dst_low);
	bool exchange = (src > dst) | ((src == dst) & ((last & 0xffff) > (last >> 16 & 0xffff)));
	exchange &= !__builtin_expect(flow_key_is_one_way(sent), 0);
	// Which direction a packet has is as good as random: masks, not a branch.
	uint64_t mask = -(uint64_t)exchange;
	uint64_t high = (src_high ^ dst_high) & mask, low = (src_low ^ dst_low) & mask;
	uint64_t ports = ((last ^ last >> 16) & mask) & 0xffff;
	uint8_t *out = (uint8_t *)canonical;
	store_word(out, src_high ^ high);
	store_word(out + 8, src_low ^ low);
	store_word(out + 16, dst_high ^ high);
	store_word(out + 24, dst_low ^ low);
	store_word(out + 32, last ^ (ports | ports << 16));
	return exchange;
}
