// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// A connection begins, is cut, and ends (see tcp_flow.h).
#include <string.h>

#include "dataplane/tcp_flight.h"
#include "dataplane/tcp_recovery.h"
#include "dataplane/tcp_rtt.h"

// The figures of a record.
static void restart_figures(struct tcp_near *near, struct tcp_far *far) {
	tcp_rtt_start(far);
	near->pure_acks = near->max_window = near->duplicate_acks = 0;
	far->retransmitted_bytes = far->retransmitted_packets = far->out_of_order_packets = 0;
	far->syn = far->fin = far->rst = 0;
	far->bits &= (uint8_t)~TCP_LIMITED;
}

void tcp_flow_start(struct tcp_flow *flow) {
	memset(flow, 0, sizeof(*flow));
	for (unsigned d = 0; d < 2; d++) {
		restart_figures(&flow->near[d], &flow->far[d]);
		flow->far[d].bits = TCP_SCALE_NONE;
	}
}

void tcp_flow_cut(struct tcp_flow *flow, struct tcp_lender *lender) {
	bool is_listed = false;
	for (unsigned d = 0; d < 2; d++) {
		restart_figures(&flow->near[d], &flow->far[d]);
		if (flow->far[d].bits & TCP_WHOLE)
			flow->far[d].handshake_ns = TCP_HANDSHAKE_NONE;
		struct tcp_more *more = tcp_flight_has_more(flow, lender, d);
		if (more == NULL)
			continue;
		if (more->rtt != 0)
			tcp_return(lender, more->rtt);
		more->rtt = more->zero_windows = more->window_probes = more->keep_alives = 0;
		more->repeated_bytes = 0;
		memset(more->carry, 0, sizeof(more->carry));
		if (more->recovery != 0)
			tcp_recovery_cut(&lender->blocks[more->recovery].recovery, lender);
		is_listed |= more->first != 0;
	}
	if (!is_listed)
		tcp_flow_end(flow, lender);
}

void tcp_flow_end(struct tcp_flow *flow, struct tcp_lender *lender) {
	if (flow->more == 0)
		return;
	for (unsigned d = 0; d < 2; d++) {
		struct tcp_more *more = tcp_flight_has_more(flow, lender, d);
		tcp_flight_clear(lender, more);
		if (more->rtt != 0)
			tcp_return(lender, more->rtt);
		if (more->recovery == 0)
			continue;
		tcp_recovery_clear(&lender->blocks[more->recovery].recovery, lender);
		tcp_return(lender, more->recovery);
	}
	tcp_return(lender, lender->blocks[flow->more].more.twin);
	tcp_return(lender, flow->more);
	flow->more = 0;
}
