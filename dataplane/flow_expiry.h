// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// When to look at the flows of one instance again: the rules of flow_state.h on a timer wheel. The wheel only wakes;
// what is due is decided by the rules.
#pragma once

#include "dataplane/flow_table.h"
#include "dataplane/timer_wheel.h"

struct flow_expiry {
	struct flow_table *table;
	struct flow_timeouts timeouts;
	struct timer_wheel wheel;
	uint64_t settled_ns; // by then every flow that was hung by longer time-outs than these has come up
};

// Prepare a zeroed one.
void flow_expiry_init(struct flow_expiry *expiry, struct flow_table *table, const struct flow_timeouts *timeouts);

// Take other time-outs. Shorter ones hold for a watched flow once it comes up or is hastened: after the time-out that
// it was hung by, or after the wheel's span where that is less.
void flow_expiry_change(struct flow_expiry *expiry, const struct flow_timeouts *timeouts, uint64_t clock_ns);

// Watch a flow that is not watched, by its deadline as it is now.
void flow_expiry_watch(struct flow_expiry *expiry, uint32_t record);
// The deadline of a watched flow may have moved to an earlier time.
void flow_expiry_hasten(struct flow_expiry *expiry, uint32_t record);

// Take flows off the wheel that came up by clock_ns, and have the memory fetched that ending them takes.
//   records  [max] filled
//   return   0..max; less than max: no other has come up
unsigned flow_expiry_pop(struct flow_expiry *expiry, uint64_t clock_ns, uint32_t *records, unsigned max);

// How late flows ended or were cut that the wheel brought: event time from their deadline to now. After
// a change to shorter time-outs none is late before the flows watched then have come up.
enum flow_late {
	FLOW_LATE_100MS, // flows up to so late
	FLOW_LATE_1S,
	FLOW_LATE_MORE,
	FLOW_LATE_MAX_MS, // the greatest
	FLOW_LATE_FIGURES,
};

// Count a flow that is due in figures[FLOW_LATE_FIGURES].
void flow_expiry_note_late(const struct flow_expiry *expiry, uint32_t record, uint64_t clock_ns, uint64_t *figures);

enum flow_due flow_expiry_due(const struct flow_expiry *expiry, uint32_t record, uint64_t clock_ns);

// Choose the flow that would end soonest, or one of those: a few are looked at, and stale ones put where they belong.
//   return  a flow, no longer watched, or 0: there is none
uint32_t flow_expiry_take_soonest(struct flow_expiry *expiry);
