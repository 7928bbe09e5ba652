// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The field tables of the flow schemas (flow_record.h). Names and order are those that the json sink writes; members
// of one object (fwd, rev) stand together.
#include "api/flow_record.h"

const char *const flow_end_reason_names[FLOW_END_REASONS + 1] = {
	[FLOW_END_IDLE] = "idle",
	[FLOW_END_ACTIVE] = "active",
	[FLOW_END_TCP] = "tcp_end",
	[FLOW_END_EVICTED] = "evicted",
	[FLOW_END_OF_INPUT] = "end_of_input",
	[FLOW_END_SHUTDOWN] = "shutdown",
};

#define AT(member) .offset = offsetof(struct flow_record, member)
static const struct field flow_fields[] = {
	{"src_ip", FIELD_IP, AT(src_ip), .help = "address of the end that sent the first packet"},
	{"dst_ip", FIELD_IP, AT(dst_ip), .help = "address of the other end"},
	{"src_port", FIELD_U16, AT(src_port), .present = FLOW_HAS_PORTS, .help = "port; ICMP: type"},
	{"dst_port", FIELD_U16, AT(dst_port), .present = FLOW_HAS_PORTS, .help = "port; ICMP: counterpart type"},
	{"protocol", FIELD_U8, AT(protocol), .help = "IP protocol number"},
	{"vlan", FIELD_U16_LIST, AT(vlan), .length = FLOW_VLAN_MAX,
		.count_offset = offsetof(struct flow_record, vlan_count), .present = FLOW_HAS_VLAN,
		.help = "VLAN ids of the first packet, outermost first"},
	{"mpls", FIELD_U32_LIST, AT(mpls), .length = FLOW_MPLS_MAX,
		.count_offset = offsetof(struct flow_record, mpls_count), .present = FLOW_HAS_MPLS,
		.help = "MPLS labels of the first packet, outermost first"},
	{"src_mac", FIELD_MAC, AT(src_mac), .present = FLOW_HAS_MAC, .help = "source MAC address of the first packet"},
	{"dst_mac", FIELD_MAC, AT(dst_mac), .present = FLOW_HAS_MAC,
		.help = "destination MAC address of the first packet"},
	{"start_ns", FIELD_U64, AT(start_ns), .unit = "ns", .help = "time of the first packet, since the epoch"},
	{"end_ns", FIELD_U64, AT(end_ns), .unit = "ns", .help = "time of the last packet, since the epoch"},
	{"duration_ns", FIELD_U64, AT(duration_ns), .unit = "ns", .help = "from the first packet to the last"},
	{"end_reason", FIELD_ENUM, AT(end_reason), .choices = flow_end_reason_names, .help = "why the record ended"},
	{"response_ns", FIELD_U64, AT(response_ns), .present = FLOW_HAS_RESPONSE, .unit = "ns",
		.help = "from the first packet forward to the first in reverse, of all but TCP: a request and its "
			"reply"},

	{"fwd.packets", FIELD_U64, AT(fwd.packets), .unit = "packets", .help = "packets sent forward"},
	{"fwd.bytes", FIELD_U64, AT(fwd.bytes), .unit = "bytes", .help = "IP bytes sent forward"},
	{"fwd.payload_bytes", FIELD_U64, AT(fwd.payload_bytes), .unit = "bytes",
		.help = "bytes above the transport header"},
	{"fwd.throughput_bps", FIELD_U64, AT(fwd.throughput_bps), .present = FLOW_HAS_FWD_THROUGHPUT, .unit = "bit/s",
		.help = "IP bits per second over the duration"},
	{"fwd.tcp_flags", FIELD_U8, AT(fwd.tcp_flags), .present = FLOW_HAS_TCP_FLAGS, .help = "all TCP flags seen"},
	{"fwd.ttl", FIELD_U8, AT(fwd.ttl), .help = "TTL or hop limit of the first packet"},
	{"fwd.tos", FIELD_U8, AT(fwd.tos), .help = "TOS octet or traffic class of the first packet"},

	{"rev.packets", FIELD_U64, AT(rev.packets), .present = FLOW_HAS_REV, .unit = "packets",
		.help = "packets sent in reverse"},
	{"rev.bytes", FIELD_U64, AT(rev.bytes), .present = FLOW_HAS_REV, .unit = "bytes",
		.help = "IP bytes sent in reverse"},
	{"rev.payload_bytes", FIELD_U64, AT(rev.payload_bytes), .present = FLOW_HAS_REV, .unit = "bytes",
		.help = "bytes above the transport header"},
	{"rev.throughput_bps", FIELD_U64, AT(rev.throughput_bps), .present = FLOW_HAS_REV_THROUGHPUT, .unit = "bit/s",
		.help = "IP bits per second over the duration"},
	{"rev.tcp_flags", FIELD_U8, AT(rev.tcp_flags), .present = FLOW_HAS_REV_TCP_FLAGS, .help = "all TCP flags seen"},
	{"rev.ttl", FIELD_U8, AT(rev.ttl), .present = FLOW_HAS_REV, .help = "TTL or hop limit of the first packet"},
	{"rev.tos", FIELD_U8, AT(rev.tos), .present = FLOW_HAS_REV,
		.help = "TOS octet or traffic class of the first packet"},
	{0},
};
#undef AT

