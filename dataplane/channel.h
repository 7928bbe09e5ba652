// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Channels as a worker sees them: the routes out of an instance's outputs. A route is one stream; its targets are the
// instances it leads to, each called directly or reached by a ring. Which of the two is the plan's affair: the code
// of an operator is the same.
#pragma once

#include "dataplane/hold.h"
#include "dataplane/operator.h"
#include "dataplane/pipeline.h"
#include "dataplane/ring.h"

struct key_words;

struct target {
	struct instance *callee;  // NULL: on the other end of the ring
	struct ring *ring;        // NULL: called
	struct batch gathered;    // scratch of key and partial_key
	uint64_t sent;            // partial_key: tuples so far
	int64_t credit;           // shuffle with weights: tuples that it is behind by
	uint64_t called;          // tuples handed over by call
	uint64_t called_snapshot; // worker: wo when asked, manager: ro
};

struct route {
	enum grouping grouping;
	unsigned target_count;
	struct target *targets;  // in order of the receiver's instances; one more gathers what goes to the hold
	unsigned next;           // shuffle: whose turn
	const unsigned *weights; // shuffle: [target_count], or NULL
	const uint16_t *owners;  // key: [KEY_GROUPS] target that owns the group; target_count: nobody does
	struct hold hold;        // key
	unsigned batches;        // key: sent by group
	// key, more than one target: [KEY_GROUPS] tuples, estimated from a sample of batches. The worker adds; any may
	// read (relaxed)
	uint64_t *loads;
	struct key_words *key; // to hash before sending; NULL: batch.hashes are right already
	uint64_t *keys;        // [BATCH_MAX][key->length] scratch
	bool gives_keys;       // the one receiver is called, and keeps its state by just this key
	const struct schema *schema;
	unsigned input; // of the receivers
	bool borrowed;  // its one receiver is called, and lets go of the tuples before it returns
	bool lends;     // borrowed, and not so that references serve better
	bool writes;    // the receivers, or the hashing of the key, write to the tuples
	bool copy;      // tuples of its own, not references: it or the route that passes on the originals writes
	const struct pipeline_stream *stream;
};

// Hand a batch to every route of the output. Ownership of the tuples moves; the batch is empty afterwards.
// Room was reserved for it before the input that caused it was taken.
void channel_deliver(struct instance *from, struct output *output, struct batch *batch);

// The same of tuples that are somebody else's: receivers that borrow get them as they are, all others copies.
void channel_lend(struct instance *from, struct output *output, struct batch *batch);

// Deliver what instance_emit gathered.
void channel_flush(struct instance *from);

// Hand on what was held, as the route's owners are now; the batch is empty afterwards. There is room at every target.
void channel_send_held(struct route *route, struct batch *batch);

// Copy the route's figures to where the manager reads them.
void channel_copy_figures(struct route *route);

// Give a batch to an instance on this worker: count it, process it, deliver what it emits.
void channel_call(struct instance *to, struct batch *batch);
