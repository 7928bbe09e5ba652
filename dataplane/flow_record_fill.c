// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Canonical directions become forward and reverse here (see flow_record_fill.h).
#include "dataplane/flow_record_fill.h"

#include <netinet/in.h>
#include <stdio.h>

#include "dataplane/application_names.h"

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

static unsigned forward_of(const struct flow *flow) {
	return flow->bits & FLOW_FORWARD_IS_REVERSED ? 1 : 0;
}

// The key as sent in the forward direction.
static struct flow_key forward_key(const struct flow_key *canonical, const struct flow *flow) {
	struct flow_key key = *canonical;
	if (forward_of(flow) == 0)
		return key;
	memcpy(key.src_ip, canonical->dst_ip, sizeof(key.src_ip));
	memcpy(key.dst_ip, canonical->src_ip, sizeof(key.dst_ip));
	key.src_port = canonical->dst_port;
	key.dst_port = canonical->src_port;
	return key;
}

static struct flow_direction direction_of(
	const struct flow *flow, const struct flow_cold *cold, unsigned d, uint64_t duration_ns) {
	struct flow_direction direction = {
		.packets = flow_packets(flow, d),
		.bytes = flow_bytes(flow, d),
		.payload_bytes = flow_payload_bytes(flow, d),
		.tcp_flags = flow_tcp_flags(flow, d),
		.ttl = cold->ttl[d],
		.tos = cold->tos[d],
	};
	if (duration_ns > 0) {
		unsigned __int128 bits_ns = (unsigned __int128)direction.bytes * 8 * 1000000000;
		unsigned __int128 rate = bits_ns / duration_ns;
		direction.throughput_bps = rate > UINT64_MAX ? UINT64_MAX : (uint64_t)rate;
	}
	return direction;
}

// The kinds of tunnels, outermost first: "gre/vxlan".
static void fill_tunnels(struct flow_record *record, const struct packet_link_headers *headers) {
	bool has_id = false;
	size_t size = 0;
	for (unsigned i = 0; i < headers->tunnel_count; i++) {
		size += (size_t)snprintf(record->tunnel + size, sizeof(record->tunnel) - size, "%s%s", i ? "/" : "",
			packet_tunnel_names[headers->tunnel[i]]);
		record->tunnel_id[i] = headers->tunnel_id[i];
		has_id = has_id || headers->tunnel_id[i] != 0;
	}
	record->tunnel_count = headers->tunnel_count;
	record->present |= present_if(size > 0, FLOW_HAS_TUNNEL) | present_if(has_id, FLOW_HAS_TUNNEL_ID);
}

static void fill_headers(struct flow_record *record, const struct packet_link_headers *headers, unsigned forward) {
	record->vlan_count = headers->vlan_count;
	record->mpls_count = headers->mpls_count;
	memcpy(record->vlan, headers->vlan, sizeof(record->vlan));
	memcpy(record->mpls, headers->mpls, sizeof(record->mpls));
	memcpy(record->src_mac, forward ? headers->dst_mac : headers->src_mac, sizeof(record->src_mac));
	memcpy(record->dst_mac, forward ? headers->src_mac : headers->dst_mac, sizeof(record->dst_mac));
	record->present |= present_if(headers->vlan_count > 0, FLOW_HAS_VLAN) |
			   present_if(headers->mpls_count > 0, FLOW_HAS_MPLS) |
			   present_if(headers->has_mac, FLOW_HAS_MAC);
	if (headers->tunnel_count > 0)
		fill_tunnels(record, headers);
}

