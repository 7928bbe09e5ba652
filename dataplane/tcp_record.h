// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// From the state of a TCP connection to the `tcp` object of its flow's record.
#pragma once

#include "api/flow_record.h"
#include "dataplane/tcp_flow.h"

//   forward  canonical direction that the record calls forward
//   record   filled but for `tcp`; FLOW_END_ACTIVE: tcp_flow_cut follows
void tcp_record_fill(
	const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned forward, struct flow_record *record);
