// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Segments in flight (see tcp_flight.h).
#include "dataplane/tcp_flight.h"

#include <string.h>

enum {
	LIST_BLOCKS_MAX = TCP_SPANS_MAX / TCP_BLOCK_SPANS,
	SPANS_FREE = 64,   // a list of so many may be unfolded at any time
	SPANS_EARNED = 64, // by a segment that was appended without unfolding
	CREDIT_MAX = 1 << 20,
};
#define DELAY_UNKNOWN UINT32_MAX // of a span without a time

static const uint64_t time_mask = (UINT64_C(1) << 48) - 1;

struct tcp_more *tcp_flight_more(struct tcp_flow *flow, struct tcp_lender *lender, unsigned direction) {
	if (flow->more == 0) {
		uint32_t first = tcp_borrow(lender), twin = tcp_borrow(lender);
		if (twin == 0) {
			if (first != 0)
				tcp_return(lender, first);
			return NULL;
		}
		lender->blocks[first].more.twin = twin;
		flow->more = first;
	}
	return tcp_flight_has_more(flow, lender, direction);
}

static bool holds_something(const struct tcp_more *more) {
	unsigned figures = more->window_probes | more->keep_alives | more->span_blocks;
	for (unsigned i = 0; i < TCP_CARRIES; i++)
		figures |= more->carry[i];
	return (figures | more->rtt | more->recovery | more->first | more->zero_windows | more->repeated_bytes) != 0;
}

void tcp_flight_release(struct tcp_flow *flow, struct tcp_lender *lender) {
	if (flow->more == 0)
		return;
	const struct tcp_more *here = &lender->blocks[flow->more].more, *there = &lender->blocks[here->twin].more;
	if (holds_something(here) || holds_something(there))
		return;
	tcp_return(lender, here->twin);
	tcp_return(lender, flow->more);
	flow->more = 0;
}

void tcp_flight_clear(struct tcp_lender *lender, struct tcp_more *more) {
	for (uint32_t index = more->first, next; index != 0; index = next) {
		next = lender->blocks[index].spans.next;
		tcp_return(lender, index);
	}
	more->first = more->last = 0;
	more->span_blocks = 0;
}

// The full time of one kept modulo 2^48 ns: the nearest to now.
static uint64_t full_time_ns(const struct tcp_near *near, uint64_t now_ns) {
	uint64_t time = (uint64_t)near->time_high << 32 | near->time_low;
	uint64_t elapsed_ns = (now_ns - time) & time_mask;
	return elapsed_ns >> 47 ? now_ns + (time_mask + 1 - elapsed_ns) : now_ns - elapsed_ns;
}

static void append(struct tcp_space *space, uint32_t end, enum tcp_span_kind kind, uint64_t time_ns) {
	space->spans[space->count++] = (struct tcp_span){.time_ns = time_ns, .end = end, .kind = (uint8_t)kind};
}

// The segments in flight that lie in struct tcp_near.
//   return  how many, 0..2
static unsigned unfold_near(const struct tcp_near *near, uint64_t now_ns, struct tcp_span *spans) {
	unsigned in_flight = near->bits & TCP_IN_FLIGHT, count = 0;
	uint64_t time_ns = full_time_ns(near, now_ns);
	if (in_flight == 2) {
		enum tcp_span_kind kind = near->delay_ns == TCP_OLDER_UNTIMED ? TCP_SPAN_UNTIMED : TCP_SPAN_TIMED;
		spans[count++] = (struct tcp_span){
			.time_ns = kind == TCP_SPAN_TIMED ? time_ns : 0,
			.end = near->next - near->length[0],
			.kind = (uint8_t)kind,
		};
		if (near->delay_ns <= TCP_DELAY_MAX)
			time_ns += near->delay_ns;
	}
	enum tcp_span_kind kind = near->delay_ns == TCP_UNTIMED ? TCP_SPAN_UNTIMED : TCP_SPAN_TIMED;
	if (in_flight >= 1)
		spans[count++] = (struct tcp_span){
			.time_ns = kind == TCP_SPAN_TIMED ? time_ns : 0, .end = near->next, .kind = (uint8_t)kind};
	return count;
}

