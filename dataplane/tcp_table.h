// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// TCP analysis beside a flow table: one struct tcp_flow per record, of which only those of TCP flows are ever touched,
// and the pool of blocks they borrow from. The calls follow the life of a flow: start, count each packet, fill and cut
// for each record, end.
//
//   thread  as in flow_table.h: a record is used by one thread at a time, with that thread's part
#pragma once

#include "api/flow_record.h"
#include "dataplane/packet.h"
#include "dataplane/tcp_plain.h"
#include "dataplane/tcp_update.h"

struct tcp_table {
	uint32_t capacity;
	struct tcp_flow *flows; // [capacity + 1]
	struct tcp_told *told;  // [capacity + 1], touched only where somebody hears updates
	struct index_pool pool;
	union tcp_block *blocks;
	unsigned part_count;
	struct index_cache *caches; // [part_count]
};

//   capacity, parts  as given to flow_table_new
//   return           0 or -ENOMEM
int tcp_table_new(struct tcp_table **out, uint64_t capacity, unsigned parts);
void tcp_table_free(struct tcp_table *table);

// What the instance of a part borrows blocks with.
struct tcp_lender tcp_table_lender(struct tcp_table *table, unsigned part);

// Whether a packet is a SYN that its sender has sent before, and nothing since.
bool tcp_table_has_syn(const struct tcp_flow *flow, const struct packet_meta *meta, const uint8_t *data, size_t size);

//   return  false: the packet has no TCP header (a later fragment)
static inline bool tcp_table_read(
	const struct packet_meta *meta, const uint8_t *data, size_t size, struct tcp_segment *segment) {
	segment->time_ns = meta->timestamp_ns;
	segment->payload_bytes = meta->payload_bytes;
	return meta->l4_offset != 0 && meta->l4_offset < size &&
	       tcp_segment_parse(data + meta->l4_offset, size - meta->l4_offset, segment);
}

// Have the state of a connection fetched.
static inline void tcp_table_prefetch(const struct tcp_flow *flow) {
	__builtin_prefetch(&flow->near, 1);
	__builtin_prefetch(&flow->far, 1);
}

// Have what a connection borrowed fetched: first the two blocks of its directions, then those of their spans, each once
// what leads to it is there.
static inline void tcp_table_prefetch_blocks(const struct tcp_flow *flow, const struct tcp_lender *lender) {
	if (flow->more != 0)
		__builtin_prefetch(&lender->blocks[flow->more], 1);
}

static inline void tcp_table_prefetch_spans(const struct tcp_flow *flow, const struct tcp_lender *lender) {
	if (flow->more == 0)
		return;
	const struct tcp_more *more = &lender->blocks[flow->more].more;
	__builtin_prefetch(&lender->blocks[more->twin], 1);
	__builtin_prefetch(&lender->blocks[more->first], 1);
}

// What tcp_table_count does with a packet that has a TCP header and is not the common case. It reads it again, with
// its options, so that the segment of the common case never leaves the registers.
void tcp_table_count_any(struct tcp_flow *flow, struct tcp_lender *lender, const struct packet_meta *meta,
	const uint8_t *data, size_t size);

// Count a packet of a TCP flow; one without a TCP header is passed over.
//   data, size  the frame's captured bytes, as the packet parser had them
static inline void tcp_table_count(struct tcp_flow *flow, struct tcp_lender *lender, const struct packet_meta *meta,
	const uint8_t *data, size_t size) {
	struct tcp_segment segment;
	if (tcp_table_read(meta, data, size, &segment) &&
		!tcp_plain_count(flow, &segment, meta->bits & PACKET_REVERSED))
		tcp_table_count_any(flow, lender, meta, data, size);
}
