// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One biflow and its life: pure functions over two structs, so that every rule about when a record ends and the
// next begins is decided here and nowhere else.
//
//   flow        what a plain packet touches: one cache line, because fetching a second one costs more than all else
//               that is done for a packet. Counts gather there in small fields and are carried to flow_extra by
//               flow_settle, at the latest after 255 packets
//   flow_extra  the rest: the whole counters, and what is touched when a record starts or ends. Counters go by
//               canonical direction, so that a flow whose forward direction turns out to be the other one needs one
//               bit changed
//
// All decisions go by the event clock (packet_clock_ns), so that they do not depend on when a timer happens to fire:
//   idle     last packet + idle_timeout; once the TCP connection has ended + tcp_linger, if that is sooner
//   active   the record's first packet + active_timeout; the record is cut, the flow goes on
// The earlier one decides, idle where they are equal. A flow that was cut and hears no more ends without a record.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dataplane/packet.h"
#include "dataplane/timer_wheel.h"

enum flow_bits {
	FLOW_FORWARD_IS_REVERSED = 1 << 0, // forward is the canonical key with source and destination exchanged
	FLOW_SYN_SEEN = 1 << 1,            // a pure SYN has decided which direction is forward
	FLOW_ENDED = 1 << 2,               // FIN from both sides, or RST
	FLOW_EMPTY = 1 << 3,               // its record was cut, no packet since
	FLOW_DIRTY = 1 << 4,               // changed since its last update; set and cleared by the operator
	FLOW_REPORTED = 1 << 5,            // an update was made of it
};

enum flow_tcp_flags {
	FLOW_TCP_FIN = 0x01,
	FLOW_TCP_SYN = 0x02,
	FLOW_TCP_RST = 0x04,
	FLOW_TCP_ACK = 0x10,
};

struct flow {
	uint64_t addresses[4]; // the canonical struct flow_key up to its TTL; all 0: no flow
	uint32_t ports;
	uint8_t protocol, ip_version;
	uint8_t header_size[2]; // ip_bytes - payload_bytes of plain packets, by direction; 0: none is plain
	uint64_t last_clock_ns;
	uint32_t recent[2];     // by direction: plain packets not settled yet << 24 | their IP bytes
	uint32_t active_slot;   // the active deadline in units of 2^24 ns, modulo 2^32, rounded down
	uint8_t plain_flags[2]; // TCP flags that are nothing new, by direction
	uint8_t bits;           // enum flow_bits
	uint8_t pad;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow) == 64, "one cache line");
_Static_assert(offsetof(struct flow, header_size) == offsetof(struct flow_key, ttl), "the key is at the front");

enum {
	FLOW_RECENT_SHIFT = 24, // the bytes of 255 packets of 65,535 fit below it
	FLOW_PLAIN_BYTES_MAX = 0xffff,
	FLOW_ACTIVE_SHIFT = 24,
};

struct flow_extra {
	uint64_t packets[2], bytes[2], payload_bytes[2]; // of this record, by canonical direction
	uint64_t start_ns;                               // least timestamp of the record
	uint64_t active_deadline_ns;                     // UINT64_MAX: empty

	struct timer_link link;
	uint32_t hash_high;         // upper half of the key's hash: finds the bucket again
	uint32_t update_packets[2]; // of the record when the last update was made, modulo 2^32
	uint64_t update_bytes[2];
	uint64_t flow_start_ns;                  // of the first record
	uint64_t earlier_packets, earlier_bytes; // of the flow's records before this one, both directions

	uint64_t end_ns;             // greatest timestamp of the record
	uint32_t dirty_position;     // in the operator's list of changed flows
	uint8_t tcp_flags[2];        // or'ed since the flow's start, by canonical direction
	uint8_t record_tcp_flags[2]; // the same of this record
	uint8_t ttl[2], tos[2];      // of the record's first packet in each canonical direction
	uint8_t mac[2][6];           // of the sender in each canonical direction, as the record's first packet says
	uint16_t vlan[FLOW_VLAN_MAX];
	uint32_t mpls[FLOW_MPLS_MAX]; // 20-bit labels
	uint8_t has_mac, vlan_count, mpls_count;
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow_extra) <= 256, "four cache lines");

struct flow_timeouts {
	uint64_t idle_ns, active_ns, linger_ns;
};

enum flow_due {
	FLOW_NOT_DUE,
	FLOW_DUE_ACTIVE, // its record is to be cut (flow_cut)
	FLOW_DUE_END,    // it is over, with flow_idle_reason
};

// What a packet does to the flow it belongs to, before it is counted.
enum flow_step {
	FLOW_STEP_COUNT,    // nothing
	FLOW_STEP_CONTINUE, // it begins the record after a cut
	FLOW_STEP_RESTART,  // the flow has ended, the packet starts another with the same key
};

