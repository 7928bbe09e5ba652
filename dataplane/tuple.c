// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What lies beside the tuples of a batch, on its way into mbufs and out of them (tuple.h). There the application has
// the field behind the hash, where ports leave only what QinQ offloads write, and weir asks for none.
#include "dataplane/tuple.h"

_Static_assert(sizeof(((struct rte_mbuf *)NULL)->hash) == sizeof(uint64_t), "the hash fits");

// Whole in one mbuf with its own data, which nobody else refers to: it goes back to its pool as it is.
static bool is_simple(const struct rte_mbuf *tuple, const struct rte_mempool *pool) {
	return (rte_mbuf_refcnt_read(tuple) == 1) & (tuple->nb_segs == 1) & RTE_MBUF_DIRECT(tuple) &
	       (tuple->pool == pool);
}

void batch_free(struct batch *batch) {
	if (batch->count == 0)
		return;
	// rte_pktmbuf_free_bulk would read `next`, which is in the mbuf's second cache line.
	struct rte_mempool *pool = batch->tuples[0]->pool;
	bool are_simple = true;
	for (unsigned i = 0; i < batch->count; i++)
		are_simple &= is_simple(batch->tuples[i], pool);
	if (are_simple)
		rte_mempool_put_bulk(pool, (void *const *)batch->tuples, batch->count);
	else
		rte_pktmbuf_free_bulk(batch->tuples, batch->count);
	batch->count = 0;
}

static void store(struct batch *batch, unsigned i) {
	struct rte_mbuf *tuple = batch->tuples[i];
	struct packet_meta *fields = tuple_stored_packet(tuple);
	if (tuple->vlan_tci_outer != batch->applications[i])
		tuple->vlan_tci_outer = batch->applications[i];
	if (batch->packets[i] == fields)
		return;
	*fields = *batch->packets[i];
	batch->packets[i] = fields;
}

void batch_store(struct batch *batch, const struct schema *schema) {
	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t stored;
		memcpy(&stored, &batch->tuples[i]->hash, sizeof(stored));
		if (stored != batch->hashes[i])
			memcpy(&batch->tuples[i]->hash, &batch->hashes[i], sizeof(stored));
		if (schema->body == SCHEMA_PACKET)
			store(batch, i);
	}
}

void batch_load(struct batch *batch) {
	batch->keys = NULL;
	for (unsigned i = 0; i < batch->count; i++) {
		const struct rte_mbuf *tuple = batch->tuples[i];
		batch->packets[i] = tuple_stored_packet(batch->tuples[i]);
		__builtin_prefetch(batch->packets[i]);
		memcpy(&batch->hashes[i], &tuple->hash, sizeof(batch->hashes[i]));
		batch->applications[i] = tuple->vlan_tci_outer;
	}
}
