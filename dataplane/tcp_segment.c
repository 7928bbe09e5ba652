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

static void note_option(const uint8_t *option, size_t length, struct tcp_segment *segment) {
	if (option[0] == OPTION_MSS && length == 4)
		segment->mss = (uint16_t)(option[2] << 8 | option[3]);
	else if (option[0] == OPTION_SCALE && length == 3)
		segment->scale = option[2] < TCP_SCALE_MAX ? option[2] : TCP_SCALE_MAX;
}

// An option that is cut or has an impossible length ends the walk.
void tcp_segment_options(const uint8_t *data, size_t size, struct tcp_segment *segment) {
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
