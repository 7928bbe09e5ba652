// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "bench/load_lists.h"

#include <stdlib.h>

#include "api/histogram.h"
#include "api/weir.pb-c.h"

#define MS UINT64_C(1000000)

// Some addresses are many flows', as in a real network.
static uint32_t random_host(unsigned node) {
	double u = (double)rand() / RAND_MAX;
	return 10u << 24 | (node & 255) << 16 | (uint32_t)(60000 * u * u * u);
}

static ProtobufCBinaryData address_bytes(uint8_t out[4], uint32_t address) {
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(address >> (24 - 8 * i));
	return (ProtobufCBinaryData){4, out};
}

// What one summary lists. Storage is static: it is packed before the next one is made.
static void fill_flows(Weir__Summary *summary, const struct load_made *made) {
	static Weir__FlowDelta flows[LOAD_FLOWS_MAX], *list[LOAD_FLOWS_MAX];
	static uint8_t addresses[LOAD_FLOWS_MAX][2][4];
	for (unsigned i = 0; i < made->flows; i++) {
		Weir__FlowDelta *flow = list[i] = &flows[i];
		weir__flow_delta__init(flow);
		flow->src_ip = address_bytes(addresses[i][0], random_host(made->node));
		flow->dst_ip = address_bytes(addresses[i][1], (uint32_t)rand() | 0xc0000000u);
		flow->src_port = 1024 + (uint32_t)rand() % 64000;
		flow->dst_port = rand() % 2 ? 443 : (uint32_t)rand() % 1000;
		flow->protocol = 6;
		flow->fwd_packets = flow->rev_packets = LOAD_PACKETS / 2;
		flow->fwd_bytes = LOAD_BYTES / 8;
		flow->rev_bytes = LOAD_BYTES - LOAD_BYTES / 8;
		flow->total_bytes = LOAD_BYTES;
		flow->total_fwd_packets = flow->total_rev_packets = LOAD_PACKETS / 2;
		flow->start_ns = made->start_ns;
		flow->ended = i % 4 == 0;
		flow->fwd_rtt_ns = 20 * MS;
	}
	summary->flows = list;
	summary->n_flows = made->flows;
}

static void fill_hosts(Weir__Summary *summary, const struct load_made *made) {
	static Weir__HostDelta hosts[LOAD_LISTED], *list[LOAD_LISTED];
	static uint8_t addresses[LOAD_LISTED][4];
	for (unsigned i = 0; i < LOAD_LISTED; i++) {
		list[i] = &hosts[i];
		weir__host_delta__init(list[i]);
		list[i]->ip = address_bytes(addresses[i], random_host(made->node));
		list[i]->sent_packets = LOAD_PACKETS;
		list[i]->sent_bytes = LOAD_BYTES;
		list[i]->flows_out = 1;
	}
	summary->hosts = list;
	summary->n_hosts = LOAD_LISTED;
}

static void fill_others(Weir__Summary *summary, const struct load_made *made) {
	static Weir__ServiceDelta services[LOAD_LISTED / 2], *service_list[LOAD_LISTED / 2];
	static Weir__PrefixDelta prefixes[LOAD_LISTED / 2], *prefix_list[LOAD_LISTED / 2];
	static Weir__TcpPrefixDelta tcp[LOAD_LISTED / 2], *tcp_list[LOAD_LISTED / 2];
	static uint8_t addresses[LOAD_LISTED / 2][4], rtts[LOAD_LISTED / 2][96];
	for (unsigned i = 0; i < LOAD_LISTED / 2; i++) {
		struct histogram rtt = {.lost_bits = 0};
		for (unsigned s = 0; s < 20; s++)
			histogram_add(&rtt, 20 * MS + (uint64_t)rand() % (20 * MS), 3);
		weir__service_delta__init(service_list[i] = &services[i]);
		services[i].protocol = 6;
		services[i].port = i == 0 ? 443 : (uint32_t)rand() % 1000;
		services[i].bytes = LOAD_BYTES;
		services[i].packets = LOAD_PACKETS;
		weir__prefix_delta__init(prefix_list[i] = &prefixes[i]);
		prefixes[i].prefix = address_bytes(addresses[i], random_host(made->node) & ~255u);
		prefixes[i].length = 24;
		prefixes[i].sent_bytes = LOAD_BYTES;
		prefixes[i].sent_packets = LOAD_PACKETS;
		weir__tcp_prefix_delta__init(tcp_list[i] = &tcp[i]);
		tcp[i].prefix = prefixes[i].prefix;
		tcp[i].length = 24;
		tcp[i].packets = LOAD_PACKETS;
		tcp[i].rtt = (ProtobufCBinaryData){histogram_pack(&rtt, 3, rtts[i], sizeof(rtts[i])), rtts[i]};
	}
	summary->services = service_list;
	summary->prefixes = prefix_list;
	summary->tcp_prefixes = tcp_list;
	summary->n_services = summary->n_prefixes = summary->n_tcp_prefixes = LOAD_LISTED / 2;
}

void load_lists_make(struct load_lists *lists, const struct load_made *made) {
	static uint8_t rtt_bytes[256];
	Weir__Summary summary = WEIR__SUMMARY__INIT;
	Weir__Remainder hosts_rest = WEIR__REMAINDER__INIT, rest = WEIR__REMAINDER__INIT;
	struct histogram rtt = {.lost_bits = 0};
	for (unsigned s = 0; s < 200; s++)
		histogram_add(&rtt, 5 * MS + (uint64_t)rand() % (80 * MS), 3);
	summary.rtt = (ProtobufCBinaryData){histogram_pack(&rtt, 4, rtt_bytes, sizeof(rtt_bytes)), rtt_bytes};
	fill_flows(&summary, made);
	fill_hosts(&summary, made);
	fill_others(&summary, made);
	hosts_rest.count = 2 * made->flows;
	hosts_rest.packets = 2 * (uint64_t)LOAD_PACKETS * made->flows - LOAD_PACKETS * LOAD_LISTED;
	hosts_rest.bytes = 2 * (uint64_t)LOAD_BYTES * made->flows - LOAD_BYTES * LOAD_LISTED;
	hosts_rest.greatest_bytes = rest.greatest_bytes = LOAD_BYTES;
	rest.count = made->flows;
	rest.packets = (uint64_t)LOAD_PACKETS * made->flows - LOAD_PACKETS * LOAD_LISTED / 2;
	rest.bytes = (uint64_t)LOAD_BYTES * made->flows - LOAD_BYTES * LOAD_LISTED / 2;
	summary.hosts_rest = &hosts_rest;
	summary.services_rest = &rest;
	summary.prefixes_rest = &hosts_rest;
	lists->size = weir__summary__get_packed_size(&summary);
	lists->bytes = malloc(lists->size);
	if (lists->bytes == NULL)
		abort();
	weir__summary__pack(&summary, lists->bytes);
}
