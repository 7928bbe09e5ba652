// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Remote channels as operators: what the reader of configurations puts where a stream leaves this node (a sink) and
// where one comes in (a source), an instance for each channel. Users can't name them; the operators at the two ends of
// the stream see no difference.
#pragma once

#include "dataplane/operator_type.h"
#include "dataplane/switch/link_frame.h"

struct link_channel_options {
	char node[64];               // the other one
	char stream[LINK_TEXT_SIZE]; // its name, the same at both ends
	uint64_t queue_size;         // bytes
	bool spills;                 // a sender that drops what its queue has no room for
	uint64_t rate;               // bytes a second of each channel; 0: no limit
};

extern const struct operator_type link_out_type, link_in_type;
