// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/payload.h"

#include <netinet/in.h>

enum {
	TCP_HEADER_SIZE = 20,
	TCP_OFFSET_AT = 12, // its upper half: words of the header
	UDP_HEADER_SIZE = 8,
};

struct payload payload_of(const struct rte_mbuf *tuple, const struct packet_meta *packet, void *buffer, uint32_t max) {
	struct payload none = {0};
	uint32_t offset = packet->l4_offset;
	if (offset == 0 || packet->payload_bytes == 0)
		return none;
	if (packet->key.protocol == IPPROTO_UDP) {
		offset += UDP_HEADER_SIZE;
	} else if (packet->key.protocol == IPPROTO_TCP) {
		if (tuple->data_len < offset + TCP_HEADER_SIZE)
			return none;
		const uint8_t *header = rte_pktmbuf_mtod_offset(tuple, const uint8_t *, offset);
		offset += (uint32_t)(header[TCP_OFFSET_AT] >> 4) * 4;
	} else {
		return none;
	}
	if (tuple->pkt_len <= offset)
		return none;
	uint32_t size = RTE_MIN(RTE_MIN(tuple->pkt_len - offset, packet->payload_bytes), max);
	return (struct payload){.data = rte_pktmbuf_read(tuple, offset, size, buffer), .size = size};
}
