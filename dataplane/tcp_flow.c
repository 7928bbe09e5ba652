// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// One segment after another (see tcp_flow.h). Its steps stand in the order of tcptrace's, because they depend on each
// other: whether data is a window probe on the window before it, whether an ACK repeats on the ACK before it.
#include "dataplane/tcp_flow.h"

#include "dataplane/tcp_flight.h"
#include "dataplane/tcp_recovery.h"
#include "dataplane/tcp_rtt.h"

// The direction of the segment at hand, or of what it acknowledges.
struct side {
	struct tcp_flow *flow;
	struct tcp_lender *lender;
	unsigned direction;
};

static struct tcp_near *near_of(const struct side *side) {
	return &side->flow->near[side->direction];
}

static struct tcp_far *far_of(const struct side *side) {
	return &side->flow->far[side->direction];
}

static struct side other(const struct side *side) {
	return (struct side){side->flow, side->lender, !side->direction};
}

// What the side borrowed; where nothing can be borrowed, the record will say that it is limited.
static struct tcp_more *more_of(const struct side *side) {
	struct tcp_more *more = tcp_flight_more(side->flow, side->lender, side->direction);
	if (more == NULL)
		far_of(side)->bits |= TCP_LIMITED;
	return more;
}

static bool carry(const struct side *side, enum tcp_carry which) {
	struct tcp_more *more = more_of(side);
	if (more == NULL || more->carry[which] == UINT16_MAX)
		return false;
	more->carry[which]++;
	return true;
}

// A narrow counter that can't be carried stays at its greatest value.
static void count_8(const struct side *side, uint8_t *counter, enum tcp_carry which) {
	if (*counter != UINT8_MAX || carry(side, which))
		++*counter;
}

static void add_16(const struct side *side, uint16_t *counter, uint32_t n, enum tcp_carry which) {
	uint32_t sum = *counter + n;
	while (sum > UINT16_MAX && carry(side, which))
		sum -= UINT16_MAX + 1;
	*counter = sum > UINT16_MAX ? UINT16_MAX : (uint16_t)sum;
}

static void count_saturated(uint16_t *counter) {
	*counter += *counter < UINT16_MAX;
}

static void count_flags(const struct side *side, uint8_t flags) {
	struct tcp_far *far = far_of(side);
	if (flags & TCP_SYN)
		count_8(side, &far->syn, TCP_CARRY_SYN);
	if (flags & TCP_FIN) {
		count_8(side, &far->fin, TCP_CARRY_FIN);
		far->bits |= TCP_FIN_SEEN;
	}
	if (flags & TCP_RST) {
		count_8(side, &far->rst, TCP_CARRY_RST);
		near_of(side)->bits |= TCP_RESET;
	}
}

static uint8_t scale_of(const struct side *side) {
	return far_of(side)->bits & TCP_SCALE_NONE;
}

static bool has_scaling(const struct side *side) {
	struct side peer = other(side);
	return scale_of(side) != TCP_SCALE_NONE && scale_of(&peer) != TCP_SCALE_NONE;
}

// What a SYN tells, and what the first segment after it settles.
static void note_handshake(const struct side *side, const struct tcp_segment *segment) {
	struct tcp_far *far = far_of(side);
	struct side peer = other(side);
	if (!(segment->flags & TCP_SYN)) {
		if ((far->bits & TCP_WHOLE) && far->handshake_ns == TCP_HANDSHAKE_PENDING)
			far->handshake_ns = TCP_HANDSHAKE_NONE;
		if (!has_scaling(side)) {
			far->bits |= TCP_SCALE_VOID;
			far_of(&peer)->bits |= TCP_SCALE_VOID;
		}
		return;
	}
	near_of(&peer)->ack = segment->seq;
	const struct tcp_options *options = &segment->options;
	if (options->mss != 0)
		far->mss = options->mss;
	if (options->scale != TCP_SCALE_NONE)
		far->bits = (uint8_t)((far->bits & ~(TCP_SCALE_NONE | TCP_SCALE_VOID)) | options->scale);
	if (far->syn == 1)
		near_of(side)->bits |= TCP_WINDOW_RESTARTS;
	if (near_of(side)->bits & TCP_SENT)
		return;
	far->bits |= TCP_WHOLE;
	far->handshake_ns = TCP_HANDSHAKE_PENDING;
}

