// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The life of a flow (see flow_state.h).
#include "dataplane/flow_state.h"

#include <netinet/in.h>

// Counters this far on have the record cut, well before they would overflow: a packet adds at most 2^32 bytes, and no
// more than 2^24 packets with 255 bytes of headers go by between two looks at them.
#define BYTES_FULL (UINT64_C(1) << 47)
#define HEADERS_FULL (UINT64_C(1) << 39)
#define CARRIES_FULL 255

static uint64_t add_saturated(uint64_t a, uint64_t b) {
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t idle_deadline_ns(const struct flow *flow, const struct flow_timeouts *timeouts) {
	bool lingers = (flow->bits & FLOW_ENDED) && timeouts->linger_ns < timeouts->idle_ns;
	return add_saturated(flow->last_clock_ns, lingers ? timeouts->linger_ns : timeouts->idle_ns);
}

static uint64_t active_deadline_ns(
	const struct flow *flow, const struct flow_cold *cold, const struct flow_timeouts *timeouts) {
	if (flow->bits & FLOW_EMPTY)
		return UINT64_MAX;
	uint64_t lag_ns = flow->bits & FLOW_LATE ? (uint64_t)cold->lag_ms * 1000000 : 0;
	return add_saturated(add_saturated(flow->start_ns, lag_ns), timeouts->active_ns);
}

static bool is_full(const struct flow *flow) {
	for (unsigned d = 0; d < 2; d++) {
		uint64_t headers = flow_bytes(flow, d) - flow_payload_bytes(flow, d);
		if (flow_bytes(flow, d) >= BYTES_FULL || headers >= HEADERS_FULL ||
			flow->count[d].bytes >> 56 == CARRIES_FULL)
			return true;
	}
	return false;
}

// A SYN that opens a connection. With FIN or RST beside it, as scanners send, it opens none.
static bool is_pure_syn(const struct packet_meta *meta) {
	unsigned flags = FLOW_TCP_SYN | FLOW_TCP_ACK | FLOW_TCP_FIN | FLOW_TCP_RST;
	return (meta->tcp_flags & flags) == FLOW_TCP_SYN;
}

static void note_tcp(struct flow *flow, const struct packet_meta *meta, unsigned direction) {
	flow->count[direction].bytes |= (uint64_t)meta->tcp_flags << 48;
	if (is_pure_syn(meta) && !(flow->bits & FLOW_SYN_SEEN)) {
		flow->bits &= (uint8_t)~FLOW_FORWARD_IS_REVERSED;
		flow->bits |= FLOW_SYN_SEEN | (direction ? FLOW_FORWARD_IS_REVERSED : 0);
	}
	if (meta->tcp_flags & FLOW_TCP_FIN)
		flow->fins |= (uint8_t)(1 << direction);
	if (flow->fins == 3 || (meta->tcp_flags & FLOW_TCP_RST))
		flow->bits |= FLOW_ENDED;
}

static uint32_t lag_ms_between(uint64_t timestamp_ns, uint64_t clock_ns) {
	uint64_t lag_ms = (clock_ns - timestamp_ns + 999999) / 1000000;
	return lag_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)lag_ms;
}

// The packet is behind the clock: from now on the record's times are kept beside it.
static void note_late(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta) {
	if (!(flow->bits & FLOW_LATE)) {
		flow->bits |= FLOW_LATE;
		cold->end_ns = flow->last_clock_ns;
		cold->lag_ms = 0;
	}
	if (meta->timestamp_ns > cold->end_ns)
		cold->end_ns = meta->timestamp_ns;
	if (meta->timestamp_ns < flow->start_ns) {
		uint64_t lag_ms = (uint64_t)cold->lag_ms + lag_ms_between(meta->timestamp_ns, flow->start_ns);
		cold->lag_ms = lag_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)lag_ms;
		flow->start_ns = meta->timestamp_ns;
	}
}

static void note_first(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta, unsigned direction) {
	unsigned forward = flow->bits & FLOW_FORWARD_IS_REVERSED ? 1 : 0;
	cold->ttl[direction] = meta->key.ttl;
	cold->tos[direction] = meta->key.tos;
	if (direction != forward && flow_packets(flow, forward) > 0 && meta->timestamp_ns >= flow->start_ns)
		cold->response_ns = meta->timestamp_ns - flow->start_ns;
}

