// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Between what a connection keeps of a direction's sequence space and its unfolded form (tcp_space.h).
//
// Two segments in flight, all before them acknowledged: that fits into struct tcp_near. All else is a list of blocks,
// and is given up where the pool has none: what is in flight then counts as acknowledged, what is missing as sent.
#pragma once

#include "dataplane/tcp_flow.h"
#include "dataplane/tcp_space.h"

// What a direction borrowed, taken from the pool if it has nothing yet.
//   return  NULL: there is none
struct tcp_more *tcp_flight_more(struct tcp_flow *flow, struct tcp_lender *lender, unsigned direction);

// The same, if it has something already.
static inline struct tcp_more *tcp_flight_has_more(
	const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned direction) {
	if (flow->more == 0)
		return NULL;
	struct tcp_more *more = &lender->blocks[flow->more].more;
	return direction == 0 ? more : &lender->blocks[more->twin].more;
}

// Where the segments in flight begin, of a direction that has no list.
static inline uint32_t tcp_flight_base(const struct tcp_near *near) {
	unsigned in_flight = near->bits & TCP_IN_FLIGHT;
	return near->next - (in_flight >= 1 ? near->length[0] : 0U) - (in_flight == 2 ? near->length[1] : 0U);
}

void tcp_flight_unfold(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned direction,
	uint64_t now_ns, struct tcp_space *space);
void tcp_flight_fold(struct tcp_flow *flow, struct tcp_lender *lender, unsigned direction, struct tcp_space *space);

// The next segment in order, up to `end`, to an end that was heard.
//   return  false: nothing was changed; it is to be unfolded for this
bool tcp_flight_append(
	struct tcp_flow *flow, struct tcp_lender *lender, unsigned direction, uint32_t end, uint64_t now_ns);

// An ACK of what stands first in a list.
//   acked   zeroed
//   return  false: something else than segments in flight stands there. Unfold; nothing was sampled so far
bool tcp_flight_take(
	struct tcp_lender *lender, struct tcp_more *more, uint32_t ack, uint64_t now_ns, struct tcp_acked *acked);

// Give back all blocks of a direction's spans.
void tcp_flight_clear(struct tcp_lender *lender, struct tcp_more *more);

// Give back what both directions borrowed, if it holds neither spans nor figures.
void tcp_flight_release(struct tcp_flow *flow, struct tcp_lender *lender);
