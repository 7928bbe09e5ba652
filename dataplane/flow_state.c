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

void flow_count_any(struct flow *flow, struct flow_extra *extra, const struct packet_meta *meta, unsigned direction) {
	if (flow->packets[direction] == 0) {
		extra->ttl[direction] = meta->key.ttl;
		extra->tos[direction] = meta->key.tos;
	}
	uint64_t last_clock_ns = flow->last_clock_ns;
	flow_count(flow, meta, direction);
	// Packets of another source may be behind; the flow's clock is not turned back.
	if (flow->last_clock_ns < last_clock_ns)
		flow->last_clock_ns = last_clock_ns;
	if (is_pure_syn(meta) && !(flow->bits & FLOW_SYN_SEEN)) {
		flow->bits &= (uint8_t)~FLOW_FORWARD_IS_REVERSED;
		flow->bits |= FLOW_SYN_SEEN | (direction ? FLOW_FORWARD_IS_REVERSED : 0);
	}
	uint8_t either = flow->tcp_flags[0] | flow->tcp_flags[1], both = flow->tcp_flags[0] & flow->tcp_flags[1];
	if ((either & FLOW_TCP_RST) || (both & FLOW_TCP_FIN))
		flow->bits |= FLOW_ENDED;
}

uint64_t flow_deadline_ns(const struct flow *flow, const struct flow_timeouts *timeouts) {
	uint64_t idle_ns = idle_deadline_ns(flow, timeouts);
	return flow->active_deadline_ns < idle_ns ? flow->active_deadline_ns : idle_ns;
}

enum flow_due flow_due_at(const struct flow *flow, const struct flow_timeouts *timeouts, uint64_t clock_ns) {
	uint64_t idle_ns = idle_deadline_ns(flow, timeouts);
	if (flow->active_deadline_ns < idle_ns)
		return clock_ns >= flow->active_deadline_ns ? FLOW_DUE_ACTIVE : FLOW_NOT_DUE;
	return clock_ns >= idle_ns ? FLOW_DUE_END : FLOW_NOT_DUE;
}

enum flow_end_reason flow_idle_reason(const struct flow *flow) {
	return flow->bits & FLOW_ENDED ? FLOW_END_TCP : FLOW_END_IDLE;
}

struct flow_decision flow_decide(
	const struct flow *flow, const struct flow_timeouts *timeouts, const struct packet_meta *meta) {
	uint64_t clock_ns = packet_clock_ns(meta);
	bool empty = flow->bits & FLOW_EMPTY;
	enum flow_due due = flow_due_at(flow, timeouts, clock_ns);
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
	extra->earlier_packets += flow->packets[0] + flow->packets[1];
	extra->earlier_bytes += flow->bytes[0] + flow->bytes[1];
	for (unsigned d = 0; d < 2; d++) {
		// What no update has told yet stays the difference to the counter.
		extra->update_packets[d] -= (uint32_t)flow->packets[d];
		extra->update_bytes[d] -= flow->bytes[d];
		flow->packets[d] = flow->bytes[d] = flow->payload_bytes[d] = 0;
		flow->record_tcp_flags[d] = 0;
		extra->ttl[d] = extra->tos[d] = 0;
	}
	flow->active_deadline_ns = UINT64_MAX;
	flow->bits |= FLOW_EMPTY;
}

void flow_continue(struct flow *flow, const struct flow_timeouts *timeouts, const struct packet_meta *meta) {
	uint64_t clock_ns = packet_clock_ns(meta);
	flow->bits &= (uint8_t)~FLOW_EMPTY;
	flow->active_deadline_ns =
		add_saturated(clock_ns > flow->last_clock_ns ? clock_ns : flow->last_clock_ns, timeouts->active_ns);
	flow->start_ns = flow->end_ns = meta->timestamp_ns;
}

void flow_start(struct flow *flow, struct flow_extra *extra, const struct flow_timeouts *timeouts,
	const struct packet_meta *meta) {
	struct timer_link link = extra->link;
	uint32_t hash_high = extra->hash_high;
	memset(extra, 0, sizeof(*extra));
	extra->link = link;
	extra->hash_high = hash_high;
	extra->flow_start_ns = meta->timestamp_ns;
	memset((uint8_t *)flow + offsetof(struct flow, last_clock_ns), 0,
		sizeof(*flow) - offsetof(struct flow, last_clock_ns));
	flow->bits = meta->bits & PACKET_REVERSED ? FLOW_FORWARD_IS_REVERSED : 0;
	flow_continue(flow, timeouts, meta);
}
