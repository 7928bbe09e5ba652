// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The channels between nodes as one network, from what both of their ends report, and the rates they should have.
#pragma once

#include <jansson.h>
#include <yaml.h>

#include "ctrlplane/nodes.h"
#include "ctrlplane/optimise/explain.h"
#include "ctrlplane/remote_ends.h"

enum {
	BANDWIDTH_NODES_MAX = 256, // with capacities of their own
	BANDWIDTH_NEEDS_MAX = 64,
	BANDWIDTH_STREAM_SIZE = 136,
};

enum bandwidth_method { BANDWIDTH_TCP, BANDWIDTH_S1, BANDWIDTH_GLOBAL };
extern const char *const bandwidth_method_names[]; // ended by NULL

struct bandwidth_capacity {
	char node[NODE_NAME_SIZE];
	double uplink_bps, downlink_bps; // 0: nothing passes; INFINITY: not known
};

// What the user asks for the channels of a stream, each of them.
struct bandwidth_need {
	char pipeline[NODE_NAME_SIZE], stream[BANDWIDTH_STREAM_SIZE]; // stream empty: all of the pipeline
	double weight, min_bps, cap_bps;
};

struct bandwidth_options {
	int method; // enum bandwidth_method
	bool is_enforced;
	double capacity_bps;    // of nodes that have none of their own; 0: not known
	double tolerance, fall; // hysteresis.h
	uint32_t limit_ms;      // of all linear programs of a round
	struct bandwidth_capacity capacities[BANDWIDTH_NODES_MAX];
	struct bandwidth_need needs[BANDWIDTH_NEEDS_MAX];
	size_t capacities_length, needs_length;
	const yaml_node_t *capacities_node, *needs_node; // while the file is read
};

// Of a channel of the network: what its ends reported.
struct bandwidth_end {
	struct remote_end sender;
	bool has_receiver; // that end has reported
	uint64_t receiver_begin_bytes, receiver_end_bytes;
	double demand_bps;   // smoothed
	uint64_t told_bps;   // to the node, last; 0: no limit
	uint64_t told_round; // 0: never
};

struct bandwidth {
	struct network *network;    // of the last round; NULL: none yet
	struct bandwidth_end *ends; // [channels]
	double *rates_bps;          // [channels] that they should have; NAN: none was found yet
	double *before_bps;         // [channels] before the last change; NAN: it was not there
	bool has_found;             // the last round did not fail: `found` and `fair` are of this network
	struct allocation found, fair, trial;
	struct workspace workspace;
	char error[NETWORK_ERROR_SIZE]; // of the last round; empty: none
	double took_ms;
	uint64_t rounds, changes, failures;
};

// A round: collect, allocate, and let new rates replace those before where they differ enough. After a failure the
// rates of the last round stay.
//   return  0 or an error, with bandwidth->error
int bandwidth_round(struct bandwidth *bandwidth, const struct nodes *nodes, const struct bandwidth_options *options);
// The next lines "CHANNEL BIT/S" for a node whose channels are held to other rates than they should have: at most what
// fits. Rates that it was told a moment ago are given time to be reported.
//   is_enforced  false: they should have none; those that were never told of one are left as they are
//   lines        [size]
//   return  how many
unsigned bandwidth_tell(struct bandwidth *bandwidth, const char *node, bool is_enforced, char *lines, size_t size);
void bandwidth_fini(struct bandwidth *bandwidth);

// {allocation, error, took_ms, links [...], channels [...]}, the worst served first.
json_t *bandwidth_json(const struct bandwidth *bandwidth, const struct bandwidth_options *options, uint32_t limit);
// {channel {...}}; NULL: no such channel
json_t *bandwidth_explain(struct bandwidth *bandwidth, const struct bandwidth_options *options, const char *channel);
