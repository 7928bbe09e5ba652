// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a packet says above IP, in the plainest packet that says it: for libraries that inspect payload and should
// meet neither tunnels nor options, nor lengths that the capture does not keep.
#pragma once

#include <stdint.h>

#include "dataplane/tuple.h"

enum { PLAIN_PACKET_SIZE_MAX = UINT16_MAX };

// Make an IPv4 or IPv6 header without options in front of the transport header and what was captured of the payload.
// Checksums of IP are 0; padding behind the packet is left out.
//   tuple   a packet of flow_id
//   meta    its fields
//   out     [PLAIN_PACKET_SIZE_MAX]
//   return  bytes written; 0: it has no whole transport header, as later fragments have none
uint16_t plain_packet_make(const struct rte_mbuf *tuple, const struct packet_meta *meta, uint8_t *out);
