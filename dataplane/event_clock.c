// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Packets that are late, or whose timestamps may be wrong (see event_clock.h).
#include "dataplane/event_clock.h"

static uint64_t ms_up(uint64_t ns) {
	return (ns + 999999) / 1000000;
}

static uint64_t behind_ns(const struct event_clock *clock) {
	return clock->behind_ms * 1000000;
}

static void stamp(struct packet_meta *meta, uint64_t timestamp_ns, uint64_t late_ms) {
	meta->timestamp_ns = timestamp_ns;
	meta->late_ms = (uint32_t)late_ms;
}

// The packet says what time it is.
static void follow(struct event_clock *clock, uint64_t event_ns, struct packet_meta *meta) {
	clock->now_ns = event_ns;
	clock->corrected += clock->moved_ns != 0;
	stamp(meta, event_ns - behind_ns(clock), clock->behind_ms);
}

// A second packet agrees with the one that was doubted.
static void believe(struct event_clock *clock, uint64_t timestamp_ns, struct packet_meta *meta) {
	uint64_t expected_ns = clock->now_ns - behind_ns(clock); // the timestamp that would be in time
	if (timestamp_ns > expected_ns) {
		clock->behind_ms = clock->moved_ns = 0;
		follow(clock, timestamp_ns > clock->now_ns ? timestamp_ns : clock->now_ns, meta);
	} else {
		clock->moved_ns = expected_ns - timestamp_ns;
		follow(clock, clock->now_ns, meta);
	}
}

static void doubt(struct event_clock *clock, uint64_t timestamp_ns, struct packet_meta *meta) {
	bool is_again = clock->doubted_at_ns == clock->now_ns &&
			timestamp_ns + EVENT_CLOCK_JUMP_NS >= clock->doubted_ns &&
			timestamp_ns <= clock->doubted_ns + EVENT_CLOCK_JUMP_NS;
	if (is_again) {
		believe(clock, timestamp_ns, meta);
		return;
	}
	clock->doubted_ns = timestamp_ns;
	clock->doubted_at_ns = clock->now_ns;
	clock->corrected++;
	stamp(meta, clock->now_ns - behind_ns(clock), clock->behind_ms);
}

//   lag_ns  behind the event time: 0 < lag_ns <= EVENT_CLOCK_JUMP_NS
static void be_late(struct event_clock *clock, uint64_t timestamp_ns, uint64_t lag_ns, struct packet_meta *meta) {
	uint64_t late_ms = clock->behind_ms + ms_up(lag_ns), moved_ns = clock->moved_ns;
	if (late_ms > EVENT_CLOCK_LATE_MAX_MS) {
		moved_ns += (late_ms - EVENT_CLOCK_LATE_MAX_MS) * 1000000;
		late_ms = EVENT_CLOCK_LATE_MAX_MS;
	}
	clock->corrected += moved_ns != 0;
	stamp(meta, timestamp_ns + moved_ns, late_ms);
	if (lag_ns <= EVENT_CLOCK_FORGIVEN_NS)
		return;
	clock->late_run = clock->late_at_ns == clock->now_ns ? clock->late_run + 1 : 1;
	clock->late_at_ns = clock->now_ns;
	if (clock->late_run > EVENT_CLOCK_LATE_RUN) {
		clock->behind_ms = late_ms;
		clock->moved_ns = moved_ns;
		clock->now_ns = packet_clock_ns(meta);
	}
}

void event_clock_consider(struct event_clock *clock, uint64_t timestamp_ns, struct packet_meta *meta) {
	if (timestamp_ns > EVENT_CLOCK_MAX_NS)
		timestamp_ns = EVENT_CLOCK_MAX_NS;
	bool is_old_time = timestamp_ns + EVENT_CLOCK_FORGIVEN_NS >= clock->now_ns &&
			   timestamp_ns <= clock->now_ns + EVENT_CLOCK_JUMP_NS;
	if (is_old_time)
		clock->behind_ms = clock->moved_ns = 0;
	uint64_t event_ns = timestamp_ns + clock->moved_ns + behind_ns(clock);
	if (event_ns > EVENT_CLOCK_MAX_NS)
		event_ns = EVENT_CLOCK_MAX_NS;
	if (clock->now_ns == 0 || (event_ns >= clock->now_ns && event_ns - clock->now_ns <= EVENT_CLOCK_JUMP_NS))
		follow(clock, event_ns, meta);
	else if (event_ns < clock->now_ns && clock->now_ns - event_ns <= EVENT_CLOCK_JUMP_NS)
		be_late(clock, timestamp_ns, clock->now_ns - event_ns, meta);
	else
		doubt(clock, timestamp_ns, meta);
}
