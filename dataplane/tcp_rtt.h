// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Round-trip times of one direction: least, greatest, mean and deviation, one sample at a time. After 65,535 samples
// they are added to a borrowed struct tcp_rtt_total, so that single precision is enough here.
//
//   source  Welford 1962, "Note on a method for calculating corrected sums"; Chan, Golub, LeVeque 1979
//           for the sum of two
#pragma once

#include "dataplane/tcp_flow.h"

static inline void tcp_rtt_start(struct tcp_far *far) {
	far->rtt = (struct tcp_rtt){.min_ns = __builtin_inff()};
	far->rtt_samples = 0;
}

static inline void tcp_rtt_add(struct tcp_far *far, uint64_t rtt_ns) {
	float rtt = (float)rtt_ns, difference = rtt - far->rtt.mean_ns;
	far->rtt_samples++;
	far->rtt.mean_ns += difference / far->rtt_samples;
	far->rtt.squares += difference * (rtt - far->rtt.mean_ns);
	far->rtt.min_ns = rtt < far->rtt.min_ns ? rtt : far->rtt.min_ns;
	far->rtt.max_ns = rtt > far->rtt.max_ns ? rtt : far->rtt.max_ns;
}

// The samples of `far` and those of `total` together.
//   total  NULL: none
static inline struct tcp_rtt_total tcp_rtt_sum(const struct tcp_far *far, const struct tcp_rtt_total *total) {
	struct tcp_rtt_total sum = {
		.samples = far->rtt_samples, .mean_ns = far->rtt.mean_ns, .squares = far->rtt.squares};
	if (total == NULL || total->samples == 0)
		return sum;
	double new = far->rtt_samples, old = (double)total->samples;
	double difference = sum.mean_ns - total->mean_ns;
	sum.samples += total->samples;
	sum.mean_ns = total->mean_ns + difference * new / (new + old);
	sum.squares += total->squares + difference * difference * new *old / (new + old);
	return sum;
}