void flow_count_any(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta, unsigned direction) {
	struct flow_count *count = &flow->count[direction];
	uint64_t clock_ns = packet_clock_ns(meta);
	if (flow_packets(flow, direction) == 0)
		note_first(flow, cold, meta, direction);
	if ((flow->bits & FLOW_LATE) || meta->timestamp_ns < flow->last_clock_ns || meta->late_ms > 0)
		note_late(flow, cold, meta);
	if (count->packets >> 40 == FLOW_PLAIN_PACKETS_MAX) {
		count->packets -= (uint64_t)FLOW_PLAIN_PACKETS_MAX << 40;
		count->bytes += UINT64_C(1) << 56;
	} else {
		count->packets += UINT64_C(1) << 40;
	}
	count->bytes += meta->ip_bytes;
	count->packets += meta->ip_bytes - meta->payload_bytes;
	// Packets of another source may be behind; the flow's clock is not turned back.
	if (clock_ns > flow->last_clock_ns)
		flow->last_clock_ns = clock_ns;
	if (flow->protocol == IPPROTO_TCP)
		note_tcp(flow, meta, direction);
}

uint64_t flow_deadline_ns(const struct flow *flow, const struct flow_cold *cold, const struct flow_timeouts *timeouts) {
	uint64_t idle_ns = idle_deadline_ns(flow, timeouts), active_ns = active_deadline_ns(flow, cold, timeouts);
	return active_ns < idle_ns ? active_ns : idle_ns;
}

enum flow_due flow_due_at(const struct flow *flow, const struct flow_cold *cold, const struct flow_timeouts *timeouts,
	uint64_t clock_ns) {
	uint64_t idle_ns = idle_deadline_ns(flow, timeouts), active_ns = active_deadline_ns(flow, cold, timeouts);
	if (active_ns < idle_ns)
		return clock_ns >= active_ns ? FLOW_DUE_ACTIVE : FLOW_NOT_DUE;
	return clock_ns >= idle_ns ? FLOW_DUE_END : FLOW_NOT_DUE;
}

enum flow_end_reason flow_idle_reason(const struct flow *flow) {
	return flow->bits & FLOW_ENDED ? FLOW_END_TCP : FLOW_END_IDLE;
}

struct flow_decision flow_decide(const struct flow *flow, const struct flow_cold *cold,
	const struct flow_timeouts *timeouts, const struct packet_meta *meta, bool is_repeat) {
	uint64_t clock_ns = packet_clock_ns(meta);
	bool reopens = (flow->bits & FLOW_ENDED) && is_pure_syn(meta) && !is_repeat;
	bool empty = flow->bits & FLOW_EMPTY;
	enum flow_due due = flow_due_at(flow, cold, timeouts, clock_ns);
	struct flow_decision decision = {.end_reason = (uint8_t)flow_idle_reason(flow)};
	if (due == FLOW_DUE_ACTIVE || (due == FLOW_NOT_DUE && is_full(flow))) {
		decision.exports = true;
		decision.record_reason = FLOW_END_ACTIVE;
		empty = true; // from here on it is as after flow_cut
	}
	if (clock_ns >= idle_deadline_ns(flow, timeouts) || reopens) {
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

void flow_cut(struct flow *flow, struct flow_report *report) {
	for (unsigned d = 0; d < 2; d++) {
		if (flow->bits & (FLOW_DIRTY | FLOW_REPORTED)) {
			report->earlier_packets[d] += flow_packets(flow, d);
			report->earlier_bytes += flow_bytes(flow, d);
			// What no update has told yet stays the difference to the counter.
			report->told_packets[d] -= (uint32_t)flow_packets(flow, d);
			report->told_bytes[d] -= flow_bytes(flow, d);
			report->tcp_flags[d] |= flow_tcp_flags(flow, d);
		}
		flow->count[d] = (struct flow_count){0};
	}
	flow->bits |= FLOW_EMPTY;
}

void flow_continue(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta) {
	uint64_t clock_ns = packet_clock_ns(meta);
	if (clock_ns < flow->last_clock_ns)
		clock_ns = flow->last_clock_ns;
	flow->bits &= (uint8_t) ~(FLOW_EMPTY | FLOW_LATE);
	flow->start_ns = meta->timestamp_ns;
	cold->ttl[0] = cold->ttl[1] = cold->tos[0] = cold->tos[1] = 0;
	cold->response_ns = FLOW_NO_RESPONSE;
	if (clock_ns == meta->timestamp_ns)
		return;
	flow->bits |= FLOW_LATE;
	cold->end_ns = meta->timestamp_ns;
	cold->lag_ms = lag_ms_between(meta->timestamp_ns, clock_ns);
}

void flow_start(struct flow *flow, struct flow_cold *cold, const struct packet_meta *meta) {
	flow->bits = meta->bits & PACKET_REVERSED ? FLOW_FORWARD_IS_REVERSED : 0;
	flow->fins = 0;
	flow->last_clock_ns = 0;
	flow->count[0] = flow->count[1] = (struct flow_count){0};
	flow_set_application(cold, 0);
	flow_continue(flow, cold, meta);
}
