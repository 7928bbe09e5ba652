// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tuples: one packet or one record each, carried by an mbuf, and the batches they travel in.
//
//   packet  data: the frame (first segment holds at least its headers); its fields: struct packet_meta, beside it
//   record  data: the struct that its schema describes, in one segment
//
// What operators tell each other of a tuple lies in the batch: a chain of calls finds it in the first-level cache, and
// the memory of a packet is read only. A line that is written has to go back to memory, which costs as much as fetching
// it. Where a tuple waits in a ring its mbuf has it: the fields in its private area, the rest in its first cache line.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/packet.h"

enum {
	BATCH_MAX = 64,
	TUPLE_PRIVATE_SIZE = sizeof(struct packet_meta),
};

struct batch {
	unsigned count;
	unsigned input; // of the receiver, by which it came; set before `process`
	struct rte_mbuf *tuples[BATCH_MAX];
	struct packet_meta *packets[BATCH_MAX]; // schema packet: its fields. Who keeps the batch for later copies them
	uint64_t hashes[BATCH_MAX];             // of the key that the tuple was steered by
	uint16_t applications[BATCH_MAX];       // schema packet: its flow's (application_names.h), 0: not known
	// [count][length] words of the key that the receiver keeps its state by, where the stream has gathered them to
	// hash them (key_words.h), else NULL. Set before `process`; void once a tuple was moved.
	const uint64_t *keys;
};

static inline void *tuple_record(struct rte_mbuf *tuple) {
	return rte_pktmbuf_mtod(tuple, void *);
}

// Where a packet's fields lie while it waits in a ring.
static inline struct packet_meta *tuple_stored_packet(struct rte_mbuf *tuple) {
	return (struct packet_meta *)rte_mbuf_to_priv(tuple);
}

// The link type of a packet travels in the mbuf's packet_type; ports leave it 0, which is Ethernet.
static inline enum packet_link tuple_link(const struct rte_mbuf *tuple) {
	return (enum packet_link)tuple->packet_type;
}

// Add a packet to a batch that has room.
//   fields  as event_clock_stamp begins them; valid until the batch was passed on
static inline void batch_add_packet(struct batch *batch, struct rte_mbuf *tuple, struct packet_meta *fields) {
	unsigned at = batch->count++;
	batch->tuples[at] = tuple;
	batch->packets[at] = fields;
	batch->hashes[at] = 0;
	batch->applications[at] = 0;
}

// Add tuple `i` of another batch.
static inline void batch_add_from(struct batch *batch, const struct batch *from, unsigned i) {
	unsigned at = batch->count++;
	batch->tuples[at] = from->tuples[i];
	batch->packets[at] = from->packets[i];
	batch->hashes[at] = from->hashes[i];
	batch->applications[at] = from->applications[i];
}

// Of a batch that some tuples leave: move tuple `from` down to place `to`, if it isn't there already.
static inline void batch_move(struct batch *batch, unsigned to, unsigned from) {
	if (__builtin_expect(to == from, 1))
		return;
	batch->tuples[to] = batch->tuples[from];
	batch->packets[to] = batch->packets[from];
	batch->hashes[to] = batch->hashes[from];
	batch->applications[to] = batch->applications[from];
}

// Another batch of the same tuples.
static inline void batch_view(struct batch *view, const struct batch *batch) {
	const unsigned count = view->count = batch->count;
	memcpy(view->tuples, batch->tuples, count * sizeof(*batch->tuples));
	memcpy(view->packets, batch->packets, count * sizeof(*batch->packets));
	memcpy(view->hashes, batch->hashes, count * sizeof(*batch->hashes));
	memcpy(view->applications, batch->applications, count * sizeof(*batch->applications));
}

// The struct that the schema describes.
static inline const void *batch_body(const struct batch *batch, unsigned i, const struct schema *schema) {
	return schema->body == SCHEMA_PACKET ? (const void *)batch->packets[i] : tuple_record(batch->tuples[i]);
}

// Those of all tuples.
//   bodies  [count] filled
static inline void batch_bodies(const struct batch *batch, const struct schema *schema, const void **bodies) {
	for (unsigned i = 0; i < batch->count; i++)
		bodies[i] = batch_body(batch, i, schema);
}

// Free all tuples; the batch is empty afterwards.
void batch_free(struct batch *batch);

// Leave in the mbufs what the batch says of its tuples. What is there already is not written again: others may read it.
void batch_store(struct batch *batch, const struct schema *schema);
// The opposite, of a batch of which only count and tuples are set.
void batch_load(struct batch *batch);
