// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Schema `packet`: the fields of struct packet_meta by name, for generic operators, keys and sinks.
#include "dataplane/packet.h"

#define AT(member) .offset = offsetof(struct packet_meta, member)

static const struct field packet_fields[] = {
	{.name = "src_ip", .type = FIELD_IP, AT(key.src_ip), .help = "source address"},
	{.name = "dst_ip", .type = FIELD_IP, AT(key.dst_ip), .help = "destination address"},
	{.name = "src_port", .type = FIELD_U16, AT(key.src_port), .help = "source port; ICMP: type"},
	{.name = "dst_port",
		.type = FIELD_U16,
		AT(key.dst_port),
		.help = "destination port; ICMP: type that answers, or code"},
	{.name = "protocol", .type = FIELD_U8, AT(key.protocol), .help = "IP protocol number"},
	{.name = "ip_version", .type = FIELD_U8, AT(key.ip_version), .help = "4 or 6"},
	{.name = "ttl", .type = FIELD_U8, AT(key.ttl), .help = "time to live, hop limit"},
	{.name = "tos", .type = FIELD_U8, AT(key.tos), .help = "type of service, traffic class: the whole octet"},
	{.name = "bytes", .type = FIELD_U32, AT(ip_bytes), .unit = "bytes", .help = "IP length"},
	{.name = "payload_bytes",
		.type = FIELD_U32,
		AT(payload_bytes),
		.unit = "bytes",
		.help = "above the transport header"},
	{.name = "timestamp_ns",
		.type = FIELD_U64,
		AT(timestamp_ns),
		.unit = "ns",
		.help = "of the capture, since the epoch"},
	{.name = "late_ms",
		.type = FIELD_U32,
		AT(late_ms),
		.unit = "ms",
		.help = "by how much it lags behind the latest timestamp before it"},
	{.name = "tcp_flags", .type = FIELD_U8, AT(tcp_flags), .help = "TCP flags, 0 where there are none"},
	{.name = NULL},
};

const struct schema packet_schema = {
	.name = "packet",
	.body = SCHEMA_PACKET,
	.size = sizeof(struct packet_meta),
	.fields = packet_fields,
};
