// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The two record schemas of flow statistics.
//   flow         one finished biflow (RFC 5103): what the json sink writes, one object a line
//   flow_update  what changed in one live biflow since the last interval: what `summary` aggregates
// Forward is the direction of the first packet, or of the SYN where one is seen.
#pragma once

#include "api/schema.h"

enum {
	FLOW_VLAN_MAX = 4,
	FLOW_MPLS_MAX = 8,
	FLOW_TUNNEL_MAX = 4,
	FLOW_TUNNEL_TEXT_SIZE = 32,
	FLOW_APPLICATION_SIZE = 32,
	FLOW_CATEGORY_SIZE = 24,
};

enum flow_end_reason {
	FLOW_END_IDLE,     // no packet for idle_timeout
	FLOW_END_ACTIVE,   // alive for active_timeout; the flow goes on in a new record
	FLOW_END_TCP,      // FIN from both sides, or RST, and tcp_linger over
	FLOW_END_EVICTED,  // its place was needed
	FLOW_END_OF_INPUT, // the capture file ended
	FLOW_END_SHUTDOWN, // the node was told to stop
	FLOW_END_REASONS,
};
extern const char *const flow_end_reason_names[FLOW_END_REASONS + 1];

// Presence bits of struct flow_record and struct flow_update.
enum flow_present {
	FLOW_HAS_PORTS = 1,
	FLOW_HAS_VLAN,
	FLOW_HAS_MPLS,
	FLOW_HAS_MAC,
	FLOW_HAS_TCP_FLAGS,
	FLOW_HAS_REV, // a packet was seen in the reverse direction
	FLOW_HAS_REV_TCP_FLAGS,
	FLOW_HAS_FWD_THROUGHPUT, // duration above zero
	FLOW_HAS_REV_THROUGHPUT,
	FLOW_HAS_RESPONSE,
	FLOW_HAS_TCP,
	FLOW_HAS_REV_TCP,
	FLOW_HAS_TCP_LIMITED,
	FLOW_HAS_HANDSHAKE, // both of its halves
	FLOW_HAS_HANDSHAKE_SYN,
	FLOW_HAS_HANDSHAKE_ACK,
	FLOW_HAS_FWD_MSS,
	FLOW_HAS_REV_MSS,
	FLOW_HAS_FWD_WINDOW_SCALE,
	FLOW_HAS_REV_WINDOW_SCALE,
	FLOW_HAS_FWD_RTT, // at least one sample
	FLOW_HAS_REV_RTT,
	FLOW_HAS_FWD_RECOVERY, // segments were repeated, missing or out of order, or SACKs came
	FLOW_HAS_REV_RECOVERY,
	FLOW_HAS_FWD_REPEAT_RTT, // at least one sample
	FLOW_HAS_REV_REPEAT_RTT,
	FLOW_HAS_TUNNEL,
	FLOW_HAS_TUNNEL_ID,
	FLOW_HAS_END,         // flow_update: the flow ended in this interval
	FLOW_HAS_APPLICATION, // it was recognised
};

struct flow_direction {
	uint64_t packets;
	uint64_t bytes;          // IP bytes: IPv4 total length, IPv6 payload length + 40
	uint64_t payload_bytes;  // above the transport header
	uint64_t throughput_bps; // IP bits per second over the record's duration
	uint8_t tcp_flags;       // all flags seen, or'ed
	uint8_t ttl;             // of the first packet
	uint8_t tos;             // of the first packet, the whole octet
	uint8_t pad[5];
};

enum flow_tcp_state {
	FLOW_TCP_MIDSTREAM,    // no SYN was seen, no FIN and no RST
	FLOW_TCP_SYN_SENT,     // SYN, and nothing from the other end
	FLOW_TCP_SYN_RECEIVED, // SYN from both ends, not acknowledged yet
	FLOW_TCP_ESTABLISHED,
	FLOW_TCP_CLOSING, // FIN from one end
	FLOW_TCP_CLOSED,  // FIN from both ends
	FLOW_TCP_RESET,
	FLOW_TCP_STATES,
};
extern const char *const flow_tcp_state_names[FLOW_TCP_STATES + 1];