static uint64_t time_of(const struct tcp_span_block *block, unsigned at) {
	uint32_t delay_ns = block->spans[at].delay_ns;
	return delay_ns != DELAY_UNKNOWN ? block->base_ns + delay_ns : 0;
}

static void unfold_list(const struct tcp_lender *lender, const struct tcp_more *more, struct tcp_space *space) {
	for (uint32_t index = more->first; index != 0; index = lender->blocks[index].spans.next) {
		const struct tcp_span_block *block = &lender->blocks[index].spans;
		for (unsigned i = block->begin; i < block->end; i++)
			append(space, block->spans[i].end, block->kinds >> 2 * i & 3, time_of(block, i));
	}
}

void tcp_flight_unfold(const struct tcp_flow *flow, const struct tcp_lender *lender, unsigned direction,
	uint64_t now_ns, struct tcp_space *space) {
	const struct tcp_near *near = &flow->near[direction];
	const struct tcp_far *far = &flow->far[direction];
	space->first = space->count = 0;
	if (!(near->bits & TCP_SENT))
		return;
	const struct tcp_more *more = tcp_flight_has_more(flow, lender, direction);
	unsigned in_flight = near->bits & TCP_IN_FLIGHT;
	uint32_t base = in_flight == TCP_SPAN_LIST ? more->base : tcp_flight_base(near);
	space->first = base - TCP_SPACE_REACH;
	if (!(far->bits & TCP_WHOLE) && tcp_before(space->first, far->low))
		space->first = far->low;
	if (space->first != base)
		append(space, base, TCP_SPAN_ACKED, 0);
	if (in_flight == TCP_SPAN_LIST)
		unfold_list(lender, more, space);
	else
		space->count += unfold_near(near, now_ns, space->spans + space->count);
}

// Whether spans fit into struct tcp_near.
static bool is_near(const struct tcp_span *spans, unsigned count, uint32_t base) {
	if (count > 2)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (spans[i].kind < TCP_SPAN_UNTIMED || spans[i].end - base > UINT16_MAX)
			return false;
		base = spans[i].end;
	}
	if (count == 2 && spans[0].kind == TCP_SPAN_TIMED && spans[1].kind == TCP_SPAN_TIMED)
		return spans[1].time_ns - spans[0].time_ns <= TCP_DELAY_MAX;
	return true;
}

static void fold_near(struct tcp_near *near, const struct tcp_span *spans, unsigned count, uint32_t base) {
	uint64_t time_ns = 0;
	near->delay_ns = 0;
	if (count >= 1) {
		const struct tcp_span *newer = &spans[count - 1], *older = &spans[0];
		near->length[0] = (uint16_t)(newer->end - (count == 2 ? older->end : base));
		near->length[1] = (uint16_t)(older->end - base);
		time_ns = older->time_ns;
		if (newer->kind == TCP_SPAN_UNTIMED) {
			near->delay_ns = TCP_UNTIMED;
		} else if (older->kind == TCP_SPAN_UNTIMED) {
			near->delay_ns = TCP_OLDER_UNTIMED;
			time_ns = newer->time_ns;
		} else {
			near->delay_ns = (uint32_t)(newer->time_ns - older->time_ns);
		}
	}
	near->time_low = (uint32_t)time_ns;
	near->time_high = (uint16_t)(time_ns >> 32);
	near->bits = (uint8_t)((near->bits & ~TCP_IN_FLIGHT) | count);
}

// Whether a span has a time that struct tcp_near would lose.
static bool has_time_beside(const struct tcp_span *spans, unsigned count) {
	for (unsigned i = 0; i < count; i++)
		if (spans[i].kind == TCP_SPAN_UNTIMED && spans[i].time_ns != 0)
			return true;
	return false;
}

