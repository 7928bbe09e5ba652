// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP headers (see tcp_segment.h).
#include "dataplane/tcp_segment.h"

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_SCALE = 3,
};

static uint16_t read_16(const uint8_t *data) {
	return (uint16_t)(data[0] << 8 | data[1]);
}

static uint32_t read_32(const uint8_t *data) {
	return (uint32_t)read_16(data) << 16 | read_16(data + 2);
}

static void note_option(const uint8_t *option, size_t length, struct tcp_segment *segment) {
	if (option[0] == OPTION_MSS && length == 4)
		segment->mss = read_16(option + 2);
	else if (option[0] == OPTION_SCALE && length == 3)
		segment->scale = option[2] < TCP_SCALE_MAX ? option[2] : TCP_SCALE_MAX;
}

// An option that is cut or has an impossible length ends the walk.
static void read_options(const uint8_t *data, size_t size, struct tcp_segment *segment) {
	for (size_t at = 0; at < size && data[at] != OPTION_END;) {
		if (data[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (size - at < 2 || data[at + 1] < 2 || data[at + 1] > size - at)
			return;
		note_option(data + at, data[at + 1], segment);
		at += data[at + 1];
	}
}

bool tcp_segment_parse(const uint8_t *data, size_t size, struct tcp_segment *segment) {
	if (size < TCP_HEADER_MIN)
		return false;
	segment->seq = read_32(data + 4);
	segment->ack = read_32(data + 8);
	segment->flags = data[13];
	segment->window = read_16(data + 14);
	segment->mss = 0;
	segment->scale = TCP_SCALE_NONE;
	size_t header = (size_t)(data[12] >> 4) * 4;
	if ((segment->flags & TCP_SYN) && header > TCP_HEADER_MIN)
		read_options(data + TCP_HEADER_MIN, (header < size ? header : size) - TCP_HEADER_MIN, segment);
	return true;
}
