// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Copies frames into chains of mbufs (frame.h).
#include "dataplane/frame.h"

#include <string.h>

struct rte_mbuf *frame_copy(struct rte_mempool *pool, const uint8_t *data, uint32_t size) {
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool);
	struct rte_mbuf *tail = head;
	if (!head)
		return NULL;
	for (uint32_t copied = 0;;) {
		uint32_t part = RTE_MIN(size - copied, (uint32_t)rte_pktmbuf_tailroom(tail));
		memcpy(rte_pktmbuf_mtod(tail, uint8_t *), data + copied, part);
		tail->data_len = (uint16_t)part;
		copied += part;
		if (copied == size)
			break;
		tail->next = rte_pktmbuf_alloc(pool);
		if (!tail->next) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		tail = tail->next;
		tail->data_off = 0; // only the first segment has a headroom
		head->nb_segs++;
	}
	head->pkt_len = size;
	return head;
}
