// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The uplink's conversation with a controller, driven by the uplink's thread alone: who has said what, and what is due.
//
//	CONNECTING ──Register──▶ WAITING ──accepted──▶ REGISTERED ──UNREGISTERED──▶ CONNECTING
//	                           │ ──refused──▶ REFUSED ──time──▶ CONNECTING
//	                           └──silence──▶ CONNECTING with new sockets ◀──silence── REGISTERED
#pragma once

#include <zmq.h>

#include "dataplane/uplink_queue.h"

enum uplink_state {
	UPLINK_CONNECTING, // Register is to be sent as soon as the socket takes it
	UPLINK_WAITING,    // for Registered
	UPLINK_REGISTERED,
	UPLINK_REFUSED, // another has our name; asks again after a while
};

struct uplink_session {
	const char *controller, *node; // constant
	uint64_t incarnation;
	struct uplink_keys keys;
	struct uplink_source source;
	uint64_t described; // source.count_changes when it was
	void *zmq;
	struct uplink_counters *counters; // written with relaxed atomics, read by any thread
	bool *is_refused, *is_registered; // the same

	void *command, *summaries; // sockets, NULL where closed
	struct uplink_queue queue;
	struct uplink_commands commands;
	enum uplink_state state;
	uint64_t epoch; // greatest seen
	uint32_t summary_port, beat_ms;
	uint64_t beats;
	uint64_t since_ms;      // when this state began
	uint64_t heard_ms;      // when the controller last said something valid
	uint64_t beat_at_ms;    // when the next heartbeat is due
	uint64_t progress_ms;   // when the oldest summary in flight was sent, or an acknowledgement came
	uint64_t resend_ms;     // how long without progress until all in flight is sent again
	bool summaries_blocked; // the socket takes no more now
	// What the person was told last, so that each change is one line.
	bool told_unreachable, told_refused, told_discarding;
};

// Begin. The caller has zeroed the session and filled the constants, beat_ms and the queue; no socket is opened yet.
void uplink_session_start(struct uplink_session *session, uint64_t now_ms);

// Take over a summary from an operator.
void uplink_session_push(struct uplink_session *session, struct uplink_entry *entry);

// Read what has arrived, then do and send what is due. Never waits.
void uplink_session_run(struct uplink_session *session, uint64_t now_ms);

// What to poll for before the next run.
//   items   [2], of closed sockets NULL
//   return  milliseconds until something is due by itself
long uplink_session_wait(const struct uplink_session *session, uint64_t now_ms, zmq_pollitem_t *items);

// Say goodbye where somebody listens, close the sockets.
void uplink_session_end(struct uplink_session *session);
