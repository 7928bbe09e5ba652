// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// From the state of a TCP connection to the `tcp` part of an update: what was counted since the update before.
#pragma once

#include "api/flow_record.h"
#include "dataplane/tcp_flow.h"

// What updates have told of the current record, by canonical direction. Zero when the first change is noted.
struct tcp_told {
	uint32_t retransmitted_packets[2], out_of_order_packets[2], zero_windows[2]; // modulo 2^32
	bool handshake;
	uint64_t rtt_samples[2]; // modulo 2^64
	double rtt_sum_ns[2];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct tcp_told) == 64, "one cache line");

//   forward  canonical direction that the update calls forward
//   update   filled but for `tcp`
void tcp_update_fill(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned forward,
	struct tcp_told *told, struct flow_update *update);

// The record is about to be cut: what no update has told yet is kept for the next.
void tcp_update_cut(const struct tcp_flow *flow, const struct tcp_lender *lender, struct tcp_told *told);
