// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP figures of a record (see tcp_record.h).
#include "dataplane/tcp_record.h"

#include <math.h>

#include "dataplane/tcp_flight.h"
#include "dataplane/tcp_recovery.h"
#include "dataplane/tcp_rtt.h"

#define PRESENT(bit) (UINT64_C(1) << (bit))

static uint64_t present_if(bool condition, enum flow_present bit) {
	return condition ? PRESENT(bit) : 0;
}

static bool has_syn(const struct tcp_flow *flow, unsigned direction) {
	return (flow->far[direction].bits & TCP_WHOLE) || flow->far[direction].syn > 0;
}

static bool has_fin(const struct tcp_flow *flow, unsigned direction) {
	return flow->far[direction].bits & TCP_FIN_SEEN;
}

static bool is_pending(const struct tcp_far *far) {
	return (far->bits & TCP_WHOLE) && far->handshake_ns == TCP_HANDSHAKE_PENDING;
}

static enum flow_tcp_state state_of(const struct tcp_flow *flow, unsigned forward) {
	if ((flow->near[0].bits | flow->near[1].bits) & TCP_RESET)
		return FLOW_TCP_RESET;
	if (has_fin(flow, 0) && has_fin(flow, 1))
		return FLOW_TCP_CLOSED;
	if (has_fin(flow, 0) || has_fin(flow, 1))
		return FLOW_TCP_CLOSING;
	if (!has_syn(flow, 0) && !has_syn(flow, 1))
		return FLOW_TCP_MIDSTREAM;
	if (!(flow->near[0].bits & flow->near[1].bits & TCP_SEEN))
		return FLOW_TCP_SYN_SENT;
	if (has_syn(flow, 0) && has_syn(flow, 1) && is_pending(&flow->far[!forward]))
		return FLOW_TCP_SYN_RECEIVED;
	return FLOW_TCP_ESTABLISHED;
}

static uint32_t max_window(const struct tcp_flow *flow, unsigned direction) {
	const struct tcp_near *near = &flow->near[direction];
	uint8_t bits = flow->far[direction].bits, scale = bits & TCP_SCALE_NONE;
	bool is_scaled = !(bits & TCP_SCALE_VOID) && !(near->bits & TCP_WINDOW_RESTARTS) && scale != TCP_SCALE_NONE;
	return (uint32_t)near->max_window << (is_scaled ? scale : 0);
}

static uint64_t rounded(double ns) {
	// Of a snapshot that was tampered with, the figures may be anything.
	return !(ns > 0) ? 0 : ns < 0x1p63 ? (uint64_t)(ns + 0.5) : UINT64_MAX;
}

static void fill_rtt(const struct tcp_far *far, const struct tcp_rtt_total *total, struct flow_tcp_direction *out) {
	struct tcp_rtt_total sum = tcp_rtt_sum(far, total);
	out->rtt_samples = sum.samples;
	if (sum.samples == 0)
		return;
	out->rtt_min_ns = rounded(far->rtt.min_ns);
	out->rtt_max_ns = rounded(far->rtt.max_ns);
	out->rtt_avg_ns = rounded(sum.mean_ns);
	if (sum.samples > 2)
		out->rtt_stddev_ns = rounded(sqrt(sum.squares / (double)(sum.samples - 1)));
}

// What was counted beyond the narrow counters.
static void add_more(const struct tcp_more *more, struct flow_tcp_direction *out) {
	out->syn += (uint32_t)more->carry[TCP_CARRY_SYN] << 8;
	out->fin += (uint32_t)more->carry[TCP_CARRY_FIN] << 8;
	out->rst += (uint32_t)more->carry[TCP_CARRY_RST] << 8;
	out->pure_acks += (uint32_t)more->carry[TCP_CARRY_PURE_ACKS] << 16;
	out->duplicate_acks += (uint32_t)more->carry[TCP_CARRY_DUPLICATE_ACKS] << 8;
	out->retransmitted_packets += (uint32_t)more->carry[TCP_CARRY_RETRANSMITTED_PACKETS] << 8;
	out->retransmitted_bytes += (uint64_t)more->carry[TCP_CARRY_RETRANSMITTED_BYTES] << 16;
	out->out_of_order_packets += (uint32_t)more->carry[TCP_CARRY_OUT_OF_ORDER] << 8;
	out->zero_windows = more->zero_windows;
	out->window_probes = more->window_probes;
	out->keep_alives = more->keep_alives;
}

static void fill_recovery(const struct tcp_recovery *recovery, struct flow_tcp_direction *out) {
	out->network_duplicates = recovery->network_duplicates;
	out->spurious_retransmissions = recovery->spurious;
	out->unjudged_retransmissions = recovery->unjudged;
	out->reordered_packets = recovery->reordered;
	out->sacks = recovery->sacks;
	out->dsacks = recovery->dsacks;
	out->repeat_rtt_samples = recovery->rtt_samples;
	out->repeat_rtt_min_ns = rounded(recovery->rtt_min_ns);
	out->repeat_rtt_avg_ns = rounded(recovery->rtt_mean_ns);
	out->repeat_rtt_max_ns = rounded(recovery->rtt_max_ns);
}

