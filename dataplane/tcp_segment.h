// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What TCP analysis reads of one segment: the fixed header and, where asked for, the options. A pure function over
// the captured bytes; nothing beyond them is read, whatever the header says.
//
//   RFC 9293 3.1, 3.2 (header, MSS), 7323 2 (window scale), 2018 and 2883 (SACK, D-SACK)
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum tcp_flags {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
};

enum {
	TCP_HEADER_MIN = 20,
	TCP_SCALE_MAX = 14,    // RFC 7323 2.3: a greater one counts as this
	TCP_SCALE_NONE = 0x0f, // no option
};

struct tcp_segment {
	uint64_t time_ns;
	uint32_t seq, ack;
	uint32_t payload_bytes;
	uint16_t window; // as sent, not scaled
	uint16_t mss;    // 0: no option
	uint8_t flags;   // enum tcp_flags
	uint8_t scale;   // 0..TCP_SCALE_MAX or TCP_SCALE_NONE
};

// Read the MSS and window scale options in [data, data + size) into a segment that has none.
void tcp_segment_options(const uint8_t *data, size_t size, struct tcp_segment *segment);

static inline uint32_t tcp_read_32(const uint8_t *data) {
	uint32_t value;
	memcpy(&value, data, sizeof(value));
	return be32toh(value);
}

// Read the header at `data`, and the options of a SYN: elsewhere they are not needed.
//   size     captured bytes from the header's first on
//   segment  filled but for time_ns and payload_bytes
//   return   false: not a whole fixed header
static inline bool tcp_segment_parse(const uint8_t *data, size_t size, struct tcp_segment *segment) {
	if (size < TCP_HEADER_MIN)
		return false;
	segment->seq = tcp_read_32(data + 4);
	segment->ack = tcp_read_32(data + 8);
	uint32_t rest = tcp_read_32(data + 12);
	segment->flags = (uint8_t)(rest >> 16);
	segment->window = (uint16_t)rest;
	segment->mss = 0;
	segment->scale = TCP_SCALE_NONE;
	size_t header = (size_t)(rest >> 28) * 4;
	if (__builtin_expect(segment->flags & TCP_SYN, 0) && header > TCP_HEADER_MIN)
		tcp_segment_options(data + TCP_HEADER_MIN, (header < size ? header : size) - TCP_HEADER_MIN, segment);
	return true;
}
