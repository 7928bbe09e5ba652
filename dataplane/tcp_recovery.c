// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/tcp_recovery.h"

#include <math.h>

// A sender that heard nothing can't have sent again within this: taken where no round trip was measured.
#define UNKNOWN_RTT_NS 1e6F

bool tcp_recovery_is_newer(
	const struct tcp_recovery *recovery, const struct tcp_segment *segment, const struct tcp_sent *sent) {
	const struct tcp_options *options = &segment->options;
	return options->has_stamps && recovery->newest_ns != 0 && tcp_before(recovery->newest, options->stamp) &&
	       sent->since_ns <= recovery->newest_ns;
}

bool tcp_recovery_is_late(const struct tcp_recovery *recovery, const struct tcp_segment *segment,
	const struct tcp_sent *sent, float least_rtt_ns) {
	const struct tcp_options *options = &segment->options;
	if (options->has_stamps && recovery->newest_ns != 0 && tcp_before(options->stamp, recovery->newest))
		return true;
	if (tcp_recovery_is_newer(recovery, segment, sent))
		return false;
	float bound_ns = isfinite(least_rtt_ns) ? least_rtt_ns : UNKNOWN_RTT_NS;
	return sent->since_ns != 0 && (float)tcp_elapsed_ns(sent->since_ns, segment->time_ns) < bound_ns;
}

// The repeats one after the other, the oldest first.
//   return  NULL: none has been there yet
static struct tcp_repeat *repeat_at(
	const struct tcp_recovery *recovery, const struct tcp_lender *lender, unsigned index) {
	unsigned place = (recovery->at + index) % TCP_REPEATS_MAX;
	uint32_t block = recovery->repeats[place / TCP_BLOCK_REPEATS];
	return block != 0 ? &lender->blocks[block].repeats[place % TCP_BLOCK_REPEATS] : NULL;
}

static bool is_open(const struct tcp_repeat *repeat) {
	return repeat->kind == TCP_REPEAT_SENT || repeat->kind == TCP_REPEAT_FIRST;
}

void tcp_recovery_note_repeat(
	struct tcp_recovery *recovery, struct tcp_lender *lender, const struct tcp_repeat *repeat) {
	uint32_t *block = &recovery->repeats[recovery->at / TCP_BLOCK_REPEATS];
	if (*block == 0)
		*block = tcp_borrow_spare(lender);
	struct tcp_repeat *place = repeat_at(recovery, lender, 0);
	bool is_forgotten = place == NULL || is_open(place);
	recovery->unjudged += is_forgotten && recovery->unjudged < UINT16_MAX;
	if (place == NULL)
		return;
	*place = *repeat;
	recovery->at = (recovery->at + 1) % TCP_REPEATS_MAX;
}

void tcp_recovery_note_stamp(struct tcp_recovery *recovery, const struct tcp_segment *segment) {
	const struct tcp_options *options = &segment->options;
	if (!options->has_stamps || (recovery->newest_ns != 0 && tcp_before(options->stamp, recovery->newest)))
		return;
	recovery->newest = options->stamp;
	recovery->newest_ns = segment->time_ns;
}

// RFC 2883 4: the first block is a D-SACK if it lies below the ACK, or inside of the second.
static bool has_dsack(const struct tcp_segment *segment) {
	const struct tcp_sack *sacks = segment->options.sacks;
	if (segment->options.sack_count == 0)
		return false;
	if (!tcp_before(segment->ack, sacks[0].end))
		return true;
	return segment->options.sack_count > 1 && !tcp_before(sacks[0].begin, sacks[1].begin) &&
	       !tcp_before(sacks[1].end, sacks[0].end);
}

static bool is_within(const struct tcp_sack *sack, const struct tcp_repeat *repeat) {
	return tcp_before(sack->begin, repeat->end) && !tcp_before(sack->end, repeat->end);
}

