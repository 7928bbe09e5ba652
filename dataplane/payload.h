// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What lies above the transport header of a packet, for operators that read it.
#pragma once

#include "dataplane/tuple.h"

struct payload {
	const uint8_t *data; // valid as long as the packet and the buffer
	uint32_t size;       // bytes that were captured, of `packet->payload_bytes`; 0 also where there is none
};

// Find the payload of a TCP or UDP packet that flow_id accepted.
//   buffer  [max] taken where the bytes lie in several segments
//   max     bytes wanted
struct payload payload_of(const struct rte_mbuf *tuple, const struct packet_meta *packet, void *buffer, uint32_t max);
