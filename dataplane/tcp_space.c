// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Sequence space (see tcp_space.h).
#include "dataplane/tcp_space.h"

#include <string.h>

static void copy(struct tcp_space *to, const struct tcp_space *from) {
	to->first = from->first;
	to->count = from->count;
	memcpy(to->spans, from->spans, from->count * sizeof(from->spans[0]));
}

static bool is_mergeable(const struct tcp_span *span, enum tcp_span_kind kind) {
	return span->kind == kind && kind != TCP_SPAN_TIMED;
}

static void push(struct tcp_space *space, uint32_t end, enum tcp_span_kind kind, uint64_t time_ns) {
	uint32_t begin = space->count > 0 ? space->spans[space->count - 1].end : space->first;
	if (begin == end)
		return;
	if (space->count > 0 && is_mergeable(&space->spans[space->count - 1], kind)) {
		struct tcp_span *last = &space->spans[space->count - 1];
		last->end = end;
		last->time_ns = time_ns < last->time_ns ? time_ns : last->time_ns;
		return;
	}
	space->spans[space->count++] = (struct tcp_span){.time_ns = time_ns, .end = end, .kind = (uint8_t)kind};
}

static void begin_anew(struct tcp_space *space, uint32_t first, uint32_t end, uint64_t now_ns) {
	space->first = first;
	space->count = 0;
	push(space, end, TCP_SPAN_TIMED, now_ns);
}

static uint32_t lesser(uint32_t a, uint32_t b) {
	return tcp_before(a, b) ? a : b;
}

static uint32_t greater(uint32_t a, uint32_t b) {
	return tcp_before(a, b) ? b : a;
}

// Whatever is in flight from the first number sent again on can't be timed any more: its ACK waits for what is below.
static enum tcp_span_kind untimed(const struct tcp_span *span) {
	return span->kind == TCP_SPAN_TIMED ? TCP_SPAN_UNTIMED : (enum tcp_span_kind)span->kind;
}

// The same, of a span that lies above all of the segment: what was sent at the same time waits for nothing.
static enum tcp_span_kind untimed_above(const struct tcp_span *span, uint64_t now_ns) {
	return span->time_ns < now_ns ? untimed(span) : (enum tcp_span_kind)span->kind;
}

// When the spans of [first, end) that were sent before were: the latest time of them, if each has one.
static uint64_t sent_ns(const struct tcp_space *space, uint32_t first, uint32_t end) {
	uint64_t latest_ns = 0;
	uint32_t begin = space->first;
	for (unsigned i = 0; i < space->count && tcp_before(begin, end); begin = space->spans[i++].end) {
		const struct tcp_span *span = &space->spans[i];
		if (span->kind == TCP_SPAN_MISSING || !tcp_before(first, span->end))
			continue;
		if (span->time_ns == 0)
			return 0;
		latest_ns = span->time_ns > latest_ns ? span->time_ns : latest_ns;
	}
	return latest_ns;
}

// When the first of what was sent above `end` was.
static uint64_t above_ns(const struct tcp_space *space, uint32_t end) {
	uint32_t begin = space->first;
	for (unsigned i = 0; i < space->count; begin = space->spans[i++].end)
		if (!tcp_before(begin, end) && space->spans[i].kind != TCP_SPAN_MISSING)
			return space->spans[i].time_ns;
	return 0;
}

// A segment that begins below the greatest number sent: in what was sent before, in what is missing, or both.
static struct tcp_sent send_among(struct tcp_space *space, uint32_t first, uint32_t end, uint64_t now_ns) {
	struct tcp_sent sent = {0};
	struct tcp_space old;
	copy(&old, space);
	uint32_t begin = old.first;
	space->count = 0;
	if (tcp_before(first, begin)) {
		space->first = first;
		sent.is_out_of_order = tcp_before(end, old.spans[0].end);
		push(space, lesser(end, begin), TCP_SPAN_TIMED, now_ns);
		push(space, begin, TCP_SPAN_MISSING, 0);
	}
	for (unsigned i = 0; i < old.count; begin = old.spans[i++].end) {
		const struct tcp_span *span = &old.spans[i];
		if (!tcp_before(first, span->end)) {
			push(space, span->end, span->kind, span->time_ns);
			continue;
		}
		if (!tcp_before(begin, end)) {
			push(space, span->end, untimed_above(span, now_ns), span->time_ns);
			continue;
		}
		// The parts of the span below the segment, under it and above it; any of them may be empty.
		uint32_t under = greater(first, begin), above = greater(under, lesser(end, span->end));
		push(space, under, untimed(span), span->time_ns);
		if (span->kind != TCP_SPAN_MISSING) {
			sent.repeated += above - under;
			push(space, above, untimed(span), span->time_ns);
		} else if (above != under) {
			push(space, above, TCP_SPAN_TIMED, now_ns);
			sent.is_out_of_order |= i + 1 < old.count && tcp_before(end, old.spans[i + 1].end);
		}
		push(space, span->end, untimed(span), span->time_ns);
	}
	push(space, greater(begin, end), TCP_SPAN_TIMED, now_ns);
	sent.since_ns = sent.repeated > 0 ? sent_ns(&old, first, end) : above_ns(&old, end);
	return sent;
}

