// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One biflow and its life: pure functions over a few structs, so that every rule about when a record ends and the
// next begins is decided here and nowhere else.
//
//   flow         what a plain packet touches: one cache line, because fetching a second one costs more than all else
//                that is done for a packet
//   flow_cold    what is touched when a record starts or ends, or a packet is not plain
//   flow_report  what was told of it in updates; touched only where somebody hears them
//
// Counters go by canonical direction, so that a flow whose forward direction turns out to be the other one needs one
// bit changed.
//
// All decisions go by the event clock (packet_clock_ns), so that they do not depend on when a timer happens to fire:
//   idle     last packet + idle_timeout; once the TCP connection has ended + tcp_linger, if that is sooner
//   active   the record's first packet + active_timeout, or a counter is full; the record is cut, the flow goes on
// The earlier one decides, idle where they are equal. A flow that was cut and hears no more ends without a record.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/flow_words.h"
#include "dataplane/packet.h"
#include "dataplane/timer_wheel.h"

enum flow_bits {
	FLOW_FORWARD_IS_REVERSED = 1 << 0, // forward is the canonical key with source and destination exchanged
	FLOW_SYN_SEEN = 1 << 1,            // a pure SYN has decided which direction is forward
	FLOW_ENDED = 1 << 2,               // FIN from both sides, or RST
	FLOW_EMPTY = 1 << 3,               // its record was cut, no packet since
	FLOW_DIRTY = 1 << 4,               // changed since its last update; set and cleared by the operator
	FLOW_REPORTED = 1 << 5,            // an update was made of it
	FLOW_LATE = 1 << 6,                // of its record a packet came late: flow_cold knows the times
};

enum flow_tcp_flags {
	FLOW_TCP_FIN = 0x01,
	FLOW_TCP_SYN = 0x02,
	FLOW_TCP_RST = 0x04,
	FLOW_TCP_ACK = 0x10,
};

// What went in one direction, in two words that a plain packet adds to. Read it with flow_packets and the like.
struct flow_count {
	uint64_t bytes;   // IP bytes | TCP flags seen << 48 | packets / 2^24 << 56
	uint64_t packets; // packets modulo 2^24 << 40 | bytes of headers, IP and transport
};

struct flow {
	uint64_t ends; // of its struct flow_words, as are the next three
	uint32_t ports;
	uint8_t protocol, ip_version; // version 0: no flow
	uint8_t bits;                 // enum flow_bits
	uint8_t fins;                 // bit d: FIN seen in canonical direction d
	uint64_t last_clock_ns;
	uint64_t start_ns; // least timestamp of the record
	struct flow_count count[2];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow) == 64, "one cache line");

enum {
	FLOW_PLAIN_PACKETS_MAX = (1 << 24) - 1, // those of flow_count.packets; then they are carried
};
#define FLOW_NO_RESPONSE UINT64_MAX

struct flow_cold {
	struct timer_link link; // its spare half-word: the application (flow_application)
	uint32_t hash_high;     // upper half of the key's hash: finds the bucket again
	uint32_t headers;       // of the record's first packet, in the instance's link_set
	uint8_t ttl[2], tos[2]; // of the record's first packet in each canonical direction
	uint32_t lag_ms;        // FLOW_LATE: from start_ns to the clock of the record's start, rounded up
	uint64_t end_ns;        // FLOW_LATE: greatest timestamp of the record
	uint64_t response_ns;   // from the record's first packet forward to the first in reverse
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct flow_cold) == 44, "part of the bytes a flow takes");

// Begins with the first change that is to be told (FLOW_DIRTY); before that it is what another flow left.
struct flow_report {
	uint64_t flow_start_ns;      // of the first record
	uint64_t earlier_packets[2]; // of the flow's records before this one, by canonical direction
	uint64_t earlier_bytes;      // the same, both directions
	uint64_t told_bytes[2];      // of the record when the last update was made
	uint32_t told_packets[2];    // the same, modulo 2^32
	uint32_t position;           // in the operator's list of changed flows
	uint8_t tcp_flags[2];        // of the records before this one, by canonical direction
};

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

// Whether the words are the flow's; of an IPv6 flow, the addresses are still to be compared (flow_table_has_key).
static inline bool flow_has_words(const struct flow *flow, const struct flow_words *words) {
	uint64_t rest;
	memcpy(&rest, &flow->ports, sizeof(rest));
	return ((flow->ends ^ words->ends) | ((rest & FLOW_KEY_LAST_MASK) ^ words->rest)) == 0;
}

static inline void flow_set_words(struct flow *flow, const struct flow_words *words) {
	flow->ends = words->ends;
	memcpy(&flow->ports, &words->rest, sizeof(words->rest));
}

