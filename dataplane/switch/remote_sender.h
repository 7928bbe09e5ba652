// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The sending end of a remote channel: a bounded queue of frames between a worker, which packs batches into it, and the
// switch's thread, which writes them to a connection straight from here and frees them once they are acknowledged. What
// was sent and not acknowledged is sent again when the connection comes back. One that spills has a large queue, whose
// memory is taken as it grows and given back as it is emptied.
//
//   tail <= sent <= head: acknowledged | on its way | waiting; positions as in link_frame.h
#pragma once

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "dataplane/switch/byte_ring.h"
#include "dataplane/switch/remote_channel.h"
#include "dataplane/switch/token_bucket.h"
#include "dataplane/switch/tuple_layout.h"
#include "dataplane/tuple.h"

struct remote_sender {
	struct remote_name name;
	struct tuple_layout layout;
	struct byte_ring ring;
	size_t capacity; // bytes that the queue takes at most
	uint16_t id;     // in this node's frames
	struct link_switch *owner;
	void (*wake)(void *context); // whoever waits for room
	void *context;
	bool spills; // the worker does not wait for room. Set before remote_sender_init
	// worker: wo, switch: ro
	alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t handed; // tuples
	_Atomic uint64_t blocked_ns;
	_Atomic uint64_t overflowed; // tuples that there was no room for
	_Atomic bool waits;          // for room; the switch resets it
	uint64_t blocked_since_ns;   // worker only, as what follows
	uint64_t tail_seen, watermark_ns;
	bool ended;
	// switch: wo, any: ro
	alignas(64) _Atomic uint64_t tail;
	_Atomic uint64_t sent_tuples, acknowledged, lost; // tuples; lost: sent to a node that died before it said
	_Atomic uint64_t resent_bytes, reopened;
	_Atomic uint64_t sent;
	_Atomic bool is_open, is_final; // the receiver takes frames; said that it takes no more
	bool was_open, is_opening;      // switch only, as what follows
	uint64_t window;                // bytes that the receiver keeps for the channel
	uint64_t limit;                 // nothing beyond this position is sent
	uint64_t released;              // up to which memory was given back, no more than RELEASE_SIZE behind tail
	struct token_bucket bucket;
	struct remote_sample sample; // the switch's sample lock held
	uint64_t sampled_tail, sampled_head, sampled_blocked_ns, sampled_overflowed;
};

//   queue_size  bytes; more where a batch of the greatest records needs it
//   return      0, -E2BIG: records too large for a frame; others of byte_ring_init
int remote_sender_init(struct remote_sender *sender, const struct schema *schema, size_t queue_size);
void remote_sender_fini(struct remote_sender *sender);
// The greatest frame that it may send.
uint32_t remote_sender_frame_max(const struct remote_sender *sender);

// Tuples that can be put now; beside them the end always fits.
//   return  0..BATCH_MAX
//   thread  the worker, as of the next three
unsigned remote_sender_room(struct remote_sender *sender);
// Put a batch, room permitting; the tuples stay the caller's.
//   since_ns  when the oldest of them was taken in, by the wall clock; 0: not known
void remote_sender_put(
	struct remote_sender *sender, const struct batch *batch, uint64_t watermark_ns, uint64_t since_ns);
// No later tuple has a clock below it. Left out where little time has passed, or there is no room: what comes next says
// it as well.
void remote_sender_tell(struct remote_sender *sender, uint64_t watermark_ns);
// Nothing comes any more. More than once is fine.
void remote_sender_end(struct remote_sender *sender, uint64_t watermark_ns);

// Whether all that was put is acknowledged, or lost.
//   thread  any
static inline bool remote_sender_is_empty(const struct remote_sender *sender) {
	return atomic_load_explicit(&sender->tail, memory_order_acquire) ==
	       atomic_load_explicit(&sender->head, memory_order_acquire);
}

// Whole frames to write now, one at least if any may be sent.
//   most     bytes, but for the first frame
//   wait_ns  lowered to when the bucket allows more, if it is what holds them back
//   return   bytes at *data, 0: nothing. They count as sent
//   thread   the switch, as of all that follows
size_t remote_sender_take(
	struct remote_sender *sender, size_t most, uint64_t now_ns, const uint8_t **data, uint64_t *wait_ns);
// The receiver is there again. Sends on from what it has.
//   return  0, -EPROTO: it can't have that
int remote_sender_resume(struct remote_sender *sender, const struct link_resume *resume);
//   return  0, -EPROTO: no end of a frame that is on its way
int remote_sender_acknowledge(struct remote_sender *sender, uint64_t consumed, bool is_final);
// The connection is gone.
void remote_sender_close(struct remote_sender *sender);
// The receiver's process is gone, and with it the knowledge of what it did: what is on its way is lost, unless that
// process said that it took no more.
//   return  tuples that may have been processed, or not
uint64_t remote_sender_forget(struct remote_sender *sender);
// Take a sample of an interval that ends.
void remote_sender_measure(struct remote_sender *sender, uint64_t interval_ns);
