// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a node reports of its ends of channels to other nodes: queues, volume, what was offered.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/weir.pb-c.h"

enum {
	REMOTE_ENDS_MAX = 4096, // of a node
	REMOTE_NAME_SIZE = 64,
	REMOTE_STREAM_SIZE = 136, // "FROM>TO"
};

struct remote_end {
	char pipeline[REMOTE_NAME_SIZE], stream[REMOTE_STREAM_SIZE], peer[REMOTE_NAME_SIZE];
	uint32_t index; // which of the stream's channels
	bool is_sender;
	uint64_t interval_ns;            // that what follows is of
	uint64_t begin_bytes, end_bytes; // in the queue of this end
	uint64_t volume_bytes;           // acknowledged or received
	uint64_t offered_bps, rate_bps;  // of senders; rate_bps 0: not held back
};

struct remote_ends {
	struct remote_end *list; // [length]
	size_t length, size;
	uint64_t malformed; // reports left out, ever
};

// Take the place of what the node reported before. A report without a name, or of no time, is left out and counted.
void remote_ends_take(struct remote_ends *ends, const Weir__Heartbeat *beat);
void remote_ends_free(struct remote_ends *ends);
// The end of the same channel at the other node.
//   ends    of the node end->peer
//   node    that `end` is of
//   return  NULL: it has not reported it
const struct remote_end *remote_ends_other(
	const struct remote_ends *ends, const struct remote_end *end, const char *node);
