// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What one instance has of the flows that an operator keeps: beside the table, which all instances share, the TCP state
// of its flows, their link headers, and which of them changed. Records and updates are filled from all of it together.
//
//   thread  that of the instance; struct flow_shared is made before the instances and freed after them
#pragma once

#include <netinet/in.h>

#include "dataplane/flow_changes.h"
#include "dataplane/link_set.h"
#include "dataplane/operator.h"
#include "dataplane/tcp_table.h"

// What the instances share.
struct flow_shared {
	struct flow_table *table;
	struct tcp_table *tcp; // NULL: no TCP analysis
};

struct flow_part {
	struct flow_table *table;
	struct tcp_flow *tcp_flows; // parallel to table->flows; NULL: no TCP analysis
	struct tcp_lender tcp_lender;
	struct flow_changes changes;
	struct link_set links;
};

//   capacity, parts  as given to flow_table_new
//   return           0, -EINVAL or -ENOMEM
int flow_shared_new(struct flow_shared **out, uint64_t capacity, unsigned parts, bool has_tcp);
void flow_shared_free(struct flow_shared *shared); // NULL is fine

//   part    zeroed
//   return  0 or -ENOMEM; it is to be finished in any case
int flow_part_init(struct flow_part *part, const struct flow_shared *shared, unsigned index);
void flow_part_fini(struct flow_part *part);

// The TCP state of a flow.
//   return  NULL: it has none
static inline struct tcp_flow *flow_part_tcp(const struct flow_part *part, uint32_t record) {
	bool is_tcp = part->tcp_flows != NULL && part->table->flows[record].protocol == IPPROTO_TCP;
	return is_tcp ? &part->tcp_flows[record] : NULL;
}

// Begin a flow with a packet that is counted next (flow_start); its link headers are taken apart from that.
void flow_part_start(struct flow_part *part, uint32_t record, struct rte_mbuf *tuple);
// Count any packet.
void flow_part_count(struct flow_part *part, uint32_t record, struct rte_mbuf *tuple);
// Count a packet in the flow's TCP state, if it has any: what flow_count leaves to do.
static inline void flow_part_count_tcp(struct flow_part *part, uint32_t record, struct rte_mbuf *tuple) {
	struct tcp_flow *tcp = flow_part_tcp(part, record);
	if (tcp != NULL)
		tcp_table_count(tcp, &part->tcp_lender, tuple_packet(tuple), rte_pktmbuf_mtod(tuple, const uint8_t *),
			rte_pktmbuf_data_len(tuple));
}

// Give back what a flow's TCP state borrowed.
void flow_part_end_tcp(struct flow_part *part, uint32_t record);
// tcp_table_has_syn; false where there is no TCP state.
bool flow_part_has_syn(const struct flow_part *part, uint32_t record, struct rte_mbuf *tuple);

// Find the flows of a batch, their memory on its way into the cache.
//   hashes      [batch->count] filled: of the packets' keys
//   candidates  [batch->count] filled, as by flow_table_lookup_batch
void flow_part_lookup_batch(
	const struct flow_part *part, const struct batch *batch, uint64_t *hashes, uint32_t *candidates);

// The flow's record is out and the flow goes on.
void flow_part_cut(struct flow_part *part, uint32_t record);

// Keep the link headers of the packet that begins a flow's record, until they are given back.
void flow_part_take_links(struct flow_part *part, uint32_t record, const struct node *node, struct rte_mbuf *tuple);
void flow_part_give_links(struct flow_part *part, uint32_t record);

// Fill what the flow's record tells, all but its end_reason, or the update of what changed (flow_update_fill).
//   out  zeroed
void flow_part_fill_record(const struct flow_part *part, uint32_t record, struct flow_record *out);
void flow_part_fill_update(struct flow_part *part, uint32_t record, struct flow_update *out);
