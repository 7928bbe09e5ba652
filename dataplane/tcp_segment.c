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
	OPTION_SACK = 5,
	OPTION_STAMPS = 8,
};

static void note_sacks(const uint8_t *blocks, size_t size, struct tcp_options *options) {
	const size_t each = sizeof(struct tcp_sack);
	options->sack_count = 0;
	for (; size >= each && options->sack_count < TCP_SACKS_MAX; blocks += each, size -= each)
		options->sacks[options->sack_count++] = (struct tcp_sack){tcp_read_32(blocks), tcp_read_32(blocks + 4)};
}

// MSS and window scale mean something in a SYN alone.
static void note_option(const uint8_t *option, size_t length, bool is_syn, struct tcp_options *options) {
	if (option[0] == OPTION_MSS && length == 4 && is_syn) {
		options->mss = (uint16_t)(option[2] << 8 | option[3]);
	} else if (option[0] == OPTION_SCALE && length == 3 && is_syn) {
		options->scale = option[2] < TCP_SCALE_MAX ? option[2] : TCP_SCALE_MAX;
	} else if (option[0] == OPTION_STAMPS && length == 10) {
		options->has_stamps = true;
		options->stamp = tcp_read_32(option + 2);
		options->echo = tcp_read_32(option + 6);
	} else if (option[0] == OPTION_SACK) {
		note_sacks(option + 2, length - 2, options);
	}
}

// An option that is cut or has an impossible length ends the walk.
void tcp_segment_parse_options(const uint8_t *data, size_t size, struct tcp_segment *segment) {
	segment->options = (struct tcp_options){.scale = TCP_SCALE_NONE};
	size_t header = (size_t)(data[12] >> 4) * 4, end = header < size ? header : size;
	for (size_t at = TCP_HEADER_MIN; at < end && data[at] != OPTION_END;) {
		if (data[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || data[at + 1] < 2 || data[at + 1] > end - at)
			return;
		note_option(data + at, data[at + 1], segment->flags & TCP_SYN, &segment->options);
		at += data[at + 1];
	}
}
