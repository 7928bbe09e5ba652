// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/ring.h"

#include <errno.h>
#include <stdlib.h>

int ring_new(struct ring **out, unsigned size) {
	struct ring *ring = aligned_alloc(alignof(struct ring), sizeof(*ring));
	if (ring == NULL)
		return -ENOMEM;
	memset(ring, 0, sizeof(*ring));

	int rc = -EINVAL;
	if (size < RING_SIZE_MIN || size > RING_SIZE_MAX)
		goto err;
	// One slot of an rte_ring stays empty unless it is told to keep an exact size.
	ssize_t memory_size = rte_ring_get_memsize(size * 2);
	if (memory_size < 0)
		goto err;
	rc = -ENOMEM;
	ring->tuples = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL((size_t)memory_size, RTE_CACHE_LINE_SIZE));
	if (ring->tuples == NULL)
		goto err;
	rc = rte_ring_init(ring->tuples, "weir", size, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
	if (rc < 0)
		goto err;
	ring->arrivals = calloc(rte_align32pow2(size), sizeof(*ring->arrivals));
	rc = -ENOMEM;
	if (ring->arrivals == NULL)
		goto err;
	ring->size = size;
	ring->arrival_mask = rte_align32pow2(size) - 1;
	*out = ring;
	return 0;
err:
	ring_free(ring);
	return rc;
}

void ring_free(struct ring *ring) {
	if (ring == NULL)
		return;
	free(ring->arrivals);
	free(ring->tuples);
	free(ring);
}

void ring_enqueue(struct ring *ring, struct rte_mbuf *const *tuples, unsigned n, uint64_t since) {
	// Counted first, so that whoever sees a tuple received also sees it sent: the difference never is negative.
	uint64_t sent = atomic_load_explicit(&ring->sent, memory_order_relaxed);
	atomic_store_explicit(&ring->sent, sent + n, memory_order_relaxed);
	ring->arrivals[ring->enqueued++ & ring->arrival_mask] = (struct ring_arrival){.sent = sent + n, .since = since};
	unsigned done = rte_ring_sp_enqueue_bulk(ring->tuples, (void *const *)tuples, n, NULL);
	if (done != n)
		abort(); // the room was reserved: only a broken invariant of the engine gets here
	ring->kick = true;
}

// Look at the batches that the tuples dequeued last came in, up to the one that is still in the ring in part.
//   received  tuples, those included
//   return    since when the oldest is on its way
static uint64_t pass_arrivals(struct ring *ring, uint64_t received) {
	const uint64_t mask = ring->arrival_mask;
	uint64_t since = ring->arrivals[ring->dequeued & mask].since;
	while (ring->arrivals[ring->dequeued & mask].sent < received)
		ring->dequeued++;
	ring->dequeued += ring->arrivals[ring->dequeued & mask].sent == received;
	return since;
}

// A ring that is never found empty still lets time pass: one watermark at a time is remembered, with the number of
// tuples sent before it, until those have been dequeued.
struct ring_reading ring_dequeue(struct ring *ring, struct rte_mbuf **tuples, unsigned max) {
	// Read before the tuples: what was promised must not be newer than what is taken.
	bool closed = atomic_load_explicit(&ring->closed, memory_order_acquire);
	uint64_t watermark_ns = atomic_load_explicit(&ring->watermark_ns, memory_order_acquire);
	uint64_t sent = atomic_load_explicit(&ring->sent, memory_order_relaxed);
	uint64_t received = atomic_load_explicit(&ring->received, memory_order_relaxed);
	if (ring->promised_sent <= received) {
		ring->promised_ns = watermark_ns;
		ring->promised_sent = sent;
	}
	unsigned count = rte_ring_sc_dequeue_burst(ring->tuples, (void **)tuples, max, NULL);
	received += count;
	uint64_t since = count > 0 ? pass_arrivals(ring, received) : 0;
	atomic_store_explicit(&ring->received, received, memory_order_release);
	bool emptied = count < max;
	if (emptied) {
		ring->promised_ns = watermark_ns;
		ring->promised_sent = received;
	}
	return (struct ring_reading){
		.count = count,
		.drained = received >= ring->promised_sent,
		.finished = closed && emptied,
		.since = since,
		.watermark_ns = ring->promised_ns,
	};
}