static inline uint64_t flow_packets(const struct flow *flow, unsigned direction) {
	const struct flow_count *count = &flow->count[direction];
	return (count->bytes >> 56 << 24) + (count->packets >> 40);
}

static inline uint64_t flow_bytes(const struct flow *flow, unsigned direction) {
	return flow->count[direction].bytes & ((UINT64_C(1) << 48) - 1);
}

static inline uint64_t flow_payload_bytes(const struct flow *flow, unsigned direction) {
	return flow_bytes(flow, direction) - (flow->count[direction].packets & ((UINT64_C(1) << 40) - 1));
}

static inline uint8_t flow_tcp_flags(const struct flow *flow, unsigned direction) {
	return (uint8_t)(flow->count[direction].bytes >> 48);
}

// What `application` found the flow to be (application_names.h), 0: nothing yet.
static inline uint16_t flow_application(const struct flow_cold *cold) {
	return cold->link.spare;
}

static inline void flow_set_application(struct flow_cold *cold, uint16_t application) {
	cold->link.spare = application;
}

// Greatest timestamp of the record.
static inline uint64_t flow_end_ns(const struct flow *flow, const struct flow_cold *cold) {
	return flow->bits & FLOW_LATE ? cold->end_ns : flow->last_clock_ns;
}

// Whether counting the packet is all there is to do: it is not late and tells no application, its flow is open and not
// due, there was one in its direction before, its flags are nothing new, and there is room for it in the counts.
//   plain_bits  FLOW_DIRTY where changes are to be told, else 0: what the flow's bits must be, but for those that do
//               not matter
static inline bool flow_is_plain(const struct flow *flow, const struct packet_meta *meta, unsigned direction,
	const struct flow_timeouts *timeouts, uint8_t plain_bits) {
	const struct flow_count *count = &flow->count[direction];
	const uint8_t bits = FLOW_ENDED | FLOW_EMPTY | FLOW_LATE | FLOW_DIRTY;
	// What may not be set of late_ms, tcp_flags and bits. Flags that turn the state of the flow are never known.
	const uint64_t turning = (uint64_t)(FLOW_TCP_FIN | FLOW_TCP_SYN | FLOW_TCP_RST) << PACKET_WORD_FLAGS_SHIFT;
	const uint64_t flags = UINT64_C(0xff) << PACKET_WORD_FLAGS_SHIFT;
	const uint64_t others = (uint64_t)PACKET_CLASSIFIED << PACKET_WORD_BITS_SHIFT | UINT32_MAX;
	uint64_t refused = (~count->bytes & flags) | turning | others;
	// A clock before last_clock_ns wraps, and is not plain; nor are no packets, which wrap as well.
	return (meta->timestamp_ns - flow->last_clock_ns < timeouts->idle_ns) &
	       (meta->timestamp_ns - flow->start_ns < timeouts->active_ns) & ((flow->bits & bits) == plain_bits) &
	       (((packet_word(meta) & refused) | meta->ip_bytes >> 16 | (meta->ip_bytes - meta->payload_bytes) >> 8) ==
		       0) &
	       ((count->packets >> 40) - 1 < FLOW_PLAIN_PACKETS_MAX - 1);
}

// Count a plain packet.
static inline void flow_count(struct flow *flow, const struct packet_meta *meta, unsigned direction) {
	struct flow_count *count = &flow->count[direction];
	count->bytes += meta->ip_bytes;
	count->packets += (UINT64_C(1) << 40) + (meta->ip_bytes - meta->payload_bytes);
	flow->last_clock_ns = meta->timestamp_ns;
}

// Count any packet: what is plain, and what else it changes (first TTL and TOS, TCP state, forward direction).
void flow_count_any(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta, unsigned direction);

// The time at which the flow is next due.
uint64_t flow_deadline_ns(const struct flow *flow, const struct flow_cold *cold, const struct flow_timeouts *timeouts);
enum flow_due flow_due_at(
	const struct flow *flow, const struct flow_cold *cold, const struct flow_timeouts *timeouts, uint64_t clock_ns);
// FLOW_END_TCP or FLOW_END_IDLE.
enum flow_end_reason flow_idle_reason(const struct flow *flow);

// Decide what a packet of this flow does to it. Changes nothing.
//   is_repeat  the packet sends again what was sent before: a SYN among them opens no connection
struct flow_decision flow_decide(const struct flow *flow, const struct flow_cold *cold,
	const struct flow_timeouts *timeouts, const struct packet_meta *meta, bool is_repeat);

// The record is out and the flow goes on: zero its counters; direction, identity and idle time stay.
void flow_cut(struct flow *flow, struct flow_report *report);

// Begin a flow, or the record after a cut, with a packet that is counted next (flow_count_any). Key, link and hash are
// left alone; what lies below IP is the caller's to fill.
void flow_start(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta);
void flow_continue(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta);
