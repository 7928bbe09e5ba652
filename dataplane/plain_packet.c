// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/plain_packet.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

enum { TCP_DATA_OFFSET = 12 }; // of the byte in the header whose high half is the header's length in words

static size_t write_header(const struct flow_key *key, uint16_t size, uint8_t *out) {
	if (key->ip_version == 4) {
		struct iphdr ip = {.version = 4, .ihl = 5, .ttl = key->ttl, .protocol = key->protocol};
		ip.tot_len = htons((uint16_t)(sizeof(ip) + size));
		memcpy(&ip.saddr, key->src_ip + 12, sizeof(ip.saddr));
		memcpy(&ip.daddr, key->dst_ip + 12, sizeof(ip.daddr));
		memcpy(out, &ip, sizeof(ip));
		return sizeof(ip);
	}
	struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28)};
	ip.ip6_plen = htons(size);
	ip.ip6_nxt = key->protocol;
	ip.ip6_hlim = key->ttl;
	memcpy(&ip.ip6_src, key->src_ip, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, key->dst_ip, sizeof(ip.ip6_dst));
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

// Of TCP as it says itself, else that of UDP and ICMP.
static uint32_t transport_header_size(const struct rte_mbuf *tuple, const struct packet_meta *meta) {
	uint8_t offset;
	if (meta->key.protocol != IPPROTO_TCP)
		return 8;
	const uint8_t *at = rte_pktmbuf_read(tuple, meta->l4_offset + TCP_DATA_OFFSET, sizeof(offset), &offset);
	return at == NULL ? 0 : (*at >> 4) * 4u;
}

uint16_t plain_packet_make(const struct rte_mbuf *tuple, const struct packet_meta *meta, uint8_t *out) {
	if (meta->l4_offset == 0 || meta->l4_offset >= rte_pktmbuf_pkt_len(tuple))
		return 0;
	uint32_t size = rte_pktmbuf_pkt_len(tuple) - meta->l4_offset;
	uint32_t said = transport_header_size(tuple, meta) + meta->payload_bytes;
	if (size > said)
		size = said;
	if (size > PLAIN_PACKET_SIZE_MAX - sizeof(struct ip6_hdr))
		size = PLAIN_PACKET_SIZE_MAX - sizeof(struct ip6_hdr);
	out += write_header(&meta->key, (uint16_t)size, out);
	const void *from = rte_pktmbuf_read(tuple, meta->l4_offset, size, out);
	if (from != out)
		memcpy(out, from, size);
	return (uint16_t)(size + (meta->key.ip_version == 4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr)));
}