const struct schema flow_schema = {
	.name = "flow",
	.body = SCHEMA_RECORD,
	.size = sizeof(struct flow_record),
	.present_offset = offsetof(struct flow_record, present),
	.fields = flow_fields,
};

#define AT(member) .offset = offsetof(struct flow_update, member)
static const struct field flow_update_fields[] = {
	{"src_ip", FIELD_IP, AT(src_ip), .help = "address of the end that sent the first packet"},
	{"dst_ip", FIELD_IP, AT(dst_ip), .help = "address of the other end"},
	{"src_port", FIELD_U16, AT(src_port), .present = FLOW_HAS_PORTS, .help = "port; ICMP: type"},
	{"dst_port", FIELD_U16, AT(dst_port), .present = FLOW_HAS_PORTS, .help = "port; ICMP: counterpart type"},
	{"protocol", FIELD_U8, AT(protocol), .help = "IP protocol number"},
	{"start_ns", FIELD_U64, AT(start_ns), .unit = "ns", .help = "time of the first packet, since the epoch"},
	{"last_ns", FIELD_U64, AT(last_ns), .unit = "ns", .help = "time of the last packet so far, since the epoch"},
	{"started", FIELD_BOOL, AT(started), .help = "this is the first update of the flow"},
	{"end_reason", FIELD_ENUM, AT(end_reason), .present = FLOW_HAS_END, .choices = flow_end_reason_names,
		.help = "why the flow ended in this interval"},

	{"fwd.packets", FIELD_U64, AT(fwd_packets), .unit = "packets",
		.help = "sent forward since the previous update"},
	{"fwd.bytes", FIELD_U64, AT(fwd_bytes), .unit = "bytes", .help = "sent forward since the previous update"},
	{"fwd.tcp_flags", FIELD_U8, AT(fwd_tcp_flags), .present = FLOW_HAS_TCP_FLAGS,
		.help = "all TCP flags seen since the start"},
	{"rev.packets", FIELD_U64, AT(rev_packets), .present = FLOW_HAS_REV, .unit = "packets",
		.help = "sent in reverse since the previous update"},
	{"rev.bytes", FIELD_U64, AT(rev_bytes), .present = FLOW_HAS_REV, .unit = "bytes",
		.help = "sent in reverse since the previous update"},
	{"rev.tcp_flags", FIELD_U8, AT(rev_tcp_flags), .present = FLOW_HAS_REV_TCP_FLAGS,
		.help = "all TCP flags seen since the start"},
	{"total.packets", FIELD_U64, AT(total_packets), .unit = "packets", .help = "both directions, since the start"},
	{"total.bytes", FIELD_U64, AT(total_bytes), .unit = "bytes", .help = "both directions, since the start"},
	{0},
};
#undef AT

const struct schema flow_update_schema = {
	.name = "flow_update",
	.body = SCHEMA_RECORD,
	.size = sizeof(struct flow_update),
	.present_offset = offsetof(struct flow_update, present),
	.fields = flow_update_fields,
};
