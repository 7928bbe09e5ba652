// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The life of a flow (see flow_state.h).
#include "dataplane/flow_state.h"

#include <stddef.h>

static uint64_t add_saturated(uint64_t a, uint64_t b) {
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t idle_deadline_ns(const struct flow *flow, const struct flow_timeouts *timeouts) {
	bool lingers = (flow->bits & FLOW_ENDED) && timeouts->linger_ns < timeouts->idle_ns;
	return add_saturated(flow->last_clock_ns, lingers ? timeouts->linger_ns : timeouts->idle_ns);
}

// A SYN that opens a connection. With FIN or RST beside it, as scanners send, it opens none.
static bool is_pure_syn(const struct packet_meta *meta) {
	unsigned flags = FLOW_TCP_SYN | FLOW_TCP_ACK | FLOW_TCP_FIN | FLOW_TCP_RST;
	return (meta->tcp_flags & flags) == FLOW_TCP_SYN;
}

void flow_settle(struct flow *flow, struct flow_extra *extra) {
	if ((flow->recent[0] | flow->recent[1]) == 0)
		return;
	for (unsigned d = 0; d < 2; d++) {
		uint64_t packets = flow->recent[d] >> FLOW_RECENT_SHIFT;
		uint64_t bytes = flow->recent[d] & ((1 << FLOW_RECENT_SHIFT) - 1);
		extra->packets[d] += packets;
		extra->bytes[d] += bytes;
		extra->payload_bytes[d] += bytes - packets * flow->header_size[d];
		flow->recent[d] = 0;
	}
	// The last of them was not late, so that its timestamp is the clock, and no greater one was seen.
	extra->end_ns = flow->last_clock_ns;
}

// What the next packets must look like to be plain.
static void expect_plain(
	struct flow *flow, struct flow_extra *extra, const struct packet_meta *meta, unsigned direction) {
	uint32_t header_size = meta->ip_bytes - meta->payload_bytes;
	flow->header_size[direction] = header_size <= UINT8_MAX ? (uint8_t)header_size : 0;
	flow->plain_flags[direction] =
		extra->record_tcp_flags[direction] & (uint8_t) ~(FLOW_TCP_FIN | FLOW_TCP_SYN | FLOW_TCP_RST);
	if (flow->bits & FLOW_ENDED)
		flow->header_size[0] = flow->header_size[1] = 0;
}

static void note_tcp(struct flow *flow, struct flow_extra *extra, const struct packet_meta *meta, unsigned direction) {
	extra->tcp_flags[direction] |= meta->tcp_flags;
	extra->record_tcp_flags[direction] |= meta->tcp_flags;
	if (is_pure_syn(meta) && !(flow->bits & FLOW_SYN_SEEN)) {
		flow->bits &= (uint8_t)~FLOW_FORWARD_IS_REVERSED;
		flow->bits |= FLOW_SYN_SEEN | (direction ? FLOW_FORWARD_IS_REVERSED : 0);
	}
	uint8_t either = extra->tcp_flags[0] | extra->tcp_flags[1], both = extra->tcp_flags[0] & extra->tcp_flags[1];
	if ((either & FLOW_TCP_RST) || (both & FLOW_TCP_FIN))
		flow->bits |= FLOW_ENDED;
}

void flow_count_any(struct flow *flow, struct flow_extra *extra, const struct packet_meta *meta, unsigned direction) {
	flow_settle(flow, extra);
	if (extra->packets[direction] == 0) {
		extra->ttl[direction] = meta->key.ttl;
		extra->tos[direction] = meta->key.tos;
	}
	extra->packets[direction]++;
	extra->bytes[direction] += meta->ip_bytes;
	extra->payload_bytes[direction] += meta->payload_bytes;
	if (meta->timestamp_ns < extra->start_ns)
		extra->start_ns = meta->timestamp_ns;
	if (meta->timestamp_ns > extra->end_ns)
		extra->end_ns = meta->timestamp_ns;
	// Packets of another source may be behind; the flow's clock is not turned back.
	uint64_t clock_ns = packet_clock_ns(meta);
	if (clock_ns > flow->last_clock_ns)
		flow->last_clock_ns = clock_ns;
	note_tcp(flow, extra, meta, direction);
	expect_plain(flow, extra, meta, direction);
}

uint64_t flow_deadline_ns(
	const struct flow *flow, const struct flow_extra *extra, const struct flow_timeouts *timeouts) {
	uint64_t idle_ns = idle_deadline_ns(flow, timeouts);
	return extra->active_deadline_ns < idle_ns ? extra->active_deadline_ns : idle_ns;
}

enum flow_due flow_due_at(const struct flow *flow, const struct flow_extra *extra, const struct flow_timeouts *timeouts,
	uint64_t clock_ns) {
	uint64_t idle_ns = idle_deadline_ns(flow, timeouts);
	if (extra->active_deadline_ns < idle_ns)
		return clock_ns >= extra->active_deadline_ns ? FLOW_DUE_ACTIVE : FLOW_NOT_DUE;
	return clock_ns >= idle_ns ? FLOW_DUE_END : FLOW_NOT_DUE;
}

enum flow_end_reason flow_idle_reason(const struct flow *flow) {
	return flow->bits & FLOW_ENDED ? FLOW_END_TCP : FLOW_END_IDLE;
}

struct flow_decision flow_decide(const struct flow *flow, const struct flow_extra *extra,
	const struct flow_timeouts *timeouts, const struct packet_meta *meta) {
	uint64_t clock_ns = packet_clock_ns(meta);
	bool empty = flow->bits & FLOW_EMPTY;
	enum flow_due due = flow_due_at(flow, extra, timeouts, clock_ns);
	struct flow_decision decision = {.end_reason = (uint8_t)flow_idle_reason(flow)};
	if (due == FLOW_DUE_ACTIVE) {
		decision.exports = true;
		decision.record_reason = FLOW_END_ACTIVE;
		empty = true; // from here on it is as after flow_cut
	}
	if (clock_ns >= idle_deadline_ns(flow, timeouts) || ((flow->bits & FLOW_ENDED) && is_pure_syn(meta))) {
		decision.step = FLOW_STEP_RESTART;
		if (!empty) {
			decision.exports = true;
			decision.record_reason = decision.end_reason;
		}
	} else if (empty) {
		decision.step = FLOW_STEP_CONTINUE;
	}
	return decision;
}

void flow_cut(struct flow *flow, struct flow_extra *extra) {
	flow_settle(flow, extra);
	extra->earlier_packets += extra->packets[0] + extra->packets[1];
	extra->earlier_bytes += extra->bytes[0] + extra->bytes[1];
	for (unsigned d = 0; d < 2; d++) {
		// What no update has told yet stays the difference to the counter.
		extra->update_packets[d] -= (uint32_t)extra->packets[d];
		extra->update_bytes[d] -= extra->bytes[d];
		extra->packets[d] = extra->bytes[d] = extra->payload_bytes[d] = 0;
		extra->record_tcp_flags[d] = 0;
		extra->ttl[d] = extra->tos[d] = 0;
		flow->header_size[d] = 0;
	}
	extra->active_deadline_ns = UINT64_MAX;
	flow->bits |= FLOW_EMPTY;
}

void flow_continue(struct flow *flow, struct flow_extra *extra, const struct flow_timeouts *timeouts,
	const struct packet_meta *meta) {
	uint64_t clock_ns = packet_clock_ns(meta);
	if (clock_ns < flow->last_clock_ns)
		clock_ns = flow->last_clock_ns;
	flow->bits &= (uint8_t)~FLOW_EMPTY;
	extra->active_deadline_ns = add_saturated(clock_ns, timeouts->active_ns);
	flow->active_slot = (uint32_t)(extra->active_deadline_ns >> FLOW_ACTIVE_SHIFT);
	extra->start_ns = extra->end_ns = meta->timestamp_ns;
}

void flow_start(struct flow *flow, struct flow_extra *extra, const struct flow_timeouts *timeouts,
	const struct packet_meta *meta) {
	struct timer_link link = extra->link;
	uint32_t hash_high = extra->hash_high;
	memset(extra, 0, sizeof(*extra));
	extra->link = link;
	extra->hash_high = hash_high;
	extra->flow_start_ns = meta->timestamp_ns;
	const size_t state = offsetof(struct flow, header_size);
	memset((uint8_t *)flow + state, 0, sizeof(*flow) - state);
	flow->bits = meta->bits & PACKET_REVERSED ? FLOW_FORWARD_IS_REVERSED : 0;
	flow_continue(flow, extra, timeouts, meta);
}
