// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Flows that two nodes see: one flow with two observation points, and what lies between them. A flow that a summary
// tells of is remembered; where another node tells of the same 5-tuple, begun at nearly the same time, the two are one.
// Which node saw its first packet first says which way it goes.
//
//   delay   first packet there - first packet here. Right as far as the nodes' clocks agree: an offset between them is
//           in it, and one greater than the delay turns the direction round. So: PTP, or one clock
//   loss    forward packets here - forward packets there; reverse ones the other way round. Compared where both nodes
//           have told of the same interval, or of the flow's end; of a flow that lives, what is under way is in it, and
//           leaves again with the next interval
//   count   lists over all nodes have the figures of the node that told first; where it stops, another's. A node that
//           starts while a flow lives takes its start for the flow's: it is not counted beside the others, and not
//           compared either. One that a flow comes to later than PATHS_START_MS, by another route say, counts as well
//   source  RFC 7679 and RFC 7680 define one-way delay and loss between two observation points; this measures both
//           on the traffic itself
//
// Memory is fixed: a set-associative table that forgets what was told of longest ago, and
// PATHS_PAIRS_MAX pairs. One thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/histogram.h"
#include "api/weir.pb-c.h"
#include "ctrlplane/nodes.h"
#include "ctrlplane/topn.h"

enum {
	PATHS_WAYS = 8,
	PATHS_FLOWS = 1 << 17,
	PATHS_PAIRS_MAX = 1024,
	PATHS_JOINED_MAX = 256, // flows shown: those joined last
	PATHS_START_MS = 5000,  // two nodes' starts of a flow are no further apart
	PATHS_BEHIND = 3,       // intervals without a word of a flow: its node tells no more of it
	PATHS_WINDOW_S = 60,    // delays are of the last one to two of these
};

// One node's view of a flow.
struct path_view {
	uint32_t node; // number; 0: none
	bool ended;
	uint64_t start_ns, end_ns; // of the flow; of the interval told of last
	uint64_t packets[2];       // since the start: [0] from the lesser end of the key to the greater
};

struct path_flow {
	uint8_t key[TOPN_KEY_SIZE]; // as lists.h has it, the lesser end first
	bool is_turned;             // its source is the greater end
	uint32_t counted_by;        // number of the node whose figures are counted where all nodes are added up
	uint64_t counted_ns;        // end of the last interval for which they were
	struct path_view views[2];  // in the order of their first packets, once both are there
	uint32_t pairs[2];          // 1 + index: of views[0] to views[1], and back; 0: seen by one node
	uint64_t packets[2];        // what the pairs have of it, which way it went
	int64_t lost[2];
};

// What goes from one node to another.
struct path_pair {
	char from[NODE_NAME_SIZE], to[NODE_NAME_SIZE];
	uint32_t from_number, to_number;
	uint64_t flows;   // whose first packet went this way
	uint64_t packets; // that `from` saw of them and of the others' answers
	int64_t lost;     // of these, not seen by `to`; below zero: seen there alone
	// Delays by times of PATHS_WINDOW_S, the present one at epoch % 2.
	struct histogram delays[2];
	uint64_t epoch;
};

// A cache line: which flows a set has, and when they were told of.
struct path_set {
	uint32_t tags[PATHS_WAYS]; // of the key's hash; 0: free
	uint32_t used_s[PATHS_WAYS];
};

struct paths {
	struct path_set *sets;   // [PATHS_FLOWS / PATHS_WAYS]
	struct path_flow *flows; // [PATHS_FLOWS]
	struct path_pair *pairs; // [pairs_length]
	size_t pairs_length;
	uint32_t joined[PATHS_JOINED_MAX]; // flows, ring
	uint64_t joined_length;            // ever
};

void paths_free(struct paths *paths); // NULL is fine

// Take what a summary of a node tells of a flow. nodes->paths is made once there are two nodes.
//   end_ns  of the summary
//   return  true: it is counted already, by another node
bool paths_add(
	struct nodes *nodes, const struct node *node, const Weir__FlowDelta *flow, uint64_t end_ns, uint64_t mono_ns);

// The delays of the last one to two PATHS_WINDOW_S.
void path_pair_delays(const struct path_pair *pair, uint64_t mono_ns, struct histogram *out);
