// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz the packet parser: the lower half of the first byte is the link type, the upper one how many tunnels are opened,
// the rest a frame. Beyond not crashing, what it accepts must make sense.
#include <stdlib.h>
#include <string.h>

#include "dataplane/packet.h"
#include "dataplane/packet_straight.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
	if (!holds)
		abort();
}

static void check_link(const uint8_t *frame, size_t size, enum packet_link link, unsigned opened) {
	struct packet_link_headers headers;
	packet_parse_link(frame, size, link, &headers);
	require(headers.vlan_count <= FLOW_VLAN_MAX && headers.mpls_count <= FLOW_MPLS_MAX);
	require(headers.has_mac == (link == PACKET_LINK_ETHERNET));
	packet_parse_tunnels(frame, size, link, opened, &headers);
	require(headers.tunnel_count == (opened < FLOW_TUNNEL_MAX ? opened : FLOW_TUNNEL_MAX));
	for (unsigned i = 0; i < headers.tunnel_count; i++)
		require(headers.tunnel[i] < PACKET_TUNNEL_KINDS);
}

static void check_accepted(size_t size, const struct packet_meta *meta, const struct packet_fragment *fragment) {
	bool is_v6 = meta->key.ip_version == 6, later = meta->bits & PACKET_LATER_FRAGMENT;
	require(is_v6 || meta->key.ip_version == 4);
	require(meta->ip_bytes >= (is_v6 ? 40 : 20));
	require(meta->payload_bytes <= meta->ip_bytes - (is_v6 ? 40 : 20));
	require(meta->l4_offset + (meta->l4_offset && !packet_is_tunnel_protocol(meta->key.protocol) ? 4u : 0u) <=
		size);
	require(!(later && (meta->l4_offset || meta->key.src_port || meta->key.dst_port || meta->tcp_flags)));
	if (meta->bits & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT))
		require(later == (fragment->offset_bytes != 0) && fragment->offset_bytes % 8 == 0);

	// Both directions have one canonical key, unless it is a message of ICMP that nothing answers.
	struct flow_key back = meta->key, one, two;
	memcpy(back.src_ip, meta->key.dst_ip, 16);
	memcpy(back.dst_ip, meta->key.src_ip, 16);
	back.src_port = meta->key.dst_port;
	back.dst_port = meta->key.src_port;
	bool exchanged = flow_key_canonical(&meta->key, &one);
	flow_key_canonical(&back, &two);
	if (meta->key.protocol != 1 && meta->key.protocol != 58)
		require(memcmp(&one, &two, sizeof(one)) == 0);
	require(exchanged == (memcmp(&one, &meta->key, 36) != 0));
}

// The straight path agrees with the general parser, or declines.
static void check_straight(
	const uint8_t *frame, size_t size, enum packet_verdict verdict, const struct packet_meta *meta) {
	struct packet_meta straight;
	memset(&straight, 0, sizeof(straight));
	if (packet_parse_straight(frame, size, &straight))
		require(verdict == PACKET_OK && memcmp(&straight, meta, sizeof(*meta)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < 1)
		return 0;
	// A block of its own, so that the sanitizer sees the frame's end.
	size_t frame_size = size - 1;
	uint8_t *block = malloc(frame_size ? frame_size : 1);
	require(block != NULL);
	uint8_t *frame = frame_size ? block : block + 1;
	memcpy(frame, data + 1, frame_size);
	enum packet_link link = (data[0] & 0xf) % PACKET_LINKS;
	unsigned tunnels = data[0] >> 4 & PACKET_TUNNELS_MAX, opened = 0;
	struct packet_meta meta;
	struct packet_fragment fragment;
	memset(&meta, 0, sizeof(meta));
	enum packet_verdict verdict = packet_parse(frame, frame_size, link, &meta, &fragment);
	require((unsigned)verdict < PACKET_VERDICTS);
	if (link == PACKET_LINK_ETHERNET)
		check_straight(frame, frame_size, verdict, &meta);
	while (verdict == PACKET_OK) {
		require(packet_tunnels_opened(meta.bits) == opened);
		check_link(frame, frame_size, link, opened);
		check_accepted(frame_size, &meta, &fragment);
		if (opened == tunnels || !packet_may_be_tunnel(&meta))
			break;
		struct packet_meta around = meta;
		verdict = packet_open(frame, frame_size, &meta, &fragment);
		require((unsigned)verdict < PACKET_VERDICTS);
		if (verdict == PACKET_NOT_IP || verdict == PACKET_ARP)
			require(memcmp(&around, &meta, sizeof(meta)) == 0);
		opened++;
	}
	free(block);
	return 0;
}
