// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What is kept of a TCP connection: per direction, what its sender has sent and acknowledged, and the figures of the
// current record. tcp_flow_count takes one segment; tcp_record.h makes the record. The definitions are tcptrace's;
// docs/tcp.md has them.
//
//   near   the first cache line: what nearly every segment changes. Sequence numbers, the last two segments in flight
//          with their times, windows
//   far    the second: round-trip times, counts of what is rarer, what a SYN says
//   more   blocks of a bounded pool (tcp_pool.h), borrowed when a third segment is in flight, when data is missing, or
//          when a narrow counter is full. Where none is left the record says so (limited). Why segments came again
//          (tcp_recovery.h) is kept only while half of the pool is left, and left out of the record else
//
// Directions are canonical, as everywhere in flow state. Sequence numbers are compared modulo 2^32.
//
//   source  tcptrace 6.6 by S. Ostermann and others (its manual and behaviour); Karn and Partridge 1987;
//           Welford 1962 and Chan, Golub, LeVeque 1979 for the deviation
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/tcp_pool.h"
#include "dataplane/tcp_segment.h"

enum {
	TCP_SPAN_LIST = 3,            // in the place of the number of segments in flight: they are in blocks
	TCP_IN_FLIGHT = 0x03,         // number of segments in `length`, or TCP_SPAN_LIST
	TCP_SEEN = 1 << 2,            // it has sent a packet
	TCP_SENT = 1 << 3,            // it has sent data, SYN or FIN: `next` is valid
	TCP_OUTSTANDING = 1 << 4,     // it had something outstanding once (a condition of duplicate ACKs)
	TCP_SYN_WINDOW = 1 << 5,      // `window` was in a SYN: never scaled
	TCP_WINDOW_RESTARTS = 1 << 6, // the next window above 0 is the first scaled one
	TCP_RESET = 1 << 7,           // it has sent RST
};

// One direction: what its sender sent.
struct tcp_near {
	uint32_t next;     // one past the greatest sequence number sent
	uint32_t ack;      // last acknowledgement number sent
	uint32_t time_low; // time of the older segment in flight, modulo 2^48 ns
	uint32_t delay_ns; // from it to the newer one, or a tcp_delay
	uint16_t time_high;
	uint16_t length[2];          // sequence numbers of the newer and the older segment in flight
	uint16_t window, max_window; // as sent
	uint16_t pure_acks;          // narrow
	uint8_t duplicate_acks;      // narrow; ACKs of this direction's data
	uint8_t bits;
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct tcp_near) == 30, "two of them and an index are a cache line");

enum tcp_delay {
	TCP_DELAY_MAX = 0xfffffffd,
	TCP_OLDER_UNTIMED = 0xfffffffe, // the time is the newer one's, an ACK of the older one is no sample
	TCP_UNTIMED = 0xffffffff,       // an ACK of the newer one is no sample
};

struct tcp_rtt {
	float min_ns, max_ns, mean_ns;
	float squares; // sum of squared differences from the mean
};

// far.bits
enum {
	TCP_WHOLE = 1 << 4,      // its first segment was a SYN: all that lies below counts as sent before
	TCP_LIMITED = 1 << 5,    // memory ran out: figures of this record are incomplete
	TCP_SCALE_VOID = 1 << 6, // its windows aren't scaled: data came while not both ends had told a scale
	TCP_FIN_SEEN = 1 << 7,
};
// far.handshake_ns without a time
#define TCP_HANDSHAKE_PENDING (-1.0f) // nothing but SYN was sent, and not acknowledged
#define TCP_HANDSHAKE_NONE (-2.0f)    // it can't be told any more
// Where `next` passes a multiple of this, tcp_far.low is brought within reach of it.
#define TCP_LOW_STEP (UINT32_C(1) << 30)

struct tcp_far {
	struct tcp_rtt rtt; // of ACKs of what it sent
	uint16_t rtt_samples;
	uint16_t mss;
	uint16_t retransmitted_bytes; // narrow
	uint8_t retransmitted_packets, out_of_order_packets;
	uint8_t syn, fin, rst;
	uint8_t bits; // low half: window scale of its SYN
	union {
		float handshake_ns; // TCP_WHOLE: from its SYN to the ACK of it
		uint32_t low;       // else: the least sequence number it sent
	};
};
_Static_assert(sizeof(struct tcp_far) == 32, "two of them are a cache line");

struct tcp_flow {
	struct tcp_near near[2];
	uint32_t more; // block of direction 0, 0: none
	struct tcp_far far[2];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct tcp_flow) == 128, "two cache lines");

// Begin a connection; what was there before is overwritten.
void tcp_flow_start(struct tcp_flow *flow);

// Count a segment of a direction.
void tcp_flow_count(
	struct tcp_flow *flow, struct tcp_lender *lender, const struct tcp_segment *segment, unsigned direction);

// A record is out and the connection goes on: its figures restart.
void tcp_flow_cut(struct tcp_flow *flow, struct tcp_lender *lender);

// The connection is over: give back what was borrowed.
void tcp_flow_end(struct tcp_flow *flow, struct tcp_lender *lender);
