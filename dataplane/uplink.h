// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink: a node's side of the conversation with its controller. One control thread owns both ZeroMQ sockets:
// it registers, beats every 500 ms, answers nothing late, and sends summaries until they are acknowledged.
// Workers hand summaries over through a wait-free mailbox and never touch a socket.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/weir.pb-c.h"
#include "dataplane/uplink_command.h"
#include "dataplane/uplink_keys.h"

struct uplink;

// What the uplink asks of the node, on the uplink's thread.
struct uplink_source {
	void *context;
	// Fill the description of the node that Register carries / the counters that a Heartbeat carries. The messages
	// are initialised; what the callbacks hang into them is allocated with malloc and freed by the uplink
	// (protobuf-c's free_unpacked).
	void (*describe)(void *context, Weir__Register *message);
	void (*measure)(void *context, Weir__Heartbeat *message);
	// How often what `describe` says became another: the node registers again then. NULL: it stays.
	uint64_t (*count_changes)(void *context);
	uplink_execute *execute; // NULL: every command is refused
};

struct uplink_options {
	const char *controller; // ZeroMQ endpoint of the command socket, tcp://HOST:PORT or ipc://PATH
	const char *node;
	uint64_t incarnation;
	uint64_t queue_size; // bytes of unacknowledged summaries kept; the oldest go first, counted
	unsigned beat_ms;    // heartbeat interval until the controller names its own; 0: UPLINK_BEAT_MS
	struct uplink_keys keys;
};

// A controller silent for UPLINK_SILENT_BEATS heartbeats is taken for gone, and one that refuses is asked again after
// as many: 2 s by default.
enum {
	UPLINK_BEAT_MS = 500,
	UPLINK_SILENT_BEATS = 4,
};

struct uplink_counters {
	uint64_t submitted, acknowledged, resent, discarded;
	uint64_t queued;    // a level: summaries not yet acknowledged
	uint64_t bytes;     // of summaries sent, resends included
	uint64_t malformed; // messages that are none of api/weir.proto's, or not for a node
	uint64_t stale;     // messages of a controller older than one already seen
};

// Start the thread. A controller that is not there yet is no error: the uplink goes on trying. Its threads inherit the
// caller's CPU affinity: call from a control thread, not from a worker.
//   return  0; -EINVAL: the endpoint is none; another negative errno
int uplink_new(struct uplink **out, const struct uplink_options *options, const struct uplink_source *source);

// Send what is queued for up to drain_ms, say goodbye, end the thread. NULL is fine.
void uplink_free(struct uplink *uplink, unsigned drain_ms);

// One packed Summary on its way from an operator. The sequence is the operator's: 1, 2, … per instance.
struct uplink_summary {
	const char *pipeline, *operator; // copied
	uint32_t instance;
	uint64_t sequence;
	size_t size;
	uint8_t *packed; // malloc; a whole Message
};

// Hand a summary over; ownership of summary->packed moves to the uplink. Wait-free but for malloc.
//   uplink  NULL: no controller is configured; the summary is freed
//   thread  any
void uplink_submit(struct uplink *uplink, const struct uplink_summary *summary);

// Another node with this name was there first; the controller refuses this one.
bool uplink_is_refused(const struct uplink *uplink);
bool uplink_is_registered(const struct uplink *uplink);
void uplink_read_counters(const struct uplink *uplink, struct uplink_counters *out);
