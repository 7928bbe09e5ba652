// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
#include "dataplane/summary_tables.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };

_Static_assert(sizeof(struct summary_flow_key) == 40, "a multiple of 8 without hidden padding");
_Static_assert(sizeof(struct summary_service_key) == 8, "a multiple of 8 without hidden padding");
_Static_assert(sizeof(struct summary_prefix_key) == 24, "a multiple of 8 without hidden padding");
_Static_assert(sizeof(struct summary_host) % 8 == 0, "values lie one behind the other");

int summary_tables_init(struct summary_tables *tables, uint32_t entries, uint64_t seed) {
	*tables = (struct summary_tables){.sketch_capacity = entries / SUMMARY_FAN_OUT_MIN + 1};
	weir__totals__init(&tables->totals);
	if (tally_init(&tables->flows, sizeof(struct summary_flow_key), sizeof(struct summary_flow), entries, seed) < 0)
		goto err;
	if (tally_init(&tables->hosts, 16, sizeof(struct summary_host), entries, seed) < 0)
		goto err;
	if (tally_init(&tables->services, sizeof(struct summary_service_key), sizeof(struct summary_service), entries,
		    seed) < 0)
		goto err;
	if (tally_init(&tables->prefixes, sizeof(struct summary_prefix_key), sizeof(struct summary_traffic), entries,
		    seed) < 0)
		goto err;
	tables->sketches = calloc(tables->sketch_capacity, sizeof(*tables->sketches));
	if (tables->sketches != NULL)
		return 0;
err:
	summary_tables_fini(tables);
	return -ENOMEM;
}

void summary_tables_fini(struct summary_tables *tables) {
	tally_fini(&tables->flows);
	tally_fini(&tables->hosts);
	tally_fini(&tables->services);
	tally_fini(&tables->prefixes);
	free(tables->sketches);
	tables->sketches = NULL;
}

void summary_tables_clear(struct summary_tables *tables) {
	tally_clear(&tables->flows);
	tally_clear(&tables->hosts);
	tally_clear(&tables->services);
	tally_clear(&tables->prefixes);
	tables->sketch_count = 0;
	weir__totals__init(&tables->totals);
}

void summary_totals_add(Weir__Totals *to, const Weir__Totals *interval) {
	to->packets += interval->packets;
	to->bytes += interval->bytes;
	to->flows_started += interval->flows_started;
	to->flows_ended += interval->flows_ended;
	to->tcp_packets += interval->tcp_packets;
	to->tcp_bytes += interval->tcp_bytes;
	to->udp_packets += interval->udp_packets;
	to->udp_bytes += interval->udp_bytes;
	to->icmp_packets += interval->icmp_packets;
	to->icmp_bytes += interval->icmp_bytes;
}

static bool has_ended(const struct flow_update *update) {
	return update->present >> FLOW_HAS_END & 1;
}

static void add_totals(Weir__Totals *totals, const struct flow_update *update) {
	uint64_t packets = update->fwd_packets + update->rev_packets;
	uint64_t bytes = update->fwd_bytes + update->rev_bytes;

	totals->packets += packets;
	totals->bytes += bytes;
	totals->flows_started += update->started;
	totals->flows_ended += has_ended(update);
	switch (update->protocol) {
	case IPPROTO_TCP:
		totals->tcp_packets += packets;
		totals->tcp_bytes += bytes;
		break;
	case IPPROTO_UDP:
		totals->udp_packets += packets;
		totals->udp_bytes += bytes;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		totals->icmp_packets += packets;
		totals->icmp_bytes += bytes;
		break;
	}
}

static void add_flow(struct tally *flows, const struct flow_update *update) {
	struct summary_flow_key key = {
		.src_port = update->src_port, .dst_port = update->dst_port, .protocol = update->protocol};

	memcpy(key.src_ip, update->src_ip, sizeof(key.src_ip));
	memcpy(key.dst_ip, update->dst_ip, sizeof(key.dst_ip));
	struct summary_flow *flow = tally_at(flows, &key, tally_hash(flows, &key));
	if (flow == NULL)
		return;
	flow->fwd_packets += update->fwd_packets;
	flow->fwd_bytes += update->fwd_bytes;
	flow->rev_packets += update->rev_packets;
	flow->rev_bytes += update->rev_bytes;
	flow->total_bytes = update->total_bytes;
	flow->start_ns = update->start_ns;
	flow->ended = has_ended(update);
}