// A segment has come twice: to the copy of one that is known, or for what was sent again for nothing. Of several
// repeats of one segment it is one.
static void settle(struct tcp_recovery *recovery, const struct tcp_lender *lender, const struct tcp_sack *sack) {
	bool is_explained = false;
	for (unsigned i = 0; i < TCP_REPEATS_MAX; i++) {
		struct tcp_repeat *repeat = repeat_at(recovery, lender, i);
		if (repeat == NULL || repeat->kind != TCP_REPEAT_SETTLED || !is_within(sack, repeat))
			continue;
		repeat->kind = TCP_REPEAT_NONE;
		is_explained = true;
	}
	uint32_t last_end = sack->begin;
	for (unsigned i = 0; i < TCP_REPEATS_MAX && !is_explained; i++) {
		struct tcp_repeat *repeat = repeat_at(recovery, lender, i);
		if (repeat == NULL || repeat->kind == TCP_REPEAT_NONE || !is_within(sack, repeat) ||
			repeat->end == last_end)
			continue;
		last_end = repeat->end;
		repeat->kind = TCP_REPEAT_NONE;
		recovery->spurious++;
	}
}

static void add_sample(struct tcp_recovery *recovery, uint64_t rtt_ns) {
	float rtt = (float)rtt_ns;
	bool is_first = recovery->rtt_samples++ == 0;
	recovery->rtt_mean_ns += (rtt - recovery->rtt_mean_ns) / (float)recovery->rtt_samples;
	recovery->rtt_min_ns = is_first || rtt < recovery->rtt_min_ns ? rtt : recovery->rtt_min_ns;
	recovery->rtt_max_ns = rtt > recovery->rtt_max_ns ? rtt : recovery->rtt_max_ns;
}

// RFC 3522: the ACK of the first segment outstanding echoes an older time stamp than that which it was sent again with:
// it is of the segment as it was sent before.
static bool is_of_original(const struct tcp_repeat *repeat, const struct tcp_options *options) {
	return repeat->kind == TCP_REPEAT_FIRST && options->has_stamps && repeat->stamp != 0 &&
	       tcp_before(options->echo, repeat->stamp);
}

void tcp_recovery_take_ack(
	struct tcp_recovery *recovery, const struct tcp_lender *lender, const struct tcp_segment *segment) {
	const struct tcp_options *options = &segment->options;
	recovery->sacks += options->sack_count > 0;
	if (has_dsack(segment)) {
		recovery->dsacks++;
		settle(recovery, lender, &options->sacks[0]);
	}
	uint64_t sent_ns = 0; // of the last with this stamp: where it had that from another, nothing is sampled
	for (unsigned i = 0; i < TCP_REPEATS_MAX; i++) {
		struct tcp_repeat *repeat = repeat_at(recovery, lender, i);
		if (repeat == NULL || !is_open(repeat) || tcp_before(segment->ack, repeat->end))
			continue;
		if (options->has_stamps && repeat->stamp != 0 && options->echo == repeat->stamp)
			sent_ns = (uint64_t)repeat->time_8ns << 3;
		bool is_spurious = is_of_original(repeat, options);
		recovery->spurious += is_spurious;
		repeat->kind = is_spurious ? TCP_REPEAT_SETTLED : TCP_REPEAT_ACKED;
	}
	if (sent_ns != 0)
		add_sample(recovery, tcp_elapsed_ns(sent_ns, segment->time_ns));
}

unsigned tcp_recovery_open(const struct tcp_recovery *recovery, const struct tcp_lender *lender) {
	unsigned count = 0;
	for (unsigned i = 0; i < TCP_REPEATS_MAX; i++) {
		const struct tcp_repeat *repeat = repeat_at(recovery, lender, i);
		count += repeat != NULL && is_open(repeat);
	}
	return count;
}

void tcp_recovery_cut(struct tcp_recovery *recovery, const struct tcp_lender *lender) {
	for (unsigned i = 0; i < TCP_REPEATS_MAX; i++) {
		struct tcp_repeat *repeat = repeat_at(recovery, lender, i);
		if (repeat != NULL)
			repeat->kind = TCP_REPEAT_NONE;
	}
	recovery->network_duplicates = recovery->spurious = recovery->reordered = recovery->unjudged = 0;
	recovery->sacks = recovery->dsacks = recovery->rtt_samples = 0;
	recovery->rtt_min_ns = recovery->rtt_max_ns = recovery->rtt_mean_ns = 0;
}

void tcp_recovery_clear(struct tcp_recovery *recovery, struct tcp_lender *lender) {
	for (unsigned i = 0; i < TCP_REPEAT_BLOCKS; i++) {
		if (recovery->repeats[i] != 0)
			tcp_return(lender, recovery->repeats[i]);
		recovery->repeats[i] = 0;
	}
}
