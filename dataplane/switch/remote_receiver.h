// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The receiving end of a remote channel: a bounded queue of frames between the switch's thread, which reads them from a
// connection into it, and a worker, which makes tuples of them. What the worker has passed on is acknowledged, and its
// room is the credit for more: a channel that nobody reads stops its sender and no other channel. It outlives
// connections; what comes twice is dropped.
//
//   tail <= head: passed on | waiting. Local positions: those of the sender are `base` higher
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dataplane/switch/byte_ring.h"
#include "dataplane/switch/remote_channel.h"
#include "dataplane/switch/tuple_layout.h"

struct connection;

struct remote_receiver {
	struct remote_name name;
	struct tuple_layout layout;
	struct byte_ring ring;
	struct link_switch *owner;
	int event_fd; // readable once frames came for a worker that waits
	// switch: wo, any: ro
	alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t received; // tuples
	_Atomic uint64_t duplicates, reopened;
	_Atomic bool is_closed;        // nothing is taken any more
	uint64_t incarnation;          // of the sender; 0: none yet. Switch only, as what follows
	struct connection *connection; // that it is open on, or NULL
	uint16_t wire_id;              // there
	uint64_t base, told;           // told: what was acknowledged, by the sender's positions
	bool told_final;
	struct remote_sample sample; // the switch's sample lock held
	uint64_t sampled_head;
	// worker: wo, switch: ro
	alignas(64) _Atomic uint64_t tail;
	_Atomic uint64_t processed; // tuples, with those that were malformed
	_Atomic bool waits;         // for frames; the switch resets it
	_Atomic bool is_stopping;   // takes what there is, and then no more
	bool is_armed;              // worker only, as what follows
	uint64_t read;              // position of the next byte to read
	uint64_t frame_begin, frame_end;
	uint32_t tuples_left; // of the frame that is being read
	uint64_t since_ns;    // the same: link_frame.h
	uint64_t watermark_ns;
	bool ended; // its last frame was read. Worker: wo, switch: ro once is_stopping
};

//   queue_size  as of remote_sender_init: both ends come to the same
int remote_receiver_init(struct remote_receiver *receiver, const struct schema *schema, size_t queue_size);
void remote_receiver_fini(struct remote_receiver *receiver);

// A sender opens the channel on a connection.
//   position  where it begins, which holds if it is another process than before
//   return    what it is answered
//   thread    the switch, as of the next ones
struct link_resume remote_receiver_open(struct remote_receiver *receiver, uint64_t incarnation, uint64_t position);
// A frame of the sender's begins.
//   *place  set to where its bytes go, header first, or NULL: it is to be left out, because it came before, or nothing
//           is taken any more
//   return  0, -EPROTO: frames are missing before it, or it exceeds the window
int remote_receiver_begin(struct remote_receiver *receiver, const struct link_header *header, uint8_t **place);
// It is there, whole. Left out where the receiver was closed meanwhile.
void remote_receiver_publish(struct remote_receiver *receiver, const struct link_header *header);
// Take note of whether the worker takes more.
void remote_receiver_tend(struct remote_receiver *receiver);
// Whether the sender should hear how far the worker is.
bool remote_receiver_is_ack_due(const struct remote_receiver *receiver);
//   return  the position to acknowledge
uint64_t remote_receiver_tell(struct remote_receiver *receiver, bool *is_final);
void remote_receiver_measure(struct remote_receiver *receiver, uint64_t interval_ns);

// Make the next frame the one that is being read, if there is one whole; void until the frame before was read whole.
//   return  false: there is none
//   thread  the worker, as of the next ones
bool remote_receiver_next(struct remote_receiver *receiver);
// Unpack the next tuple of the frame; tuples_left > 0.
//   return  false: what is left of the frame is malformed; *dropped says how many tuples it was to have
bool remote_receiver_unpack(struct remote_receiver *receiver, void *body, struct tuple_time *time, uint32_t *dropped);
// All that was read has been passed on.
void remote_receiver_release(struct remote_receiver *receiver);
// Nothing was there: have event_fd tell.
void remote_receiver_wait(struct remote_receiver *receiver);
// Take no more than there is.
//   return  whether that is all read
bool remote_receiver_stop(struct remote_receiver *receiver);