struct flow_decision {
	enum flow_step step;
	bool exports;          // the record ends here, for record_reason
	uint8_t record_reason; // enum flow_end_reason
	uint8_t end_reason;    // of the flow, where it restarts
};

// Words of the packet's key, canonical, as flow_key_canonical would give them.
//   return  the packet's canonical direction, 0 or 1
static inline unsigned flow_key_words(const struct packet_meta *meta, uint64_t words[5]) {
	const uint8_t *key = (const uint8_t *)&meta->key;
	unsigned direction = meta->bits & PACKET_REVERSED;
	memcpy(words, key + 16 * direction, 16);
	memcpy(words + 2, key + 16 - 16 * direction, 16);
	uint64_t last;
	memcpy(&last, key + 32, 8);
	uint32_t ports = (uint32_t)last;
	uint32_t exchanged = ports << 16 | ports >> 16;
	words[4] = (last & FLOW_KEY_LAST_MASK & ~UINT64_C(0xffffffff)) | (direction ? exchanged : ports);
	return direction;
}

static inline bool flow_has_key(const struct flow *flow, const uint64_t words[5]) {
	uint64_t last;
	memcpy(&last, &flow->ports, sizeof(last));
	return ((flow->addresses[0] ^ words[0]) | (flow->addresses[1] ^ words[1]) | (flow->addresses[2] ^ words[2]) |
		       (flow->addresses[3] ^ words[3]) | ((last & FLOW_KEY_LAST_MASK) ^ words[4])) == 0;
}

static inline void flow_set_key(struct flow *flow, const uint64_t words[5]) {
	memcpy(flow, words, sizeof(struct flow_key));
}

// Whether counting the packet is all there is to do: it is not late, its flow is open and not due, its direction was
// seen before with headers of this size, its flags are nothing new, and there is room for it in the counts.
//   idle_ns  of the timeouts
static inline bool flow_is_plain(
	const struct flow *flow, const struct packet_meta *meta, unsigned direction, uint64_t idle_ns) {
	uint32_t slots_left = flow->active_slot - (uint32_t)(meta->timestamp_ns >> FLOW_ACTIVE_SHIFT);
	// A clock before last_clock_ns wraps, and is not plain.
	return (meta->timestamp_ns - flow->last_clock_ns < idle_ns) & ((int32_t)slots_left > 0) & (meta->late_ms == 0) &
	       (meta->ip_bytes - meta->payload_bytes == flow->header_size[direction]) &
	       (meta->ip_bytes <= FLOW_PLAIN_BYTES_MAX) & ((meta->tcp_flags & ~flow->plain_flags[direction]) == 0) &
	       (flow->recent[direction] >> FLOW_RECENT_SHIFT != 255);
}

// Count a plain packet.
static inline void flow_count(struct flow *flow, const struct packet_meta *meta, unsigned direction) {
	flow->recent[direction] += (UINT32_C(1) << FLOW_RECENT_SHIFT) + meta->ip_bytes;
	flow->last_clock_ns = meta->timestamp_ns;
}

// Carry what plain packets counted to the whole counters. Who reads those asks for this first.
void flow_settle(struct flow *flow, struct flow_extra *extra);

// Count any packet: what is plain, and what else it changes (first TTL and TOS, TCP state, forward direction).
void flow_count_any(struct flow *flow, struct flow_extra *extra, const struct packet_meta *meta, unsigned direction);

// The time at which the flow is next due.
uint64_t flow_deadline_ns(
	const struct flow *flow, const struct flow_extra *extra, const struct flow_timeouts *timeouts);
enum flow_due flow_due_at(const struct flow *flow, const struct flow_extra *extra, const struct flow_timeouts *timeouts,
	uint64_t clock_ns);
// FLOW_END_TCP or FLOW_END_IDLE.
enum flow_end_reason flow_idle_reason(const struct flow *flow);

// Decide what a packet of this flow does to it. Changes nothing.
struct flow_decision flow_decide(const struct flow *flow, const struct flow_extra *extra,
	const struct flow_timeouts *timeouts, const struct packet_meta *meta);

// The active timeout has passed and the record is out: zero its counters; direction, identity and idle time stay.
void flow_cut(struct flow *flow, struct flow_extra *extra);

// Begin a flow, or the record after a cut, with a packet that is counted next (flow_count_any). The link and the hash
// of `extra` are left alone; what lies below IP is the caller's to fill.
void flow_start(struct flow *flow, struct flow_extra *extra, const struct flow_timeouts *timeouts,
	const struct packet_meta *meta);
void flow_continue(struct flow *flow, struct flow_extra *extra, const struct flow_timeouts *timeouts,
	const struct packet_meta *meta);
