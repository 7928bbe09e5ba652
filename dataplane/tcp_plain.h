// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The common case of tcp_flow_count, inline: the next data in order, or none, with an ACK of the one or two segments
// that are in flight, or no news. It changes what tcp_flow_count would change, and touches the second cache line only
// for a round-trip sample.
#pragma once

#include "dataplane/tcp_flow.h"
#include "dataplane/tcp_rtt.h"

static inline uint64_t tcp_plain_time(const struct tcp_near *near) {
	return (uint64_t)near->time_high << 32 | near->time_low;
}

static inline void tcp_plain_set_time(struct tcp_near *near, uint64_t time_ns) {
	near->time_low = (uint32_t)time_ns;
	near->time_high = (uint16_t)(time_ns >> 32);
}

// Whether the segment is one for this: ACK alone of all flags that matter, from an end in the middle of a conversation
// with an open window on both sides, at the next sequence number, with room for what it sends.
static inline bool tcp_plain_fits(
	const struct tcp_near *near, const struct tcp_near *peer, const struct tcp_segment *segment) {
	const uint8_t needed = TCP_SEEN | TCP_OUTSTANDING | TCP_SENT, refused = TCP_SYN_WINDOW | TCP_WINDOW_RESTARTS;
	unsigned in_flight = near->bits & TCP_IN_FLIGHT;
	uint32_t passed = near->next ^ (near->next + segment->payload_bytes);
	return ((segment->flags & (TCP_ACK | TCP_SYN | TCP_FIN | TCP_RST)) == TCP_ACK) &
	       ((near->bits & (needed | refused)) == needed) &
	       ((peer->bits & (TCP_SENT | TCP_SYN_WINDOW)) == TCP_SENT) & (segment->seq == near->next) &
	       segment->has_plain_options & (segment->window != 0) & (peer->window != 0) &
	       (near->pure_acks != UINT16_MAX) & (segment->payload_bytes <= UINT16_MAX) & (passed < TCP_LOW_STEP) &
	       (segment->payload_bytes == 0 || in_flight < 2);
}

// What an ACK is to the segments in flight.
enum tcp_plain_ack {
	TCP_PLAIN_NONE, // no news
	TCP_PLAIN_NEWER,
	TCP_PLAIN_OLDER,
	TCP_PLAIN_OTHER,
};

static inline enum tcp_plain_ack tcp_plain_ack(
	const struct tcp_near *near, const struct tcp_near *peer, const struct tcp_segment *segment) {
	unsigned in_flight = peer->bits & TCP_IN_FLIGHT;
	// What repeats the last ACK word for word may be a duplicate, and what was acknowledged ahead may have come
	// since.
	if (segment->ack == near->ack)
		return in_flight == 0 && (segment->payload_bytes > 0 || segment->window != near->window)
			       ? TCP_PLAIN_NONE
			       : TCP_PLAIN_OTHER;
	if (segment->ack == peer->next && (in_flight == 1 || in_flight == 2))
		return TCP_PLAIN_NEWER;
	if (in_flight == 2 && segment->ack == peer->next - peer->length[0])
		return TCP_PLAIN_OLDER;
	return TCP_PLAIN_OTHER;
}

// The time of the segment that is acknowledged, modulo 2^48 ns, of segments that all have one.
static inline uint64_t tcp_plain_acked_time(const struct tcp_near *peer, enum tcp_plain_ack ack) {
	return tcp_plain_time(peer) + (ack == TCP_PLAIN_NEWER ? peer->delay_ns : 0);
}

static inline void tcp_plain_take(struct tcp_near *peer, enum tcp_plain_ack ack) {
	peer->bits &= (uint8_t)~TCP_IN_FLIGHT;
	if (ack == TCP_PLAIN_NEWER)
		return;
	peer->bits |= 1;
	tcp_plain_set_time(peer, tcp_plain_time(peer) + peer->delay_ns);
	peer->delay_ns = 0;
}

// Put the segment's data in flight.
//   return  false: its time can't be kept beside that of the one before
static inline bool tcp_plain_send(struct tcp_near *near, const struct tcp_segment *segment) {
	const uint64_t mask = (UINT64_C(1) << 48) - 1;
	uint64_t time_ns = segment->time_ns & mask;
	if ((near->bits & TCP_IN_FLIGHT) == 0) {
		tcp_plain_set_time(near, time_ns);
		near->delay_ns = 0;
	} else {
		uint64_t delay_ns = (time_ns - tcp_plain_time(near)) & mask;
		if (near->delay_ns != 0 || delay_ns > TCP_DELAY_MAX)
			return false;
		near->delay_ns = (uint32_t)delay_ns;
		near->length[1] = near->length[0];
	}
	near->length[0] = (uint16_t)segment->payload_bytes;
	near->next += segment->payload_bytes;
	near->bits++; // one more in flight
	return true;
}

//   return  false: not the common case; nothing was changed
static inline bool tcp_plain_count(struct tcp_flow *flow, const struct tcp_segment *segment, unsigned direction) {
	struct tcp_near *near = &flow->near[direction], *peer = &flow->near[!direction];
	if (!tcp_plain_fits(near, peer, segment))
		return false;
	enum tcp_plain_ack ack = tcp_plain_ack(near, peer, segment);
	uint64_t rtt_ns = 0;
	if (ack == TCP_PLAIN_OTHER)
		return false;
	if (ack != TCP_PLAIN_NONE) {
		rtt_ns = (segment->time_ns - tcp_plain_acked_time(peer, ack)) << 16 >> 16;
		if (rtt_ns >> 47 || flow->far[!direction].rtt_samples == UINT16_MAX || peer->delay_ns > TCP_DELAY_MAX)
			return false;
	}
	if (segment->payload_bytes > 0 && !tcp_plain_send(near, segment))
		return false;
	if (ack != TCP_PLAIN_NONE) {
		tcp_plain_take(peer, ack);
		tcp_rtt_add(&flow->far[!direction], rtt_ns);
	}
	near->ack = segment->ack;
	near->window = segment->window;
	near->max_window = segment->window > near->max_window ? segment->window : near->max_window;
	near->pure_acks += segment->payload_bytes == 0;
	return true;
}
