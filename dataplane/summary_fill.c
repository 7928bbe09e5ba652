// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/summary_fill.h"

#include <string.h>

static ProtobufCBinaryData ip_bytes(const uint8_t *ip) {
	bool is_ipv4 = summary_is_ipv4(ip);

	return (ProtobufCBinaryData){is_ipv4 ? 4 : 16, (uint8_t *)ip + (is_ipv4 ? 12 : 0)};
}

void summary_fill_host(struct summary_host_delta *out, const struct summary_tables *tables, uint32_t entry) {
	const struct summary_host *host = tally_value(&tables->hosts, entry);
	const struct hll *sketch = summary_sketch(tables, host);
	Weir__HostDelta *message = &out->message;

	weir__host_delta__init(message);
	message->ip = ip_bytes(tally_key(&tables->hosts, entry));
	message->sent_packets = host->traffic.sent_packets;
	message->sent_bytes = host->traffic.sent_bytes;
	message->received_packets = host->traffic.received_packets;
	message->received_bytes = host->traffic.received_bytes;
	message->flows_out = host->flows_out;
	message->flows_in = host->flows_in;
	message->syn_out = host->syn_out;
	message->syn_in = host->syn_in;
	if (sketch != NULL)
		message->endpoints_out = (ProtobufCBinaryData){hll_pack(sketch, out->sketch), out->sketch};
}

static uint64_t mean_ns(const struct summary_rtt *rtt) {
	return rtt->samples > 0 ? rtt->sum_ns / rtt->samples : 0;
}

void summary_fill_flow(Weir__FlowDelta *message, const struct summary_tables *tables, uint32_t entry) {
	const struct summary_flow_key *key = tally_key(&tables->flows, entry);
	const struct summary_flow *flow = tally_value(&tables->flows, entry);

	weir__flow_delta__init(message);
	message->src_ip = ip_bytes(key->src_ip);
	message->dst_ip = ip_bytes(key->dst_ip);
	message->src_port = key->src_port;
	message->dst_port = key->dst_port;
	message->protocol = key->protocol;
	message->fwd_packets = flow->fwd_packets;
	message->fwd_bytes = flow->fwd_bytes;
	message->rev_packets = flow->rev_packets;
	message->rev_bytes = flow->rev_bytes;
	message->total_bytes = flow->total_bytes;
	message->start_ns = flow->start_ns;
	message->ended = flow->ended;
	message->total_fwd_packets = flow->total_fwd_packets;
	message->total_rev_packets = flow->total_rev_packets;
	message->retransmitted_packets = flow->retransmitted_packets;
	message->fwd_rtt_ns = mean_ns(&flow->fwd_rtt);
	message->rev_rtt_ns = mean_ns(&flow->rev_rtt);
}

void summary_fill_service(Weir__ServiceDelta *message, const struct summary_tables *tables, uint32_t entry) {
	const struct summary_service_key *key = tally_key(&tables->services, entry);
	const struct summary_service *service = tally_value(&tables->services, entry);

	weir__service_delta__init(message);
	message->protocol = key->protocol;
	message->port = key->port;
	message->packets = service->packets;
	message->bytes = service->bytes;
	message->flows = service->flows;
}

void summary_fill_prefix(Weir__PrefixDelta *message, const struct summary_tables *tables, uint32_t entry) {
	const struct summary_prefix_key *key = tally_key(&tables->prefixes, entry);
	const struct summary_prefix *prefix = tally_value(&tables->prefixes, entry);
	const struct summary_traffic *traffic = &prefix->traffic;

	weir__prefix_delta__init(message);
	message->prefix = ip_bytes(key->prefix);
	message->length = key->length;
	message->sent_packets = traffic->sent_packets;
	message->sent_bytes = traffic->sent_bytes;
	message->received_packets = traffic->received_packets;
	message->received_bytes = traffic->received_bytes;
}

void summary_fill_tcp(struct summary_tcp_delta *out, const struct summary_tables *tables, uint32_t entry) {
	const struct summary_prefix_key *key = tally_key(&tables->prefixes, entry);
	const struct summary_prefix *prefix = tally_value(&tables->prefixes, entry);
	const struct histogram *rtt = summary_histogram(tables, prefix);
	Weir__TcpPrefixDelta *message = &out->message;

	weir__tcp_prefix_delta__init(message);
	message->prefix = ip_bytes(key->prefix);
	message->length = key->length;
	message->packets = prefix->tcp.packets;
	message->retransmitted_packets = prefix->tcp.retransmitted_packets;
	message->out_of_order_packets = prefix->tcp.out_of_order_packets;
	message->zero_windows = prefix->tcp.zero_windows;
	if (rtt != NULL)
		message->rtt = (ProtobufCBinaryData){
			histogram_pack(rtt, HISTOGRAM_PREFIX_RESOLUTION, out->rtt, sizeof(out->rtt)), out->rtt};
}

void summary_fill_application(
	struct summary_application_delta *out, const struct summary_tables *tables, uint32_t entry) {
	const struct summary_application *application = tally_value(&tables->applications, entry);
	Weir__ApplicationDelta *message = &out->message;

	weir__application_delta__init(message);
	memcpy(out->name, tally_key(&tables->applications, entry), FLOW_APPLICATION_SIZE);
	out->name[FLOW_APPLICATION_SIZE] = '\0';
	message->name = out->name;
	message->packets = application->packets;
	message->bytes = application->bytes;
	message->flows = application->flows;
}