// The block at the end of the list, with room for a span of this time.
//   base_ns  what times in a new one are relative to
static struct tcp_span_block *block_for(
	struct tcp_lender *lender, struct tcp_more *more, uint64_t base_ns, uint64_t time_ns) {
	struct tcp_span_block *last = &lender->blocks[more->last].spans;
	if (more->last != 0 && last->end < TCP_BLOCK_SPANS && time_ns - last->base_ns < DELAY_UNKNOWN)
		return last;
	uint32_t index = more->span_blocks < LIST_BLOCKS_MAX ? tcp_borrow(lender) : 0;
	if (index == 0)
		return NULL;
	if (more->last != 0)
		last->next = index;
	else
		more->first = index;
	more->last = index;
	more->span_blocks++;
	lender->blocks[index].spans.base_ns = base_ns;
	return &lender->blocks[index].spans;
}

static void put(struct tcp_span_block *block, const struct tcp_span *span) {
	uint64_t delay_ns = span->time_ns - block->base_ns;
	block->kinds |= (uint16_t)(span->kind << 2 * block->end);
	block->spans[block->end].end = span->end;
	block->spans[block->end].delay_ns = delay_ns < DELAY_UNKNOWN ? (uint32_t)delay_ns : DELAY_UNKNOWN;
	block->end++;
}

static bool fold_list(struct tcp_lender *lender, struct tcp_more *more, const struct tcp_span *spans, unsigned count) {
	uint64_t least_ns = 0; // of those that have a time
	for (unsigned i = 0; i < count; i++)
		if (spans[i].time_ns != 0 && (least_ns == 0 || spans[i].time_ns < least_ns))
			least_ns = spans[i].time_ns;
	uint64_t time_ns = least_ns;
	for (unsigned i = 0; i < count; i++) {
		if (spans[i].kind == TCP_SPAN_TIMED)
			time_ns = spans[i].time_ns;
		uint64_t base_ns = time_ns - least_ns < DELAY_UNKNOWN ? least_ns : time_ns;
		struct tcp_span_block *block = block_for(lender, more, base_ns, time_ns);
		if (block == NULL)
			return false;
		put(block, &spans[i]);
	}
	return true;
}

// Append to a list.
//   return  false: there was no room, so that together with the last one it can't be timed
static bool append_to_list(struct tcp_lender *lender, struct tcp_more *more, uint32_t end, uint64_t now_ns) {
	struct tcp_span_block *block = block_for(lender, more, now_ns, now_ns);
	if (block != NULL) {
		put(block, &(struct tcp_span){.time_ns = now_ns, .end = end, .kind = TCP_SPAN_TIMED});
		more->credit += more->credit < CREDIT_MAX ? SPANS_EARNED : 0;
		return true;
	}
	block = &lender->blocks[more->last].spans;
	unsigned last = block->end - 1U;
	block->kinds = (uint16_t)((block->kinds & ~(3U << 2 * last)) | (unsigned)TCP_SPAN_UNTIMED << 2 * last);
	block->spans[last].end = end;
	block->spans[last].delay_ns = DELAY_UNKNOWN;
	return false;
}

bool tcp_flight_append(
	struct tcp_flow *flow, struct tcp_lender *lender, unsigned direction, uint32_t end, uint64_t now_ns) {
	struct tcp_near *near = &flow->near[direction];
	if ((near->bits & TCP_IN_FLIGHT) != TCP_SPAN_LIST) {
		struct tcp_span spans[3];
		unsigned count = unfold_near(near, now_ns, spans);
		uint32_t first = tcp_flight_base(near);
		spans[count++] = (struct tcp_span){.time_ns = now_ns, .end = end, .kind = TCP_SPAN_TIMED};
		if (is_near(spans, count, first)) {
			fold_near(near, spans, count, first);
		} else {
			struct tcp_more *more = tcp_flight_more(flow, lender, direction);
			if (more == NULL || !fold_list(lender, more, spans, count))
				return false;
			more->base = first;
			near->bits |= TCP_SPAN_LIST;
		}
	} else if (!append_to_list(lender, tcp_flight_has_more(flow, lender, direction), end, now_ns)) {
		flow->far[direction].bits |= TCP_LIMITED;
	}
	near->next = end;
	return true;
}

static void drop_first_block(struct tcp_lender *lender, struct tcp_more *more) {
	uint32_t index = more->first;
	more->first = lender->blocks[index].spans.next;
	if (more->first == 0)
		more->last = 0;
	more->span_blocks--;
	tcp_return(lender, index);
}

