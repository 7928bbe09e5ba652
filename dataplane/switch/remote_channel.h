// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What the two ends of a remote channel share: its name, and what is measured of it.
#pragma once

#include <stdint.h>

#include "dataplane/switch/link_frame.h"

struct link_switch;

struct remote_name {
	char node[64]; // the other end's
	char pipeline[64];
	char stream[LINK_TEXT_SIZE]; // "words>count"
	uint16_t index, count;       // which of the stream's channels
};

// Of one interval. Bytes are those of frames.
struct remote_sample {
	uint64_t interval_ns;                // 0: none has ended yet
	uint64_t begin_bytes, end_bytes;     // in the queue of this end
	uint64_t begin_records, end_records; // the same
	uint64_t volume_bytes;               // sender: acknowledged; receiver: received
	uint64_t offered_bps;                // sender: bits a second that came, or would have, had there been room
};