// What one end sent; docs/tcp.md defines each figure.
struct flow_tcp_direction {
	uint32_t syn, fin, rst;
	uint32_t pure_acks;
	uint64_t unique_bytes;
	uint32_t retransmitted_packets;
	uint32_t out_of_order_packets;
	uint64_t retransmitted_bytes;
	uint32_t duplicate_acks; // ACKs of what this end sent
	uint32_t zero_windows;
	uint16_t window_probes, keep_alives;
	uint16_t mss;
	uint8_t window_scale;
	uint8_t pad;
	uint32_t max_window; // bytes
	uint32_t pad_2;
	uint64_t rtt_samples;
	uint64_t rtt_min_ns, rtt_avg_ns, rtt_max_ns, rtt_stddev_ns;
	uint32_t network_duplicates; // among retransmitted_packets
	uint32_t spurious_retransmissions, unjudged_retransmissions;
	uint32_t reordered_packets; // among out_of_order_packets
	uint32_t sacks, dsacks;     // ACKs of what this end sent
	uint32_t repeat_rtt_samples, pad_3;
	uint64_t repeat_rtt_min_ns, repeat_rtt_avg_ns, repeat_rtt_max_ns;
};

struct flow_tcp {
	uint8_t state; // enum flow_tcp_state
	bool limited;
	uint64_t handshake_rtt_ns;
	uint64_t handshake_syn_ns, handshake_ack_ns; // its halves
	struct flow_tcp_direction fwd, rev;
};

struct flow_record {
	uint64_t present; // enum flow_present
	uint8_t src_ip[16], dst_ip[16];
	uint16_t src_port, dst_port; // ICMP: type and counterpart type
	uint8_t protocol;
	uint8_t ip_version;
	uint8_t end_reason;
	uint8_t vlan_count, mpls_count, tunnel_count;
	uint8_t src_mac[6], dst_mac[6];
	uint16_t vlan[FLOW_VLAN_MAX];
	uint32_t mpls[FLOW_MPLS_MAX];
	uint32_t tunnel_id[FLOW_TUNNEL_MAX];
	char tunnel[FLOW_TUNNEL_TEXT_SIZE]; // kinds, outermost first, with slashes between them
	uint64_t start_ns, end_ns;          // first and last packet, since the epoch
	uint64_t duration_ns;
	uint64_t response_ns; // first packet in reverse - first forward; not TCP
	struct flow_direction fwd, rev;
	struct flow_tcp tcp;
	char application[FLOW_APPLICATION_SIZE]; // "TLS.Google", padded with zeros
	char category[FLOW_CATEGORY_SIZE];       // "Web"
};
extern const struct schema flow_schema;

// What one end sent since the previous update. Round-trip times are from the node to the other end and back.
struct flow_update_tcp {
	uint32_t retransmitted_packets, out_of_order_packets, zero_windows;
	uint32_t pad;
	uint64_t rtt_samples, rtt_avg_ns;
};

struct flow_update {
	uint64_t present; // enum flow_present
	uint8_t src_ip[16], dst_ip[16];
	uint16_t src_port, dst_port;
	uint8_t protocol;
	uint8_t ip_version;
	uint8_t end_reason;                   // where FLOW_HAS_END
	bool started;                         // the first update of this flow
	uint8_t fwd_tcp_flags, rev_tcp_flags; // all seen since the flow's start
	uint64_t start_ns, last_ns;
	uint64_t fwd_packets, fwd_bytes; // since the previous update
	uint64_t rev_packets, rev_bytes;
	uint64_t total_packets, total_bytes; // both directions, since the flow's start
	uint64_t total_fwd_packets, total_rev_packets;
	struct flow_update_tcp fwd_tcp, rev_tcp; // FLOW_HAS_TCP
	uint64_t handshake_rtt_ns;               // FLOW_HAS_HANDSHAKE: it was completed since the previous update
	char application[FLOW_APPLICATION_SIZE]; // FLOW_HAS_APPLICATION
};
extern const struct schema flow_update_schema;
