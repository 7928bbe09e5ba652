// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP figures of an update (see tcp_update.h).
#include "dataplane/tcp_update.h"

#include "dataplane/tcp_flight.h"
#include "dataplane/tcp_rtt.h"

#define PRESENT(bit) (UINT64_C(1) << (bit))

// Figures of the record so far.
struct counted {
	uint32_t retransmitted_packets, out_of_order_packets, zero_windows;
	uint64_t rtt_samples;
	double rtt_sum_ns;
};

static struct counted count_of(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned direction) {
	const struct tcp_far *far = &flow->far[direction];
	const struct tcp_more *more = tcp_flight_has_more(flow, lender, direction);
	bool has_total = more != NULL && more->rtt != 0;
	struct tcp_rtt_total rtt = tcp_rtt_sum(far, has_total ? &lender->blocks[more->rtt].rtt : NULL);
	struct counted counted = {
		.retransmitted_packets = far->retransmitted_packets,
		.out_of_order_packets = far->out_of_order_packets,
		.rtt_samples = rtt.samples,
		.rtt_sum_ns = (double)rtt.samples * rtt.mean_ns,
	};
	if (more != NULL) {
		counted.retransmitted_packets += (uint32_t)more->carry[TCP_CARRY_RETRANSMITTED_PACKETS] << 8;
		counted.out_of_order_packets += (uint32_t)more->carry[TCP_CARRY_OUT_OF_ORDER] << 8;
		counted.zero_windows = more->zero_windows;
	}
	return counted;
}

static void fill_direction(struct tcp_told *told, const struct counted *now, unsigned d, struct flow_update_tcp *out) {
	out->retransmitted_packets = now->retransmitted_packets - told->retransmitted_packets[d];
	out->out_of_order_packets = now->out_of_order_packets - told->out_of_order_packets[d];
	out->zero_windows = now->zero_windows - told->zero_windows[d];
	out->rtt_samples = now->rtt_samples - told->rtt_samples[d];
	double sum_ns = now->rtt_sum_ns - told->rtt_sum_ns[d];
	// Sums are of single precision: a difference may come out below nothing.
	out->rtt_avg_ns = out->rtt_samples > 0 && sum_ns > 0 ? (uint64_t)(sum_ns / (double)out->rtt_samples + 0.5) : 0;
	told->retransmitted_packets[d] = now->retransmitted_packets;
	told->out_of_order_packets[d] = now->out_of_order_packets;
	told->zero_windows[d] = now->zero_windows;
	told->rtt_samples[d] = now->rtt_samples;
	told->rtt_sum_ns[d] = now->rtt_sum_ns;
}

//   return  whether both halves of the handshake were timed
static bool handshake_of(const struct tcp_flow *flow, uint64_t *out) {
	const struct tcp_far *a = &flow->far[0], *b = &flow->far[1];
	bool is_timed = (a->bits & b->bits & TCP_WHOLE) && a->handshake_ns >= 0 && b->handshake_ns >= 0;
	*out = is_timed ? (uint64_t)((double)a->handshake_ns + (double)b->handshake_ns + 0.5) : 0;
	return is_timed;
}

void tcp_update_fill(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned forward,
	struct tcp_told *told, struct flow_update *update) {
	const struct counted counted[2] = {count_of(flow, lender, 0), count_of(flow, lender, 1)};
	fill_direction(told, &counted[forward], forward, &update->fwd_tcp);
	fill_direction(told, &counted[!forward], !forward, &update->rev_tcp);
	update->present |= PRESENT(FLOW_HAS_TCP);
	if (update->fwd_tcp.rtt_samples > 0)
		update->present |= PRESENT(FLOW_HAS_FWD_RTT);
	if (update->rev_tcp.rtt_samples > 0)
		update->present |= PRESENT(FLOW_HAS_REV_RTT);
	if (!told->handshake && handshake_of(flow, &update->handshake_rtt_ns)) {
		told->handshake = true;
		update->present |= PRESENT(FLOW_HAS_HANDSHAKE);
	}
}

void tcp_update_cut(const struct tcp_flow *flow, const struct tcp_lender *lender, struct tcp_told *told) {
	for (unsigned d = 0; d < 2; d++) {
		struct counted counted = count_of(flow, lender, d);
		told->retransmitted_packets[d] -= counted.retransmitted_packets;
		told->out_of_order_packets[d] -= counted.out_of_order_packets;
		told->zero_windows[d] -= counted.zero_windows;
		told->rtt_samples[d] -= counted.rtt_samples;
		told->rtt_sum_ns[d] -= counted.rtt_sum_ns;
	}
}