bool tcp_flight_take(
	struct tcp_lender *lender, struct tcp_more *more, uint32_t ack, uint64_t now_ns, struct tcp_acked *acked) {
	while (more->first != 0 && tcp_before(more->base, ack)) {
		struct tcp_span_block *block = &lender->blocks[more->first].spans;
		unsigned at = block->begin, kind = block->kinds >> 2 * at & 3;
		if (kind < TCP_SPAN_UNTIMED)
			return false;
		uint32_t end = block->spans[at].end;
		if (kind == TCP_SPAN_UNTIMED && tcp_before(ack, end)) {
			more->base = ack;
			return true;
		}
		acked->is_sample = kind == TCP_SPAN_TIMED && end == ack;
		acked->rtt_ns = tcp_elapsed_ns(time_of(block, at), now_ns);
		more->base = end;
		if (++block->begin == block->end)
			drop_first_block(lender, more);
	}
	return true;
}

// What was sent to an end that says nothing will hardly be acknowledged: nothing is timed.
static void forget_times(struct tcp_space *space) {
	unsigned count = space->count;
	space->count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct tcp_span span = space->spans[i];
		enum tcp_span_kind kind = span.kind == TCP_SPAN_MISSING ? TCP_SPAN_MISSING : TCP_SPAN_ACKED;
		if (space->count > 0 && space->spans[space->count - 1].kind == kind)
			space->spans[space->count - 1].end = span.end;
		else
			append(space, span.end, kind, 0);
	}
}

// A long list was unfolded for one segment. Those that were appended to it have paid for that; else it is shortened, so
// that nobody makes each segment cost as much as the longest list: first by what lies before the segments in flight,
// which has it unfolded for each ACK.
//   return  false: it was shortened
static bool pay(struct tcp_more *more, struct tcp_space *space) {
	if (space->count <= SPANS_FREE)
		return true;
	if (more != NULL && more->credit >= space->count) {
		more->credit -= space->count;
		return true;
	}
	unsigned before = 0;
	while (before < space->count && space->spans[before].kind <= TCP_SPAN_ACKED)
		before++;
	tcp_space_reduce(space, before > 1 && before < space->count - 4 ? space->count - before + 1 : SPANS_FREE);
	return false;
}

void tcp_flight_fold(struct tcp_flow *flow, struct tcp_lender *lender, unsigned direction, struct tcp_space *space) {
	struct tcp_near *near = &flow->near[direction];
	struct tcp_far *far = &flow->far[direction];
	struct tcp_more *more = tcp_flight_has_more(flow, lender, direction);
	if (more != NULL)
		tcp_flight_clear(lender, more);
	if (space->count == 0)
		return;
	bool is_heard = flow->near[!direction].bits & TCP_SEEN;
	if (!is_heard && space->count > 2 * TCP_BLOCK_SPANS)
		forget_times(space);
	if (!pay(more, space) || tcp_space_reduce(space, TCP_SPANS_MAX))
		far->bits |= TCP_LIMITED;

	near->next = space->spans[space->count - 1].end;
	near->bits |= TCP_SENT;
	if (!(far->bits & TCP_WHOLE))
		far->low = space->first;
	bool begins_acked = space->spans[0].kind == TCP_SPAN_ACKED;
	uint32_t base = begins_acked ? space->spans[0].end : space->first;
	const struct tcp_span *spans = space->spans + begins_acked;
	unsigned count = space->count - begins_acked;
	bool fits_near = is_near(spans, count, base);
	if (fits_near && !has_time_beside(spans, count)) {
		fold_near(near, spans, count, base);
		return;
	}
	more = tcp_flight_more(flow, lender, direction);
	if (more == NULL || !fold_list(lender, more, spans, count)) {
		if (more != NULL)
			tcp_flight_clear(lender, more);
		if (fits_near) {
			fold_near(near, spans, count, base);
			return;
		}
		far->bits |= is_heard ? TCP_LIMITED : 0;
		fold_near(near, NULL, 0, near->next);
		return;
	}
	more->base = base;
	near->bits |= TCP_SPAN_LIST;
}
