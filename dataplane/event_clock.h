// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Event time of one source instance: captures are not always in order, yet expiry and windows need a clock that never
// runs back. Each packet keeps its own timestamp and carries by how much it lags behind the greatest one seen before
// it; the two together (packet_clock_ns) never decrease from packet to packet.
#pragma once

#include "dataplane/packet.h"

#define EVENT_CLOCK_LATE_MAX_MS UINT64_C(0xffffffff) // what packet_meta.late_ms holds

// The greatest timestamp that is believed: the sum of a timestamp and a lag stays far from overflow (year 2262).
#define EVENT_CLOCK_MAX_NS ((uint64_t)INT64_MAX)

struct event_clock {
	uint64_t now_ns; // packet_clock_ns of the last packet stamped: the watermark of a source that reads a file
};

// Stamp a packet with the time of its capture. The lag is rounded up to milliseconds and moves the clock by that
// rounding, so that the clock is always exactly what the packet says. A timestamp more than 49.7 days behind the clock
// is raised to that bound.
static inline void event_clock_stamp(struct event_clock *clock, uint64_t timestamp_ns, struct packet_meta *meta) {
	if (timestamp_ns > EVENT_CLOCK_MAX_NS)
		timestamp_ns = EVENT_CLOCK_MAX_NS;
	uint64_t late_ms = 0;
	if (timestamp_ns < clock->now_ns) {
		late_ms = (clock->now_ns - timestamp_ns + 999999) / 1000000;
		if (late_ms > EVENT_CLOCK_LATE_MAX_MS) {
			late_ms = EVENT_CLOCK_LATE_MAX_MS;
			timestamp_ns = clock->now_ns - late_ms * 1000000;
		}
	}
	meta->timestamp_ns = timestamp_ns;
	meta->late_ms = (uint32_t)late_ms;
	clock->now_ns = timestamp_ns + late_ms * 1000000;
}
