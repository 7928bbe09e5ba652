// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What tests of TCP analysis share: one connection, its segments played one by one, the figures of its record.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dataplane/tcp_flight.h"
#include "dataplane/tcp_plain.h"
#include "dataplane/tcp_record.h"
#include "tests/unit/tcp_lender.h"

enum { A, B };
enum { FIN = TCP_FIN, SYN = TCP_SYN, RST = TCP_RST, PSH = TCP_PSH, ACK = TCP_ACK };
enum { BLOCKS = 400 };
#define MS UINT64_C(1000000)
#define T0 UINT64_C(1700000000000000000)

static struct tcp_flow flow;
static struct tcp_lender lender;
static uint64_t now_ns, payload[2];
static uint32_t isn[2]; // initial sequence numbers: what tests write is relative to them
static uint16_t window;
static struct tcp_options options; // of the segments that `play` makes
static bool inline_first;          // take the inline path where it fits, as the operator does

static inline void start(void) {
	memset(&flow, 0xee, sizeof(flow));
	tcp_flow_start(&flow);
	now_ns = T0;
	payload[A] = payload[B] = 0;
	window = 1000;
	options = (struct tcp_options){.scale = TCP_SCALE_NONE};
}

static inline void count(unsigned direction, const struct tcp_segment *segment) {
	payload[direction] += segment->payload_bytes;
	if (!inline_first || !tcp_plain_count(&flow, segment, direction))
		tcp_flow_count(&flow, &lender, segment, direction);
}

// One segment; each comes 1 ms after the one before.
static inline void play(unsigned from, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t size) {
	now_ns += MS;
	struct tcp_segment segment = {
		.time_ns = now_ns,
		.seq = isn[from] + seq,
		.ack = flags & ACK ? isn[!from] + ack : 0,
		.payload_bytes = size,
		.window = window,
		.flags = flags,
		.has_plain_options = options.sack_count == 0,
		.options = options,
	};
	count(from, &segment);
}

static inline void play_syn(unsigned from, uint8_t flags, uint16_t mss, uint8_t scale) {
	now_ns += MS;
	struct tcp_segment segment = {
		.time_ns = now_ns,
		.seq = isn[from],
		.ack = flags & ACK ? isn[!from] + 1 : 0,
		.window = window,
		.flags = flags,
		.options = {.mss = mss, .scale = scale},
	};
	count(from, &segment);
}

// SYN at 1 ms, SYN-ACK at 2, ACK at 3.
static inline void open(void) {
	start();
	play_syn(A, SYN, 1460, TCP_SCALE_NONE);
	play_syn(B, SYN | ACK, 1400, TCP_SCALE_NONE);
	play(A, ACK, 1, 1, 0);
}

static inline struct flow_tcp figures(void) {
	struct flow_record record = {
		.fwd.payload_bytes = payload[A], .rev = {.packets = 1, .payload_bytes = payload[B]}};
	tcp_record_fill(&flow, &lender, A, &record);
	return record.tcp;
}

static inline bool has(enum flow_present bit) {
	struct flow_record record = {0};
	tcp_record_fill(&flow, &lender, A, &record);
	return record.present >> bit & 1;
}

// Run a conversation with the wrap at different places, by the general path alone and with the inline one, and see that
// it gives back all that it borrows.
static inline void each_way(void (*body)(void)) {
	const uint32_t numbers[] = {1000, 0xfffffff0, 0xffffffff, 0x7fffffff};
	for (unsigned i = 0; i < 8; i++) {
		isn[A] = numbers[i / 2];
		isn[B] = numbers[(i / 2 + 1) % 4];
		inline_first = i % 2;
		lender = lender_open(BLOCKS);
		body();
		tcp_flow_end(&flow, &lender);
		assert_int_equal(flow.more, 0);
		assert_int_equal(lender_close(&lender), BLOCKS);
	}
}
