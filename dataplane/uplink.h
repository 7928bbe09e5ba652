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

struct uplink;

// What the uplink asks of the node, on the uplink's thread.
struct uplink_source {
	void *context;
	// Fill the description of the node that Register carries / the counters that a Heartbeat carries. The messages
	// are initialised; what the callbacks hang into them is allocated with malloc and freed by the uplink
	// (protobuf-c's free_unpacked).
	void (*describe)(void *context, Weir__Register *message);
	void (*measure)(void *context, Weir__Heartbeat *message);
};

struct uplink_options {
	const char *controller; // ZeroMQ endpoint of the command socket, tcp://HOST:PORT or ipc://PATH
	const char *node;
	uint64_t incarnation;
	uint64_t queue_size; // bytes of unacknowledged summaries kept; the oldest go first, counted
};

struct uplink_counters {
	uint64_t submitted, acknowledged, resent, discarded, queued, bytes;
};

// Start the thread. A controller that is not there yet is no error: the uplink goes on trying.
//   return  0; -EINVAL: the endpoint is none; another negative errno
int uplink_new(struct uplink **out, const struct uplink_options *options, const struct uplink_source *source);

// Send what is queued for up to drain_ms, say goodbye, end the thread. NULL is fine.
void uplink_free(struct uplink *uplink, unsigned drain_ms);

// One packed Summary on its way from an operator. The sequence is the operator's: 1, 2, … per instance.
struct uplink_summary {
	const char *pipeline, *operator; // outlive the uplink
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