static bool has_recovery(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned direction) {
	const struct tcp_more *more = tcp_flight_has_more(flow, lender, direction);
	return more != NULL && more->recovery != 0;
}

// Those that the next record, which does not count them, won't judge either.
static unsigned open_repeats(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned direction) {
	if (!has_recovery(flow, lender, direction))
		return 0;
	const struct tcp_more *more = tcp_flight_has_more(flow, lender, direction);
	return tcp_recovery_open(&lender->blocks[more->recovery].recovery, lender);
}

static void fill_direction(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned direction,
	uint64_t payload_bytes, struct flow_tcp_direction *out) {
	const struct tcp_near *near = &flow->near[direction];
	const struct tcp_far *far = &flow->far[direction];
	const struct tcp_more *more = tcp_flight_has_more(flow, lender, direction);
	out->syn = far->syn;
	out->fin = far->fin;
	out->rst = far->rst;
	out->pure_acks = near->pure_acks;
	out->retransmitted_packets = far->retransmitted_packets;
	out->retransmitted_bytes = far->retransmitted_bytes;
	out->out_of_order_packets = far->out_of_order_packets;
	out->duplicate_acks = near->duplicate_acks;
	out->mss = far->mss;
	out->window_scale = far->bits & TCP_SCALE_NONE;
	out->max_window = max_window(flow, direction);
	uint64_t repeated = more != NULL ? more->repeated_bytes : 0;
	out->unique_bytes = payload_bytes > repeated ? payload_bytes - repeated : 0;
	if (more != NULL)
		add_more(more, out);
	if (has_recovery(flow, lender, direction))
		fill_recovery(&lender->blocks[more->recovery].recovery, out);
	fill_rtt(far, more != NULL && more->rtt != 0 ? &lender->blocks[more->rtt].rtt : NULL, out);
}

static uint64_t fill_handshake(const struct tcp_flow *flow, unsigned forward, struct flow_tcp *out) {
	const struct tcp_far *syn = &flow->far[forward], *answer = &flow->far[!forward];
	bool has_there = (syn->bits & TCP_WHOLE) && syn->handshake_ns >= 0;
	bool has_back = (answer->bits & TCP_WHOLE) && answer->handshake_ns >= 0;
	out->handshake_syn_ns = has_there ? rounded(syn->handshake_ns) : 0;
	out->handshake_ack_ns = has_back ? rounded(answer->handshake_ns) : 0;
	out->handshake_rtt_ns = out->handshake_syn_ns + out->handshake_ack_ns;
	return present_if(has_there, FLOW_HAS_HANDSHAKE_SYN) | present_if(has_back, FLOW_HAS_HANDSHAKE_ACK) |
	       present_if(has_there && has_back, FLOW_HAS_HANDSHAKE);
}

void tcp_record_fill(
	const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned forward, struct flow_record *record) {
	struct flow_tcp *out = &record->tcp;
	out->state = (uint8_t)state_of(flow, forward);
	out->limited = (flow->far[0].bits | flow->far[1].bits) & TCP_LIMITED;
	fill_direction(flow, lender, forward, record->fwd.payload_bytes, &out->fwd);
	fill_direction(flow, lender, !forward, record->rev.payload_bytes, &out->rev);
	if (record->end_reason == FLOW_END_ACTIVE) {
		out->fwd.unjudged_retransmissions += open_repeats(flow, lender, forward);
		out->rev.unjudged_retransmissions += open_repeats(flow, lender, !forward);
	}
	const struct flow_tcp_direction *fwd = &out->fwd, *rev = &out->rev;
	record->present |= PRESENT(FLOW_HAS_TCP) | present_if(record->rev.packets > 0, FLOW_HAS_REV_TCP) |
			   present_if(out->limited, FLOW_HAS_TCP_LIMITED) | fill_handshake(flow, forward, out) |
			   present_if(fwd->mss != 0, FLOW_HAS_FWD_MSS) | present_if(rev->mss != 0, FLOW_HAS_REV_MSS) |
			   present_if(fwd->window_scale != TCP_SCALE_NONE, FLOW_HAS_FWD_WINDOW_SCALE) |
			   present_if(rev->window_scale != TCP_SCALE_NONE, FLOW_HAS_REV_WINDOW_SCALE) |
			   present_if(fwd->rtt_samples > 0, FLOW_HAS_FWD_RTT) |
			   present_if(rev->rtt_samples > 0, FLOW_HAS_REV_RTT) |
			   present_if(has_recovery(flow, lender, forward), FLOW_HAS_FWD_RECOVERY) |
			   present_if(has_recovery(flow, lender, !forward), FLOW_HAS_REV_RECOVERY) |
			   present_if(fwd->repeat_rtt_samples > 0, FLOW_HAS_FWD_REPEAT_RTT) |
			   present_if(rev->repeat_rtt_samples > 0, FLOW_HAS_REV_REPEAT_RTT);
}