static void add_service(struct tally *services, const struct flow_update *update) {
	struct summary_service_key key = {.protocol = update->protocol};

	switch (update->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_UDPLITE:
		key.port = update->dst_port;
	}
	struct summary_service *service = tally_at(services, &key, tally_hash(services, &key));
	if (service == NULL)
		return;
	service->packets += update->fwd_packets + update->rev_packets;
	service->bytes += update->fwd_bytes + update->rev_bytes;
	service->flows += update->started;
}

static void add_traffic(struct summary_traffic *to, const struct summary_traffic *traffic) {
	to->sent_packets += traffic->sent_packets;
	to->sent_bytes += traffic->sent_bytes;
	to->received_packets += traffic->received_packets;
	to->received_bytes += traffic->received_bytes;
}

static struct summary_traffic *prefix_of(struct tally *prefixes, const uint8_t *ip) {
	struct summary_prefix_key key = {0};

	if (summary_is_ipv4(ip)) {
		memcpy(key.prefix, ip, 12 + SUMMARY_PREFIX_BITS_IPV4 / 8);
		key.length = SUMMARY_PREFIX_BITS_IPV4;
	} else {
		memcpy(key.prefix, ip, SUMMARY_PREFIX_BITS_IPV6 / 8);
		key.length = SUMMARY_PREFIX_BITS_IPV6;
	}
	return tally_at(prefixes, &key, tally_hash(prefixes, &key));
}

// Add one end's traffic to its host and prefix.
//   return  the host, or NULL: refused
static struct summary_host *add_end(
	struct summary_tables *tables, const uint8_t *ip, const struct summary_traffic *traffic) {
	struct summary_host *host = tally_at(&tables->hosts, ip, tally_hash(&tables->hosts, ip));
	struct summary_traffic *prefix;

	// A host remembers where its prefix is, which saves most of the look-ups.
	if (host != NULL && host->prefix > 0)
		prefix = tally_value(&tables->prefixes, host->prefix - 1);
	else
		prefix = prefix_of(&tables->prefixes, ip);
	if (prefix != NULL)
		add_traffic(prefix, traffic);
	if (host == NULL)
		return NULL;
	if (prefix != NULL)
		host->prefix = tally_entry(&tables->prefixes, prefix) + 1;
	add_traffic(&host->traffic, traffic);
	return host;
}

// What a flow was opened to, hashed alike on every node.
static uint64_t endpoint_hash(const struct flow_update *update) {
	uint8_t endpoint[19];

	memcpy(endpoint, update->dst_ip, 16);
	endpoint[16] = (uint8_t)(update->dst_port >> 8);
	endpoint[17] = (uint8_t)update->dst_port;
	endpoint[18] = update->protocol;
	return hll_hash(endpoint, sizeof(endpoint));
}

static void give_sketch(struct summary_tables *tables, struct summary_host *host) {
	if (tables->sketch_count == tables->sketch_capacity) {
		tables->sketches_refused++;
		return;
	}
	struct hll *sketch = &tables->sketches[tables->sketch_count++];
	memset(sketch, 0, sizeof(*sketch));
	for (unsigned i = 0; i < SUMMARY_FAN_OUT_MIN; i++)
		hll_add_code(sketch, host->codes[i]);
	host->sketch = tables->sketch_count;
}

static void add_opened(struct summary_tables *tables, struct summary_host *host, const struct flow_update *update) {
	uint16_t code = hll_code(endpoint_hash(update));

	host->flows_out++;
	if (host->flows_out <= SUMMARY_FAN_OUT_MIN)
		host->codes[host->flows_out - 1] = code;
	else if (host->sketch > 0)
		hll_add_code(&tables->sketches[host->sketch - 1], code);
	if (host->flows_out == SUMMARY_FAN_OUT_MIN)
		give_sketch(tables, host);
}

void summary_tables_add(struct summary_tables *tables, const struct flow_update *update) {
	const struct summary_traffic of_src = {
		update->fwd_packets, update->fwd_bytes, update->rev_packets, update->rev_bytes};
	const struct summary_traffic of_dst = {
		update->rev_packets, update->rev_bytes, update->fwd_packets, update->fwd_bytes};

	add_totals(&tables->totals, update);
	add_flow(&tables->flows, update);
	add_service(&tables->services, update);
	struct summary_host *src = add_end(tables, update->src_ip, &of_src);
	struct summary_host *dst = add_end(tables, update->dst_ip, &of_dst);
	if (!update->started)
		return;

	bool unanswered = update->protocol == IPPROTO_TCP && update->fwd_tcp_flags & TCP_SYN &&
			  !(update->rev_tcp_flags & TCP_ACK);
	if (src != NULL) {
		add_opened(tables, src, update);
		src->syn_out += unanswered;
	}
	if (dst != NULL) {
		dst->flows_in++;
		dst->syn_in += unanswered;
	}
}