// Data, SYN or FIN while the other end's window is closed.
static bool is_window_probe(const struct side *side, const struct tcp_segment *segment) {
	struct side peer = other(side);
	return near_of(&peer)->window == 0 && (near_of(&peer)->bits & TCP_SEEN) && !(segment->flags & TCP_SYN);
}

static bool is_keep_alive(const struct side *side, const struct tcp_segment *segment) {
	const struct tcp_near *near = near_of(side);
	struct side peer = other(side);
	return (near->bits & TCP_SENT) && segment->seq == near->next - 1 && near_of(&peer)->ack == near->next &&
	       segment->payload_bytes <= 1 && !(segment->flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

static void note_repeated(const struct side *side, uint32_t bytes) {
	struct tcp_more *more = bytes > 0 ? more_of(side) : NULL;
	if (more != NULL)
		more->repeated_bytes += bytes;
}

static bool has_list(const struct side *side) {
	return (near_of(side)->bits & TCP_IN_FLIGHT) == TCP_SPAN_LIST;
}

//   return  NULL: there is none yet
static struct tcp_recovery *has_recovery(const struct side *side) {
	const struct tcp_more *more = tcp_flight_has_more(side->flow, side->lender, side->direction);
	return more != NULL && more->recovery != 0 ? &side->lender->blocks[more->recovery].recovery : NULL;
}

// Whether segments of this record came again or late before anything was kept of why. A keep-alive isn't kept.
static bool has_missed_some(const struct side *side) {
	const struct tcp_more *more = tcp_flight_has_more(side->flow, side->lender, side->direction);
	if (more != NULL && more->keep_alives > 0)
		return false;
	unsigned seen = far_of(side)->retransmitted_packets | far_of(side)->out_of_order_packets;
	if (more != NULL)
		seen |= more->carry[TCP_CARRY_RETRANSMITTED_PACKETS] | more->carry[TCP_CARRY_OUT_OF_ORDER];
	return seen != 0;
}

//   return  NULL: the pool has none to spare, or had none before. The record leaves these figures out
static struct tcp_recovery *recovery_of(const struct side *side) {
	struct tcp_recovery *recovery = has_recovery(side);
	if (recovery != NULL || !tcp_has_spare(side->lender) || has_missed_some(side))
		return recovery;
	struct tcp_more *more = tcp_flight_more(side->flow, side->lender, side->direction);
	if (more == NULL)
		return NULL;
	more->recovery = tcp_borrow(side->lender);
	if (more->recovery == 0)
		tcp_flight_release(side->flow, side->lender);
	return has_recovery(side);
}

// A segment was not the next in order: why?
static void note_disorder(
	const struct side *side, const struct tcp_segment *segment, uint32_t length, const struct tcp_sent *sent) {
	// One that only opens a gap matters for its time stamp: from here on they are followed.
	bool is_told = sent->repeated > 0 || sent->is_out_of_order || segment->options.has_stamps;
	struct tcp_recovery *recovery = is_told ? recovery_of(side) : has_recovery(side);
	if (recovery == NULL)
		return;
	bool is_late = tcp_recovery_is_late(recovery, segment, sent, far_of(side)->rtt.min_ns);
	if (sent->repeated == 0) {
		recovery->reordered += sent->is_out_of_order && is_late;
		return;
	}
	struct side peer = other(side);
	bool is_copy = is_late && sent->repeated == length, is_first = near_of(&peer)->ack == segment->seq;
	recovery->network_duplicates += is_copy;
	enum tcp_repeat_kind kind = is_copy ? TCP_REPEAT_SETTLED : is_first ? TCP_REPEAT_FIRST : TCP_REPEAT_SENT;
	bool has_own_stamp = sent->since_ns != 0 && tcp_recovery_is_newer(recovery, segment, sent);
	const struct tcp_repeat repeat = {
		.time_8ns = has_own_stamp ? segment->time_ns >> 3 : 0,
		.kind = kind,
		.end = segment->seq + length,
		.stamp = segment->options.has_stamps ? segment->options.stamp : 0,
	};
	tcp_recovery_note_repeat(recovery, side->lender, &repeat);
}

// Take what the segment sends into the sequence space.
//   return  true if it is the next in order, all of it new
static bool count_sent(const struct side *side, const struct tcp_segment *segment, uint32_t length) {
	struct tcp_far *far = far_of(side);
	struct side peer = other(side);
	bool has_sent = near_of(side)->bits & TCP_SENT, is_next = segment->seq == near_of(side)->next && has_sent;
	bool is_far = (segment->seq ^ (segment->seq + length)) >= TCP_LOW_STEP;
	if (is_next && !is_far && (near_of(&peer)->bits & TCP_SEEN) &&
		tcp_flight_append(side->flow, side->lender, side->direction, segment->seq + length, segment->time_ns))
		return true;
	struct tcp_space space;
	tcp_flight_unfold(side->flow, side->lender, side->direction, segment->time_ns, &space);
	struct tcp_sent sent = tcp_space_send(&space, segment->seq, segment->seq + length, segment->time_ns);
	bool is_disorder = has_sent && !is_next && !is_keep_alive(side, segment);
	tcp_flight_fold(side->flow, side->lender, side->direction, &space);
	if (is_disorder)
		note_disorder(side, segment, length, &sent);
	if (sent.is_out_of_order)
		count_8(side, &far->out_of_order_packets, TCP_CARRY_OUT_OF_ORDER);
	if (sent.repeated == 0)
		return !sent.is_out_of_order;
	count_8(side, &far->retransmitted_packets, TCP_CARRY_RETRANSMITTED_PACKETS);
	add_16(side, &far->retransmitted_bytes, sent.repeated, TCP_CARRY_RETRANSMITTED_BYTES);
	// A SYN or FIN sent again takes a sequence number, but is no payload.
	uint32_t control = ((segment->flags & TCP_SYN) && far->syn > 1) + ((segment->flags & TCP_FIN) && far->fin > 1);
	uint32_t payload = sent.repeated > control ? sent.repeated - control : 0;
	note_repeated(side, payload < segment->payload_bytes ? payload : segment->payload_bytes);
	return false;
}

static bool note_data(const struct side *side, const struct tcp_segment *segment) {
	uint32_t length =
		segment->payload_bytes + ((segment->flags & TCP_SYN) != 0) + ((segment->flags & TCP_FIN) != 0);
	struct tcp_more *more = is_keep_alive(side, segment) ? more_of(side) : NULL;
	if (more != NULL)
		count_saturated(&more->keep_alives);
	if (length == 0)
		return true;
	if (!is_window_probe(side, segment))
		return count_sent(side, segment, length);
	more = more_of(side);
	if (more != NULL)
		count_saturated(&more->window_probes);
	note_repeated(side, segment->payload_bytes);
	return true;
}

static void add_sample(const struct side *side, uint64_t rtt_ns) {
	struct tcp_far *far = far_of(side);
	if (far->rtt_samples == UINT16_MAX) {
		struct tcp_more *more = more_of(side);
		if (more != NULL && more->rtt == 0)
			more->rtt = tcp_borrow(side->lender);
		if (more == NULL || more->rtt == 0) {
			far->bits |= TCP_LIMITED;
			return;
		}
		struct tcp_rtt_total *total = &side->lender->blocks[more->rtt].rtt;
		*total = tcp_rtt_sum(far, total);
		far->rtt_samples = 0;
		far->rtt.mean_ns = far->rtt.squares = 0;
	}
	tcp_rtt_add(far, rtt_ns);
	if ((far->bits & TCP_WHOLE) && far->handshake_ns == TCP_HANDSHAKE_PENDING)
		far->handshake_ns = (float)rtt_ns;
}

// Whether an ACK says nothing at all that the one before it did not say.
static bool repeats_itself(const struct side *side, const struct tcp_segment *segment) {
	const struct tcp_near *near = near_of(side);
	struct side peer = other(side);
	bool rescaled = (near->bits & TCP_SYN_WINDOW) && !(segment->flags & TCP_SYN) && has_scaling(side) &&
			!(far_of(side)->bits & TCP_SCALE_VOID) && scale_of(side) > 0;
	return segment->ack == near->ack && segment->payload_bytes == 0 && segment->window == near->window &&
	       !rescaled && (near_of(&peer)->bits & TCP_OUTSTANDING);
}

// An ACK of nothing new, or of segments that stand first in a list.
//   return  false: the sequence space is to be unfolded for it
static bool take_simply(const struct side *sender, const struct tcp_segment *segment, struct tcp_acked *acked) {
	struct tcp_more *more = tcp_flight_has_more(sender->flow, sender->lender, sender->direction);
	uint32_t base = has_list(sender) ? more->base : tcp_flight_base(near_of(sender));
	if (!tcp_before(base, segment->ack)) {
		const struct tcp_far *far = far_of(sender);
		acked->is_repeat = segment->ack == base && ((far->bits & TCP_WHOLE) || far->low != base);
		return true;
	}
	if (!has_list(sender))
		return false;
	bool is_done = tcp_flight_take(sender->lender, more, segment->ack, segment->time_ns, acked);
	if (more->first == 0) {
		near_of(sender)->bits &= (uint8_t)~TCP_IN_FLIGHT;
		tcp_flight_release(sender->flow, sender->lender);
	}
	return is_done;
}

// Take what the segment acknowledges, which is of the other direction.
static void note_ack(const struct side *side, const struct tcp_segment *segment) {
	struct side peer = other(side);
	if (!(near_of(&peer)->bits & TCP_SENT))
		return;
	struct tcp_acked acked = {0};
	if (!take_simply(&peer, segment, &acked)) {
		struct tcp_space space;
		tcp_flight_unfold(peer.flow, peer.lender, peer.direction, segment->time_ns, &space);
		acked = tcp_space_ack(&space, segment->ack, segment->time_ns);
		tcp_flight_fold(peer.flow, peer.lender, peer.direction, &space);
	}
	struct tcp_recovery *recovery = segment->options.sack_count > 0 ? recovery_of(&peer) : has_recovery(&peer);
	if (recovery != NULL)
		tcp_recovery_take_ack(recovery, side->lender, segment);
	if (acked.is_sample)
		add_sample(&peer, acked.rtt_ns);
	if (acked.is_repeat && repeats_itself(side, segment))
		count_8(&peer, &near_of(&peer)->duplicate_acks, TCP_CARRY_DUPLICATE_ACKS);
}

static void note_window(const struct side *side, const struct tcp_segment *segment) {
	struct tcp_near *near = near_of(side);
	bool is_told = segment->flags & (TCP_ACK | TCP_SYN), is_syn = segment->flags & TCP_SYN;
	near->window = is_told ? segment->window : 0;
	near->bits = (uint8_t)((near->bits & ~TCP_SYN_WINDOW) | (is_syn ? TCP_SYN_WINDOW : 0));
	bool is_of_scale =
		!is_syn || (near->bits & TCP_WINDOW_RESTARTS) || !has_scaling(side); // a SYN's is never scaled
	if (is_of_scale && near->window > near->max_window)
		near->max_window = near->window;
	if (near->window > 0 && !is_syn && (near->bits & TCP_WINDOW_RESTARTS)) {
		if (has_scaling(side))
			near->max_window = near->window;
		near->bits &= (uint8_t)~TCP_WINDOW_RESTARTS;
	}
	if (!(segment->flags & TCP_ACK))
		return;
	near->ack = segment->ack;
	struct tcp_more *more = segment->window == 0 ? more_of(side) : NULL;
	if (more != NULL)
		more->zero_windows++;
	if (segment->payload_bytes == 0 && !(segment->flags & (TCP_SYN | TCP_FIN)))
		add_16(side, &near->pure_acks, 1, TCP_CARRY_PURE_ACKS);
}

// Whether the sender had anything outstanding, by what the other end acknowledged last.
static void note_outstanding(const struct side *side, const struct tcp_segment *segment) {
	struct side peer = other(side);
	uint32_t ack = near_of(&peer)->ack;
	if (ack == 0 ? segment->payload_bytes > 0 : segment->seq + segment->payload_bytes != ack - 1)
		near_of(side)->bits |= TCP_OUTSTANDING;
}

void tcp_flow_count(
	struct tcp_flow *flow, struct tcp_lender *lender, const struct tcp_segment *segment, unsigned direction) {
	const struct side side = {flow, lender, direction};
	count_flags(&side, segment->flags);
	note_handshake(&side, segment);
	bool is_next = note_data(&side, segment);
	struct tcp_recovery *recovery = has_recovery(&side);
	if (recovery != NULL)
		tcp_recovery_note_stamp(recovery, segment);
	if (segment->flags & TCP_ACK)
		note_ack(&side, segment);
	near_of(&side)->bits |= TCP_SEEN;
	if (segment->flags & TCP_RST)
		return; // its window means nothing
	note_window(&side, segment);
	if (is_next && !(segment->flags & TCP_SYN))
		note_outstanding(&side, segment);
}