struct tcp_sent tcp_space_send(struct tcp_space *space, uint32_t first, uint32_t end, uint64_t now_ns) {
	if (space->count == 0) {
		begin_anew(space, first, end, now_ns);
		return (struct tcp_sent){0};
	}
	uint32_t next = space->spans[space->count - 1].end;
	if (!tcp_before(first, next)) {
		if (first - next > TCP_SPACE_REACH) {
			begin_anew(space, first, end, now_ns);
		} else {
			push(space, first, TCP_SPAN_MISSING, 0);
			push(space, end, TCP_SPAN_TIMED, now_ns);
		}
		return (struct tcp_sent){0};
	}
	if (next - first > TCP_SPACE_REACH && tcp_before(first, space->first)) {
		begin_anew(space, first, end, now_ns);
		return (struct tcp_sent){.is_out_of_order = true};
	}
	return send_among(space, first, end, now_ns);
}

// Missing spans that the receiver acknowledged will hardly be filled; the last few are remembered.
static void forget_missing(struct tcp_space *space, unsigned most) {
	unsigned missing = 0, kept = space->count;
	while (kept > 0 && (space->spans[kept - 1].kind != TCP_SPAN_MISSING || ++missing <= most))
		kept--;
	if (kept == 0)
		return;
	struct tcp_space old;
	copy(&old, space);
	space->count = 0;
	push(space, old.spans[kept - 1].end, TCP_SPAN_ACKED, 0);
	for (unsigned i = kept; i < old.count; i++)
		push(space, old.spans[i].end, old.spans[i].kind, old.spans[i].time_ns);
}

struct tcp_acked tcp_space_ack(struct tcp_space *space, uint32_t ack, uint64_t now_ns) {
	struct tcp_acked acked = {0};
	struct tcp_space old;
	copy(&old, space);
	uint32_t begin = old.first;
	space->count = 0;
	for (unsigned i = 0; i < old.count; begin = old.spans[i++].end) {
		const struct tcp_span *span = &old.spans[i];
		bool is_covered = tcp_before(begin, ack);
		if (!is_covered || span->kind == TCP_SPAN_MISSING) {
			push(space, span->end, span->kind, span->time_ns);
		} else if (span->kind == TCP_SPAN_ACKED) {
			acked.is_repeat |= span->end == ack;
			push(space, span->end, TCP_SPAN_ACKED, 0);
		} else if (span->kind == TCP_SPAN_TIMED) {
			acked.is_sample = span->end == ack;
			acked.rtt_ns = tcp_elapsed_ns(span->time_ns, now_ns);
			push(space, span->end, TCP_SPAN_ACKED, 0);
		} else {
			push(space, lesser(span->end, ack), TCP_SPAN_ACKED, 0);
			push(space, span->end, TCP_SPAN_UNTIMED, span->time_ns);
		}
	}
	unsigned at = 0;
	while (at < space->count && space->spans[at].kind <= TCP_SPAN_ACKED)
		at++;
	if (at > 2 * TCP_MISSING_MAX)
		forget_missing(space, TCP_MISSING_MAX);
	return acked;
}

bool tcp_space_reduce(struct tcp_space *space, unsigned count) {
	if (space->count <= count)
		return false;
	// The oldest spans become one: acknowledged, nothing missing.
	unsigned surplus = space->count - count;
	struct tcp_space old;
	copy(&old, space);
	space->count = 0;
	push(space, old.spans[surplus].end, TCP_SPAN_ACKED, 0);
	for (unsigned i = surplus + 1; i < old.count; i++)
		push(space, old.spans[i].end, old.spans[i].kind, old.spans[i].time_ns);
	return true;
}
