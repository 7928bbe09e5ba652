// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Event time of one source instance. Captures are not always in order, yet expiry and windows need a time that doesn't
// run back: each packet keeps its own timestamp and carries by how many milliseconds, rounded up, it lags behind the
// event time. The two together (packet_clock_ns) lie at or above the watermark, and less than a millisecond above it
// where the packet is late. A late packet doesn't move the clock, so that a few of them (a capture out of order, two
// interfaces in one file) can't make time run faster than the traffic.
//
// Clocks are set, and files are damaged, so not every timestamp is believed:
//   a jump, more than a day either way   the first packet that says so has the event time for its timestamp; the next
//                                        one is believed if it lies within a day of it. A jump ahead moves the clock:
//                                        what is idle by it ends. After a jump back event time goes on from where
//                                        it is, and timestamps are moved up by the length of the jump, until the
//                                        old time is back
//   behind, by a second to a day         packets are late; after EVENT_CLOCK_LATE_RUN of them and none in time, event
//                                        time goes on with them, all of them late by the same
#pragma once

#include "dataplane/packet.h"

#define EVENT_CLOCK_LATE_MAX_MS UINT64_C(0xffffffff) // what packet_meta.late_ms holds: 49.7 days
#define EVENT_CLOCK_JUMP_NS (UINT64_C(24) * 3600 * 1000000000)
#define EVENT_CLOCK_FORGIVEN_NS UINT64_C(1000000000) // behind by so much is the disorder of any capture
enum { EVENT_CLOCK_LATE_RUN = 64 };

// The greatest timestamp that is believed: the sum of a timestamp and a lag stays far from overflow (year 2262).
#define EVENT_CLOCK_MAX_NS ((uint64_t)INT64_MAX)

struct event_clock {
	uint64_t now_ns;                    // the watermark of a source that reads a file
	uint64_t behind_ms, moved_ns;       // event time = timestamp + moved_ns + behind_ms
	uint64_t doubted_ns, doubted_at_ns; // the timestamp that the last jump led to, and the event time then
	uint64_t late_at_ns;                // the event time at which `late_run` packets were late
	unsigned late_run;
	uint64_t corrected; // packets whose timestamps were replaced or moved
};

// Out of line: all but packets in time.
void event_clock_consider(struct event_clock *clock, uint64_t timestamp_ns, struct packet_meta *meta);

// Stamp a packet with the time of its capture.
static inline void event_clock_stamp(struct event_clock *clock, uint64_t timestamp_ns, struct packet_meta *meta) {
	*meta = (struct packet_meta){.timestamp_ns = timestamp_ns};
	bool in_time = timestamp_ns - clock->now_ns <= EVENT_CLOCK_JUMP_NS && timestamp_ns <= EVENT_CLOCK_MAX_NS;
	if (__builtin_expect(!in_time || (clock->behind_ms | clock->moved_ns) != 0, 0)) {
		event_clock_consider(clock, timestamp_ns, meta);
		return;
	}
	clock->now_ns = timestamp_ns;
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
