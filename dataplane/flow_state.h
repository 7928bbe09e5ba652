// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One biflow and its life: pure functions over two structs, so that every rule about when a record ends and the
// next begins is decided here and nowhere else.
//
//   flow        what each packet touches, two cache lines; counters by canonical direction, so that a flow whose
//               forward direction turns out to be the other one needs one bit changed
//   flow_extra  the rest, touched when a record starts or ends
//
// All decisions go by the event clock (packet_clock_ns), so that they do not depend on when a timer happens to fire:
//   idle     last packet + idle_timeout; once the TCP connection has ended + tcp_linger, if that is sooner
//   active   the record's first packet + active_timeout; the record is cut, the flow goes on
// The earlier one decides, idle where they are equal. A flow that was cut and hears no more ends without a record.
#pragma once

#include <stdbool.h>
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
	uint64_t key[5]; // words of the canonical struct flow_key; all 0: no flow
	uint64_t last_clock_ns;
	uint64_t end_ns;             // greatest timestamp of the record
	uint8_t tcp_flags[2];        // or'ed since the flow's start, by canonical direction
	uint8_t record_tcp_flags[2]; // the same of this record
	uint8_t bits;                // enum flow_bits
	uint8_t has_mac, vlan_count, mpls_count;

	uint64_t packets[2], bytes[2], payload_bytes[2]; // of this record, by canonical direction
	uint64_t start_ns;                               // least timestamp of the record
	uint64_t active_deadline_ns;                     // UINT64_MAX: empty
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow) == 128, "two cache lines");

struct flow_extra {
	struct timer_link link;
	uint32_t hash_high;         // upper half of the key's hash: finds the bucket again
	uint32_t update_packets[2]; // of the record when the last update was made, modulo 2^32
	uint64_t update_bytes[2];
	uint64_t flow_start_ns;                  // of the first record
	uint64_t earlier_packets, earlier_bytes; // of the flow's records before this one, both directions

	uint32_t dirty_position; // in the operator's list of changed flows
	uint8_t ttl[2], tos[2];  // of the record's first packet in each canonical direction
	uint8_t mac[2][6];       // of the sender in each canonical direction, as the record's first packet says
	uint16_t vlan[FLOW_VLAN_MAX];
	uint32_t mpls[FLOW_MPLS_MAX];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow_extra) == 128, "two cache lines");

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
	return ((flow->key[0] ^ words[0]) | (flow->key[1] ^ words[1]) | (flow->key[2] ^ words[2]) |
		       (flow->key[3] ^ words[3]) | (flow->key[4] ^ words[4])) == 0;
}

// Whether counting the packet is all there is to do: an open flow, not due, no flag that changes its state, not the
// record's first packet in its direction. Then flow_count alone is right.
//   idle_ns  of the timeouts
static inline bool flow_is_plain(
	const struct flow *flow, const struct packet_meta *meta, unsigned direction, uint64_t idle_ns) {
	uint64_t clock_ns = packet_clock_ns(meta);
	// A clock before last_clock_ns wraps, and is not plain.
	return (clock_ns - flow->last_clock_ns < idle_ns) & (clock_ns < flow->active_deadline_ns) &
	       (flow->packets[direction] != 0) & ((flow->bits & FLOW_ENDED) == 0) &
	       ((meta->tcp_flags & (FLOW_TCP_FIN | FLOW_TCP_SYN | FLOW_TCP_RST)) == 0);
}

// Count a plain packet.
static inline void flow_count(struct flow *flow, const struct packet_meta *meta, unsigned direction) {
	flow->packets[direction]++;
	flow->bytes[direction] += meta->ip_bytes;
	flow->payload_bytes[direction] += meta->payload_bytes;
	flow->tcp_flags[direction] |= meta->tcp_flags;
	flow->record_tcp_flags[direction] |= meta->tcp_flags;
	flow->last_clock_ns = packet_clock_ns(meta);
	flow->start_ns = meta->timestamp_ns < flow->start_ns ? meta->timestamp_ns : flow->start_ns;
	flow->end_ns = meta->timestamp_ns > flow->end_ns ? meta->timestamp_ns : flow->end_ns;
}

// Count any packet: what is plain, and what else it changes (first TTL and TOS, TCP state, forward direction).
void flow_count_any(struct flow *flow, struct flow_extra *extra, const struct packet_meta *meta, unsigned direction);

// The time at which the flow is next due.
uint64_t flow_deadline_ns(const struct flow *flow, const struct flow_timeouts *timeouts);
enum flow_due flow_due_at(const struct flow *flow, const struct flow_timeouts *timeouts, uint64_t clock_ns);
// FLOW_END_TCP or FLOW_END_IDLE.
enum flow_end_reason flow_idle_reason(const struct flow *flow);

// Decide what a packet of this flow does to it. Changes nothing.
struct flow_decision flow_decide(
	const struct flow *flow, const struct flow_timeouts *timeouts, const struct packet_meta *meta);

// The active timeout has passed and the record is out: zero its counters; direction, identity and idle time stay.
void flow_cut(struct flow *flow, struct flow_extra *extra);

// Begin a flow, or the record after a cut, with a packet that is counted next (flow_count_any). The link and the hash
// of `extra` are left alone; what lies below IP is the caller's to fill.
void flow_start(struct flow *flow, struct flow_extra *extra, const struct flow_timeouts *timeouts,
	const struct packet_meta *meta);
void flow_continue(struct flow *flow, const struct flow_timeouts *timeouts, const struct packet_meta *meta);
