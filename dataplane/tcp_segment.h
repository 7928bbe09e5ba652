// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What TCP analysis reads of one segment: the fixed header and, where asked for, the options. A pure function over
// the captured bytes; nothing beyond them is read, whatever the header says.
//
//   RFC 9293 3.1, 3.2 (header, MSS), 7323 2, 3 and appendix A (window scale, time stamps), 2018, 2883 (SACK, D-SACK)
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
	TCP_SACKS_MAX = 4,     // what 40 bytes of options hold
};

// A block of a SACK option.
struct tcp_sack {
	uint32_t begin, end;
};

struct tcp_options {
	uint32_t stamp, echo; // where has_stamps
	uint16_t mss;         // of a SYN; 0: no option
	uint8_t scale;        // of a SYN; 0..TCP_SCALE_MAX or TCP_SCALE_NONE
	bool has_stamps;
	uint8_t sack_count;
	struct tcp_sack sacks[TCP_SACKS_MAX];
};

struct tcp_segment {
	uint64_t time_ns;
	uint32_t seq, ack;
	uint32_t payload_bytes;
	uint16_t window;        // as sent, not scaled
	uint8_t flags;          // enum tcp_flags
	bool has_plain_options; // none, or time stamps in the usual place
	struct tcp_options options;
};

static inline uint32_t tcp_read_32(const uint8_t *data) {
	uint32_t value;
	memcpy(&value, data, sizeof(value));
	return be32toh(value);
}

// The options of most segments: none, or NOP, NOP and time stamps.
static inline bool tcp_segment_has_plain_options(const uint8_t *data, size_t size, size_t header) {
	const uint32_t stamps = 0x0101080a;
	if (header == TCP_HEADER_MIN)
		return true;
	return header == TCP_HEADER_MIN + 12 && size >= TCP_HEADER_MIN + 4 &&
	       tcp_read_32(data + TCP_HEADER_MIN) == stamps;
}

// Read the header at `data`, without its options.
//   size     captured bytes from the header's first on
//   segment  filled but for time_ns, payload_bytes and options
//   return   false: not a whole fixed header
static inline bool tcp_segment_parse(const uint8_t *data, size_t size, struct tcp_segment *segment) {
	if (size < TCP_HEADER_MIN)
		return false;
	segment->seq = tcp_read_32(data + 4);
	segment->ack = tcp_read_32(data + 8);
	uint32_t rest = tcp_read_32(data + 12);
	segment->flags = (uint8_t)(rest >> 16);
	segment->window = (uint16_t)rest;
	segment->has_plain_options = tcp_segment_has_plain_options(data, size, (size_t)(rest >> 28) * 4);
	return true;
}

// Read the options of a header that tcp_segment_parse has read; those that are cut are not there.
void tcp_segment_parse_options(const uint8_t *data, size_t size, struct tcp_segment *segment);
