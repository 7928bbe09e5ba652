// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Between the state of a flow and the records of api/flow_record.h.
#pragma once

#include "api/flow_record.h"
#include "dataplane/flow_state.h"

// Keep what lies below IP in the frame that begins a record.
//   direction  canonical, of that frame
void flow_fill_link(struct flow_extra *extra, const struct packet_link_headers *headers, unsigned direction);

// Settles the flow first.
//   record  zeroed
void flow_record_fill(
	struct flow *flow, struct flow_extra *extra, enum flow_end_reason reason, struct flow_record *record);

// Fill an update and remember what it told: the next one carries what came after it.
//   update  zeroed
void flow_update_fill(struct flow *flow, struct flow_extra *extra, struct flow_update *update);

// Mark the update as the flow's last.
void flow_update_end(struct flow_update *update, enum flow_end_reason reason);