void flow_record_fill(struct flow_record *record, const struct flow_key *canonical, const struct flow *flow,
	const struct flow_cold *cold, const struct packet_link_headers *headers) {
	struct flow_key key = forward_key(canonical, flow);
	unsigned forward = forward_of(flow);
	memcpy(record->src_ip, key.src_ip, sizeof(record->src_ip));
	memcpy(record->dst_ip, key.dst_ip, sizeof(record->dst_ip));
	record->src_port = key.src_port;
	record->dst_port = key.dst_port;
	record->protocol = key.protocol;
	record->ip_version = key.ip_version;
	record->start_ns = flow->start_ns;
	record->end_ns = flow_end_ns(flow, cold);
	record->duration_ns = record->end_ns - record->start_ns;
	record->fwd = direction_of(flow, cold, forward, record->duration_ns);
	record->rev = direction_of(flow, cold, !forward, record->duration_ns);
	fill_headers(record, headers, forward);

	bool tcp = key.protocol == IPPROTO_TCP, rev = record->rev.packets > 0, lasted = record->duration_ns > 0;
	record->present |= present_if(has_ports(key.protocol), FLOW_HAS_PORTS) | present_if(tcp, FLOW_HAS_TCP_FLAGS) |
			   present_if(rev, FLOW_HAS_REV) | present_if(tcp && rev, FLOW_HAS_REV_TCP_FLAGS) |
			   present_if(lasted, FLOW_HAS_FWD_THROUGHPUT) |
			   present_if(lasted && rev, FLOW_HAS_REV_THROUGHPUT);
	if (flow_application(cold) != 0) {
		application_names(flow_application(cold), record);
		record->present |= PRESENT(FLOW_HAS_APPLICATION);
	}
	if (!tcp && cold->response_ns != FLOW_NO_RESPONSE) {
		record->response_ns = cold->response_ns;
		record->present |= PRESENT(FLOW_HAS_RESPONSE);
	}
}

void flow_update_fill(struct flow_update *update, const struct flow_key *canonical, struct flow *flow,
	struct flow_report *report, const struct flow_cold *cold) {
	struct flow_key key = forward_key(canonical, flow);
	unsigned fwd = forward_of(flow), rev = !fwd;
	uint64_t packets[2] = {flow_packets(flow, 0), flow_packets(flow, 1)};
	uint64_t bytes[2] = {flow_bytes(flow, 0), flow_bytes(flow, 1)};
	memcpy(update->src_ip, key.src_ip, sizeof(update->src_ip));
	memcpy(update->dst_ip, key.dst_ip, sizeof(update->dst_ip));
	update->src_port = key.src_port;
	update->dst_port = key.dst_port;
	update->protocol = key.protocol;
	update->ip_version = key.ip_version;
	update->started = !(flow->bits & FLOW_REPORTED);
	update->fwd_tcp_flags = report->tcp_flags[fwd] | flow_tcp_flags(flow, fwd);
	update->rev_tcp_flags = report->tcp_flags[rev] | flow_tcp_flags(flow, rev);
	update->start_ns = report->flow_start_ns < flow->start_ns ? report->flow_start_ns : flow->start_ns;
	update->last_ns = flow_end_ns(flow, cold);
	update->fwd_packets = (uint32_t)packets[fwd] - report->told_packets[fwd];
	update->rev_packets = (uint32_t)packets[rev] - report->told_packets[rev];
	update->fwd_bytes = bytes[fwd] - report->told_bytes[fwd];
	update->rev_bytes = bytes[rev] - report->told_bytes[rev];
	update->total_fwd_packets = report->earlier_packets[fwd] + packets[fwd];
	update->total_rev_packets = report->earlier_packets[rev] + packets[rev];
	update->total_packets = update->total_fwd_packets + update->total_rev_packets;
	update->total_bytes = report->earlier_bytes + bytes[0] + bytes[1];

	bool tcp = key.protocol == IPPROTO_TCP, rev_seen = packets[rev] > 0 || update->rev_packets > 0;
	update->present = present_if(has_ports(key.protocol), FLOW_HAS_PORTS) | present_if(tcp, FLOW_HAS_TCP_FLAGS) |
			  present_if(rev_seen, FLOW_HAS_REV) |
			  present_if(tcp && update->rev_tcp_flags != 0, FLOW_HAS_REV_TCP_FLAGS);
	if (flow_application(cold) != 0) {
		memcpy(update->application, application_name(flow_application(cold)), sizeof(update->application));
		update->present |= PRESENT(FLOW_HAS_APPLICATION);
	}

	flow->bits |= FLOW_REPORTED;
	for (unsigned d = 0; d < 2; d++) {
		report->told_packets[d] = (uint32_t)packets[d];
		report->told_bytes[d] = bytes[d];
	}
}

void flow_update_end(struct flow_update *update, enum flow_end_reason reason) {
	update->present |= PRESENT(FLOW_HAS_END);
	update->end_reason = (uint8_t)reason;
}
