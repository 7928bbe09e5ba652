// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Tuples: one packet or one record each, carried by an mbuf, and the batches they travel in.
//
//   packet  data: the frame (first segment holds at least its headers); private area: struct packet_meta
//   record  data: the struct that its schema describes, in one segment
//
// The hash of the key that a tuple was steered by lies in the mbuf's own hash field: the first cache line.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/packet.h"

enum {
	BATCH_MAX = 64,
	TUPLE_PRIVATE_SIZE = sizeof(struct packet_meta),
};

struct batch {
	unsigned count;
	struct rte_mbuf *tuples[BATCH_MAX];
};

static inline struct packet_meta *tuple_packet(struct rte_mbuf *tuple) {
	return (struct packet_meta *)rte_mbuf_to_priv(tuple);
}

static inline void *tuple_record(struct rte_mbuf *tuple) {
	return rte_pktmbuf_mtod(tuple, void *);
}

static inline const void *tuple_body(struct rte_mbuf *tuple, const struct schema *schema) {
	return schema->body == SCHEMA_PACKET ? (const void *)tuple_packet(tuple) : tuple_record(tuple);
}

// The link type of a packet travels in the mbuf's packet_type; ports leave it 0, which is Ethernet.
static inline enum packet_link tuple_link(const struct rte_mbuf *tuple) {
	return (enum packet_link)tuple->packet_type;
}

// The application of a packet's flow (application_names.h), 0: not known. flow_id clears it, `application` sets it; it
// lies beside the hash, where ports leave only what QinQ offloads write, and weir asks for none.
static inline uint16_t tuple_application(const struct rte_mbuf *tuple) {
	return tuple->vlan_tci_outer;
}

static inline void tuple_set_application(struct rte_mbuf *tuple, uint16_t application) {
	tuple->vlan_tci_outer = application;
}

static inline uint64_t tuple_hash(const struct rte_mbuf *tuple) {
	uint64_t hash;
	memcpy(&hash, &tuple->hash, sizeof(hash));
	return hash;
}

static inline void tuple_set_hash(struct rte_mbuf *tuple, uint64_t hash) {
	memcpy(&tuple->hash, &hash, sizeof(hash));
}
_Static_assert(sizeof(((struct rte_mbuf *)NULL)->hash) >= sizeof(uint64_t), "the hash fits");
