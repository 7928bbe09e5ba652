// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Event time of one source instance. Captures are not always in order, yet expiry and windows need a time that doesn't
// run back: each packet keeps its own timestamp and carries by how many milliseconds, rounded up, it lags behind the
// greatest one seen before it. The two together (packet_clock_ns) lie at or above the watermark, and less than a
// millisecond above it where the packet is late: a late packet doesn't move the clock, so a stretch of them (a capture
// out of order, a system clock set back) can't make time run faster than the traffic.
#pragma once

#include "dataplane/packet.h"

#define EVENT_CLOCK_LATE_MAX_MS UINT64_C(0xffffffff) // what packet_meta.late_ms holds: 49.7 days

// The greatest timestamp that is believed: the sum of a timestamp and a lag stays far from overflow (year 2262).
#define EVENT_CLOCK_MAX_NS ((uint64_t)INT64_MAX)

struct event_clock {
	uint64_t now_ns; // the greatest timestamp seen: the watermark of a source that reads a file
};

// Stamp a packet with the time of its capture. A timestamp further behind than late_ms can say is raised to that bound.
static inline void event_clock_stamp(struct event_clock *clock, uint64_t timestamp_ns, struct packet_meta *meta) {
	if (timestamp_ns > EVENT_CLOCK_MAX_NS)
		timestamp_ns = EVENT_CLOCK_MAX_NS;
	uint64_t late_ms = 0;
	if (timestamp_ns >= clock->now_ns) {
		clock->now_ns = timestamp_ns;
	} else {
		late_ms = (clock->now_ns - timestamp_ns + 999999) / 1000000;
		if (late_ms > EVENT_CLOCK_LATE_MAX_MS) {
			late_ms = EVENT_CLOCK_LATE_MAX_MS;
			timestamp_ns = clock->now_ns - late_ms * 1000000;
		}
	}
	meta->timestamp_ns = timestamp_ns;
	meta->late_ms = (uint32_t)late_ms;
}

// Time passes without packets: live sources go by a clock.
static inline void event_clock_advance(struct event_clock *clock, uint64_t now_ns) {
	if (now_ns > clock->now_ns)
		clock->now_ns = now_ns;
}

// The clock of a live source: the wall clock, but where that is set back, time goes on as if it had not been.
struct live_clock {
	uint64_t ahead_ns; // of the monotonic clock
};

//   return  nanoseconds since the epoch, never less than before
static inline uint64_t live_clock_now(struct live_clock *clock, uint64_t wall_ns, uint64_t monotonic_ns) {
	if (wall_ns > monotonic_ns + clock->ahead_ns)
		clock->ahead_ns = wall_ns - monotonic_ns;
	return monotonic_ns + clock->ahead_ns;
}
