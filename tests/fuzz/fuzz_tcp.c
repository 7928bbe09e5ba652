// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz TCP analysis with a conversation. The first byte is the number of blocks that can be borrowed; then each
// segment:
//   what      bit 0: direction; bit 1: the record is cut before it; bits 2..4: milliseconds since the one before, to
//             the power of 4, less 1; bit 7: it is 1 ms before it
//   size      of its header, as captured
//   payload   2 bytes
//   header    `size` bytes, from the sequence number on
// Beyond not crashing, each record must make sense, blocks must not be lost, and the inline path must agree with the
// general one.
#include <stdlib.h>
#include <string.h>

#include "dataplane/tcp_flight.h"
#include "dataplane/tcp_plain.h"
#include "dataplane/tcp_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS_MAX = 255, PORTS_SIZE = 4 };

static struct index_pool pool;
static struct index_cache cache;
static union tcp_block blocks[BLOCKS_MAX + 1];
static uint64_t payload[2];

static void require(bool holds) {
	if (!holds)
		abort();
}

// Figures are compared as bytes: both began as zeroes, with their padding.
static bool is_same(const void *a, const void *b, size_t size) {
	return memcmp(a, b, size) == 0;
}

static void check_direction(const struct flow_tcp_direction *direction, uint64_t sent) {
	require(direction->unique_bytes <= sent);
	require(direction->retransmitted_packets <= direction->retransmitted_bytes ||
		direction->retransmitted_packets == 0);
	require(direction->window_scale <= TCP_SCALE_NONE);
	require(direction->network_duplicates <= direction->retransmitted_packets);
	require(direction->spurious_retransmissions <= direction->retransmitted_packets);
	require(direction->reordered_packets <= direction->out_of_order_packets);
	require(direction->dsacks <= direction->sacks);
	require(direction->repeat_rtt_min_ns <= direction->repeat_rtt_max_ns);
	if (direction->rtt_samples == 0)
		return;
	// The mean is of single precision.
	require(direction->rtt_min_ns <= direction->rtt_avg_ns + direction->rtt_avg_ns / 1000);
	require(direction->rtt_avg_ns <= direction->rtt_max_ns + direction->rtt_max_ns / 1000);
}

static struct flow_tcp figures(const struct tcp_flow *flow, const struct tcp_lender *lender) {
	struct flow_record record = {
		.fwd.payload_bytes = payload[0], .rev = {.packets = 1, .payload_bytes = payload[1]}};
	tcp_record_fill(flow, lender, 0, &record);
	require(record.tcp.state < FLOW_TCP_STATES);
	check_direction(&record.tcp.fwd, payload[0]);
	check_direction(&record.tcp.rev, payload[1]);
	return record.tcp;
}

// Count by the inline path where it fits, and see that it changes what the general one would. It borrows nothing, so
// that the general one may run first, on a copy, where that has nothing to borrow either.
static void count(struct tcp_flow *flow, struct tcp_lender *lender, const struct tcp_segment *segment, unsigned from) {
	struct tcp_flow copy = *flow;
	if (!tcp_plain_count(&copy, segment, from)) {
		require(is_same(&copy, flow, sizeof(copy)));
		tcp_flow_count(flow, lender, segment, from);
		return;
	}
	struct flow_tcp plain = figures(&copy, lender);
	tcp_flow_count(flow, lender, segment, from);
	struct flow_tcp general = figures(flow, lender);
	require(is_same(&plain, &general, sizeof(plain)));
	*flow = copy;
}

// Read a segment as the operator does, from a block of just its size.
static bool read_segment(const uint8_t *header, size_t size, struct tcp_segment *segment) {
	uint8_t *exact = malloc(PORTS_SIZE + size);
	require(exact != NULL);
	memset(exact, 0, PORTS_SIZE);
	memcpy(exact + PORTS_SIZE, header, size);
	bool is_whole = tcp_segment_parse(exact, PORTS_SIZE + size, segment);
	if (is_whole)
		tcp_segment_parse_options(exact, PORTS_SIZE + size, segment);
	free(exact);
	return is_whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0)
		return 0;
	uint32_t capacity = data[0] > 0 ? data[0] : 1;
	require(index_pool_init(&pool, capacity, 1) == 0);
	cache.count = 0;
	struct tcp_lender lender = {.pool = &pool, .cache = &cache, .blocks = blocks};
	struct tcp_flow flow;
	tcp_flow_start(&flow);
	payload[0] = payload[1] = 0;
	uint64_t now_ns = UINT64_C(1700000000000000000);
	for (size_t at = 1; size - at >= 4;) {
		uint8_t what = data[at];
		unsigned from = what & 1;
		size_t header = data[at + 1] < size - at - 4 ? data[at + 1] : size - at - 4;
		now_ns += ((UINT64_C(1) << 2 * (what >> 2 & 7)) - 1) * 1000000 - (what >> 7) * 1000000;
		struct tcp_segment segment = {
			.time_ns = now_ns, .payload_bytes = (uint32_t)(data[at + 2] << 8 | data[at + 3])};
		if (what & 2) {
			tcp_flow_cut(&flow, &lender);
			payload[0] = payload[1] = 0;
		}
		if (read_segment(data + at + 4, header, &segment)) {
			payload[from] += segment.payload_bytes;
			count(&flow, &lender, &segment, from);
			figures(&flow, &lender);
		}
		at += 4 + header;
	}
	tcp_flow_end(&flow, &lender);
	uint32_t left = 0;
	while (tcp_borrow(&lender) != 0)
		left++;
	require(left == capacity);
	index_pool_fini(&pool);
	return 0;
}
