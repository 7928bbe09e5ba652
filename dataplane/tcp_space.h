// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The sequence space of one direction: which numbers were sent, which acknowledged, and when. Spans lie one after
// another from `first` on; the last one ends at the greatest number sent. Pure functions; what a connection keeps is
// unfolded to this where a segment is not the next in order, and folded again after it (tcp_flight.h).
//
// Numbers are compared modulo 2^32. One that lies further than 2^30 from all others begins the space anew: a segment of
// another connection, or of none.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tcp_span_kind {
	TCP_SPAN_MISSING, // not sent, as far as was seen
	TCP_SPAN_ACKED,
	TCP_SPAN_UNTIMED, // in flight; its ACK is no round-trip sample
	TCP_SPAN_TIMED,   // one segment in flight, sent once, and nothing below it sent after it
};

struct tcp_span {
	uint64_t time_ns; // TCP_SPAN_TIMED; TCP_SPAN_UNTIMED: not sent before it; 0: not known
	uint32_t end;     // first number after it
	uint8_t kind;     // enum tcp_span_kind
};

enum {
	TCP_SPANS_MAX = 960,
	TCP_SPANS_ROOM = TCP_SPANS_MAX + 4, // one segment adds 4 at most
	TCP_MISSING_MAX = 8,                // spans below the last ACK that are remembered as missing
	TCP_SPACE_REACH = 1 << 30,
};

struct tcp_space {
	uint32_t first;
	unsigned count; // 0: nothing was sent
	struct tcp_span spans[TCP_SPANS_ROOM];
};

struct tcp_sent {
	uint32_t repeated; // numbers that had been sent before
	bool is_out_of_order;
	// When what is repeated was sent, or the first above a gap that is filled; not later. 0: not known
	uint64_t since_ns;
};

// A segment [first, end), first != end.
struct tcp_sent tcp_space_send(struct tcp_space *space, uint32_t first, uint32_t end, uint64_t now_ns);

struct tcp_acked {
	bool is_repeat; // nothing is new: what ends there was acknowledged before
	bool is_sample; // it acknowledges a timed segment, to its end and first of all
	uint64_t rtt_ns;
};

struct tcp_acked tcp_space_ack(struct tcp_space *space, uint32_t ack, uint64_t now_ns);

// Forget older detail until there are at most `count` spans, at least 4.
//   return  false: there were no more in the first place
bool tcp_space_reduce(struct tcp_space *space, unsigned count);

static inline bool tcp_before(uint32_t a, uint32_t b) {
	return (int32_t)(a - b) < 0;
}

static inline uint64_t tcp_elapsed_ns(uint64_t since_ns, uint64_t now_ns) {
	return now_ns > since_ns ? now_ns - since_ns : 0;
}
