// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// An instance's part of the flows (see flow_part.h).
#include "dataplane/flow_part.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/flow_record_fill.h"
#include "dataplane/tcp_record.h"

int flow_shared_new(struct flow_shared **out, uint64_t capacity, unsigned parts, bool has_tcp) {
	struct flow_shared *shared = calloc(1, sizeof(*shared));
	int error = shared != NULL ? flow_table_new(&shared->table, capacity, parts) : -ENOMEM;
	if (error == 0 && has_tcp)
		error = tcp_table_new(&shared->tcp, capacity, parts);
	if (error == 0)
		*out = shared;
	else
		flow_shared_free(shared);
	return error;
}

void flow_shared_free(struct flow_shared *shared) {
	if (shared == NULL)
		return;
	flow_table_free(shared->table);
	tcp_table_free(shared->tcp);
	free(shared);
}

int flow_part_init(struct flow_part *part, const struct flow_shared *shared, unsigned index) {
	part->table = shared->table;
	if (shared->tcp != NULL) {
		part->tcp_flows = shared->tcp->flows;
		part->tcp_lender = tcp_table_lender(shared->tcp, index);
	}
	int error = flow_changes_init(&part->changes, part->table);
	return error != 0 ? error : link_set_init(&part->links, part->table->capacity);
}

void flow_part_fini(struct flow_part *part) {
	flow_changes_fini(&part->changes);
	link_set_fini(&part->links);
}

// Fetch what TCP analysis will touch: of all packets first what is found at once, then what that leads to.
static void prefetch_tcp(const struct flow_part *part, const struct batch *batch, const uint32_t *candidates) {
	const struct tcp_flow *flows[BATCH_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		if (tuple_packet(batch->tuples[i])->key.protocol != IPPROTO_TCP)
			continue;
		flows[n] = &part->tcp_flows[candidates[i]];
		__builtin_prefetch(&flows[n]->near, 1);
		__builtin_prefetch(&flows[n]->far, 1);
		n++;
	}
	for (unsigned i = 0; i < n; i++)
		tcp_table_prefetch_blocks(flows[i], &part->tcp_lender);
	for (unsigned i = 0; i < n; i++)
		tcp_table_prefetch_spans(flows[i], &part->tcp_lender);
}

void flow_part_lookup_batch(
	const struct flow_part *part, const struct batch *batch, uint64_t *hashes, uint32_t *candidates) {
	for (unsigned i = 0; i < batch->count; i++) {
		hashes[i] = tuple_hash(batch->tuples[i]);
		flow_table_prefetch(part->table, hashes[i]);
	}
	flow_table_lookup_batch(part->table, hashes, batch->count, candidates);
	if (part->tcp_flows != NULL)
		prefetch_tcp(part, batch, candidates);
}

void flow_part_start(struct flow_part *part, uint32_t record, struct rte_mbuf *tuple) {
	flow_start(&part->table->flows[record], &part->table->colds[record], tuple_packet(tuple));
	struct tcp_flow *tcp = flow_part_tcp(part, record);
	if (tcp != NULL)
		tcp_flow_start(tcp);
}

void flow_part_count(struct flow_part *part, uint32_t record, struct rte_mbuf *tuple) {
	const struct packet_meta *meta = tuple_packet(tuple);
	struct flow_cold *cold = &part->table->colds[record];
	if (tuple_application(tuple) != 0)
		flow_set_application(cold, tuple_application(tuple));
	flow_count_any(&part->table->flows[record], cold, meta, meta->bits & PACKET_REVERSED);
	flow_part_count_tcp(part, record, tuple);
}

void flow_part_end_tcp(struct flow_part *part, uint32_t record) {
	struct tcp_flow *tcp = flow_part_tcp(part, record);
	if (tcp != NULL)
		tcp_flow_end(tcp, &part->tcp_lender);
}

bool flow_part_has_syn(const struct flow_part *part, uint32_t record, struct rte_mbuf *tuple) {
	const struct tcp_flow *tcp = flow_part_tcp(part, record);
	return tcp != NULL && tcp_table_has_syn(tcp, tuple_packet(tuple), rte_pktmbuf_mtod(tuple, const uint8_t *),
				      rte_pktmbuf_data_len(tuple));
}

void flow_part_cut(struct flow_part *part, uint32_t record) {
	flow_cut(&part->table->flows[record], &part->table->reports[record]);
	struct tcp_flow *tcp = flow_part_tcp(part, record);
	if (tcp != NULL)
		tcp_flow_cut(tcp, &part->tcp_lender);
}

void flow_part_take_links(struct flow_part *part, uint32_t record, const struct node *node, struct rte_mbuf *tuple) {
	struct packet_link_headers headers;
	const uint8_t *data = rte_pktmbuf_mtod(tuple, const uint8_t *);
	uint16_t size = rte_pktmbuf_data_len(tuple);
	uint8_t bits = tuple_packet(tuple)->bits;
	packet_parse_link(data, size, tuple_link(tuple), &headers);
	if (packet_tunnels_opened(bits) > 0)
		packet_parse_tunnels(data, size, tuple_link(tuple), packet_tunnels_opened(bits), &headers);
	if (bits & PACKET_REVERSED) { // source and destination are those of the canonical key
		uint8_t mac[sizeof(headers.src_mac)];
		memcpy(mac, headers.src_mac, sizeof(mac));
		memcpy(headers.src_mac, headers.dst_mac, sizeof(mac));
		memcpy(headers.dst_mac, mac, sizeof(mac));
	}
	uint64_t hash = 0;
	if (!link_set_is_last(&part->links, &headers))
		hash = key_hash(node, &headers, sizeof(headers));
	part->table->colds[record].headers = link_set_take(&part->links, &headers, hash);
}

void flow_part_give_links(struct flow_part *part, uint32_t record) {
	link_set_give(&part->links, part->table->colds[record].headers);
}

void flow_part_fill_record(const struct flow_part *part, uint32_t record, struct flow_record *out) {
	const struct flow *flow = &part->table->flows[record];
	const struct flow_cold *cold = &part->table->colds[record];
	struct flow_key key;
	flow_table_key(part->table, record, &key);
	flow_record_fill(out, &key, flow, cold, link_set_at(&part->links, cold->headers));
	const struct tcp_flow *tcp = flow_part_tcp(part, record);
	if (tcp != NULL)
		tcp_record_fill(tcp, &part->tcp_lender, (flow->bits & FLOW_FORWARD_IS_REVERSED) != 0, out);
}

void flow_part_fill_update(struct flow_part *part, uint32_t record, struct flow_update *out) {
	struct flow *flow = &part->table->flows[record];
	struct flow_key key;
	flow_table_key(part->table, record, &key);
	flow_update_fill(out, &key, flow, flow_changes_report(&part->changes, record),
		flow_end_ns(flow, &part->table->colds[record]));
}
