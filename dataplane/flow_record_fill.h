// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Between the state of a flow and the records of api/flow_record.h.
#pragma once

#include "api/flow_record.h"
#include "dataplane/flow_state.h"

// Fill a record, all but its end_reason.
//   canonical  the flow's key
//   headers    of the frame that began the record; source and destination as its canonical key has them
//   record     zeroed
void flow_record_fill(struct flow_record *record, const struct flow_key *canonical, const struct flow *flow,
	const struct flow_cold *cold, const struct packet_link_headers *headers);

// Fill an update, all but what tcp_update.h has, and remember what it told: the next one carries what came after it.
//   update  zeroed
void flow_update_fill(struct flow_update *update, const struct flow_key *canonical, struct flow *flow,
	struct flow_report *report, const struct flow_cold *cold);

// Mark the update as the flow's last.
void flow_update_end(struct flow_update *update, enum flow_end_reason reason);
