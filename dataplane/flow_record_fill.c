// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Canonical directions become forward and reverse here (see flow_record_fill.h).
#include "dataplane/flow_record_fill.h"

#include <netinet/in.h>

#define PRESENT(bit) (UINT64_C(1) << (bit))

static uint64_t present_if(bool condition, enum flow_present bit) {
	return condition ? PRESENT(bit) : 0;
}

static bool has_ports(uint8_t protocol) {
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return true;
	}
	return false;
}

// The key as sent in the forward direction.
static struct flow_key forward_key(const struct flow *flow) {
	struct flow_key key, canonical;
	memcpy(&canonical, flow, sizeof(canonical));
	canonical.ttl = canonical.tos = 0;
	key = canonical;
	if (flow->bits & FLOW_FORWARD_IS_REVERSED) {
		memcpy(key.src_ip, canonical.dst_ip, 16);
		memcpy(key.dst_ip, canonical.src_ip, 16);
		key.src_port = canonical.dst_port;
		key.dst_port = canonical.src_port;
	}
	return key;
}

static struct flow_direction direction_of(const struct flow_extra *extra, unsigned d, uint64_t duration_ns) {
	struct flow_direction direction = {
		.packets = extra->packets[d],
		.bytes = extra->bytes[d],
		.payload_bytes = extra->payload_bytes[d],
		.tcp_flags = extra->record_tcp_flags[d],
		.ttl = extra->ttl[d],
		.tos = extra->tos[d],
	};
	if (duration_ns > 0) {
		unsigned __int128 bits_ns = (unsigned __int128)extra->bytes[d] * 8 * 1000000000;
		unsigned __int128 rate = bits_ns / duration_ns;
		direction.throughput_bps = rate > UINT64_MAX ? UINT64_MAX : (uint64_t)rate;
	}
	return direction;
}

void flow_record_fill(
	struct flow *flow, struct flow_extra *extra, enum flow_end_reason reason, struct flow_record *record) {
	flow_settle(flow, extra);
	struct flow_key key = forward_key(flow);
	unsigned forward = flow->bits & FLOW_FORWARD_IS_REVERSED ? 1 : 0;
	memcpy(record->src_ip, key.src_ip, sizeof(record->src_ip));
	memcpy(record->dst_ip, key.dst_ip, sizeof(record->dst_ip));
	record->src_port = key.src_port;
	record->dst_port = key.dst_port;
	record->protocol = key.protocol;
	record->ip_version = key.ip_version;
	record->end_reason = (uint8_t)reason;
	record->start_ns = extra->start_ns;
	record->end_ns = extra->end_ns;
	record->duration_ns = extra->end_ns - extra->start_ns;
	record->fwd = direction_of(extra, forward, record->duration_ns);
	record->rev = direction_of(extra, !forward, record->duration_ns);

	record->vlan_count = extra->vlan_count;
	record->mpls_count = extra->mpls_count;
	memcpy(record->vlan, extra->vlan, sizeof(record->vlan));
	memcpy(record->mpls, extra->mpls, sizeof(record->mpls));
	memcpy(record->src_mac, extra->mac[forward], sizeof(record->src_mac));
	memcpy(record->dst_mac, extra->mac[!forward], sizeof(record->dst_mac));

	bool tcp = key.protocol == IPPROTO_TCP, rev = record->rev.packets > 0, lasted = record->duration_ns > 0;
	record->present = present_if(has_ports(key.protocol), FLOW_HAS_PORTS) |
			  present_if(extra->vlan_count > 0, FLOW_HAS_VLAN) |
			  present_if(extra->mpls_count > 0, FLOW_HAS_MPLS) | present_if(extra->has_mac, FLOW_HAS_MAC) |
			  present_if(tcp, FLOW_HAS_TCP_FLAGS) | present_if(rev, FLOW_HAS_REV) |
			  present_if(tcp && rev, FLOW_HAS_REV_TCP_FLAGS) | present_if(lasted, FLOW_HAS_FWD_THROUGHPUT) |
			  present_if(lasted && rev, FLOW_HAS_REV_THROUGHPUT);
}

void flow_fill_link(struct flow_extra *extra, const struct packet_link_headers *headers, unsigned direction) {
	extra->has_mac = headers->has_mac;
	extra->vlan_count = headers->vlan_count;
	extra->mpls_count = headers->mpls_count;
	memcpy(extra->mac[direction], headers->src_mac, sizeof(extra->mac[0]));
	memcpy(extra->mac[!direction], headers->dst_mac, sizeof(extra->mac[0]));
	memcpy(extra->vlan, headers->vlan, sizeof(extra->vlan));
	memcpy(extra->mpls, headers->mpls, sizeof(extra->mpls));
}

void flow_update_fill(struct flow *flow, struct flow_extra *extra, struct flow_update *update) {
	flow_settle(flow, extra);
	struct flow_key key = forward_key(flow);
	unsigned fwd = flow->bits & FLOW_FORWARD_IS_REVERSED ? 1 : 0, rev = !fwd;
	memcpy(update->src_ip, key.src_ip, sizeof(update->src_ip));
	memcpy(update->dst_ip, key.dst_ip, sizeof(update->dst_ip));
	update->src_port = key.src_port;
	update->dst_port = key.dst_port;
	update->protocol = key.protocol;
	update->ip_version = key.ip_version;
	update->started = !(flow->bits & FLOW_REPORTED);
	update->fwd_tcp_flags = extra->tcp_flags[fwd];
	update->rev_tcp_flags = extra->tcp_flags[rev];
	update->start_ns = extra->flow_start_ns;
	update->last_ns = extra->end_ns;
	update->fwd_packets = (uint32_t)extra->packets[fwd] - extra->update_packets[fwd];
	update->rev_packets = (uint32_t)extra->packets[rev] - extra->update_packets[rev];
	update->fwd_bytes = extra->bytes[fwd] - extra->update_bytes[fwd];
	update->rev_bytes = extra->bytes[rev] - extra->update_bytes[rev];
	update->total_packets = extra->earlier_packets + extra->packets[0] + extra->packets[1];
	update->total_bytes = extra->earlier_bytes + extra->bytes[0] + extra->bytes[1];

	bool tcp = key.protocol == IPPROTO_TCP, rev_seen = extra->packets[rev] > 0 || update->rev_packets > 0;
	update->present = present_if(has_ports(key.protocol), FLOW_HAS_PORTS) | present_if(tcp, FLOW_HAS_TCP_FLAGS) |
			  present_if(rev_seen, FLOW_HAS_REV) |
			  present_if(tcp && extra->tcp_flags[rev] != 0, FLOW_HAS_REV_TCP_FLAGS);

	flow->bits |= FLOW_REPORTED;
	for (unsigned d = 0; d < 2; d++) {
		extra->update_packets[d] = (uint32_t)extra->packets[d];
		extra->update_bytes[d] = extra->bytes[d];
	}
}

void flow_update_end(struct flow_update *update, enum flow_end_reason reason) {
	update->present |= PRESENT(FLOW_HAS_END);
	update->end_reason = (uint8_t)reason;
}
