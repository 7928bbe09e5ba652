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
_Static_assert(FLOW_APPLICATION_SIZE % 8 == 0, "a key");

enum { APPLICATIONS_MAX = 4096 };

int summary_tables_init(struct summary_tables *tables, uint32_t entries, uint64_t seed) {
	*tables = (struct summary_tables){.sketch_capacity = entries / SUMMARY_FAN_OUT_MIN + 1,
		.histogram_capacity = entries / SUMMARY_PREFIXES_PER_HISTOGRAM + 1};
	weir__totals__init(&tables->totals);
	if (tally_init(&tables->flows, sizeof(struct summary_flow_key), sizeof(struct summary_flow), entries, seed) < 0)
		goto err;
	if (tally_init(&tables->hosts, 16, sizeof(struct summary_host), entries, seed) < 0)
		goto err;
	if (tally_init(&tables->services, sizeof(struct summary_service_key), sizeof(struct summary_service), entries,
		    seed) < 0)
		goto err;
	if (tally_init(&tables->prefixes, sizeof(struct summary_prefix_key), sizeof(struct summary_prefix), entries,
		    seed) < 0)
		goto err;
	if (tally_init(&tables->applications, FLOW_APPLICATION_SIZE, sizeof(struct summary_application),
		    entries < APPLICATIONS_MAX ? entries : APPLICATIONS_MAX, seed) < 0)
		goto err;
	tables->sketches = calloc(tables->sketch_capacity, sizeof(*tables->sketches));
	tables->histograms = calloc(tables->histogram_capacity, sizeof(*tables->histograms));
	if (tables->sketches != NULL && tables->histograms != NULL)
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
	tally_fini(&tables->applications);
	free(tables->sketches);
	free(tables->histograms);
	tables->sketches = NULL;
	tables->histograms = NULL;
}

void summary_tables_clear(struct summary_tables *tables) {
	tally_clear(&tables->flows);
	tally_clear(&tables->hosts);
	tally_clear(&tables->services);
	tally_clear(&tables->prefixes);
	tally_clear(&tables->applications);
	tables->sketch_count = tables->histogram_count = 0;
	tables->rtt = tables->handshake = (struct histogram){.lost_bits = 0};
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
	to->tcp_retransmitted_packets += interval->tcp_retransmitted_packets;
	to->tcp_out_of_order_packets += interval->tcp_out_of_order_packets;
	to->tcp_zero_windows += interval->tcp_zero_windows;
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

static void add_rtt(struct summary_rtt *rtt, const struct flow_update_tcp *tcp) {
	rtt->samples += tcp->rtt_samples;
	rtt->sum_ns += tcp->rtt_samples * tcp->rtt_avg_ns;
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
	flow->total_fwd_packets = update->total_fwd_packets;
	flow->total_rev_packets = update->total_rev_packets;
	flow->start_ns = update->start_ns;
	flow->ended = has_ended(update);
	flow->retransmitted_packets += update->fwd_tcp.retransmitted_packets + update->rev_tcp.retransmitted_packets;
	add_rtt(&flow->fwd_rtt, &update->fwd_tcp);
	add_rtt(&flow->rev_rtt, &update->rev_tcp);
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

static void add_application(struct summary_tables *tables, const struct flow_update *update) {
	if (!(update->present >> FLOW_HAS_APPLICATION & 1))
		return;
	tables->has_applications = true;
	uint64_t hash = tally_hash(&tables->applications, update->application);
	struct summary_application *application = tally_at(&tables->applications, update->application, hash);
	if (application == NULL)
		return;
	application->packets += update->fwd_packets + update->rev_packets;
	application->bytes += update->fwd_bytes + update->rev_bytes;
	application->flows += update->started;
}

static void add_traffic(struct summary_traffic *to, const struct summary_traffic *traffic) {
	to->sent_packets += traffic->sent_packets;
	to->sent_bytes += traffic->sent_bytes;
	to->received_packets += traffic->received_packets;
	to->received_bytes += traffic->received_bytes;
}

static struct summary_prefix *prefix_of(struct tally *prefixes, const uint8_t *ip) {
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

static void take_histogram(struct summary_tables *tables, struct summary_tcp *tcp) {
	if (tables->histogram_count == tables->histogram_capacity) {
		tables->histograms_refused++;
		return;
	}
	tables->histograms[tables->histogram_count++] = (struct histogram){.lost_bits = 0};
	tcp->histogram = tables->histogram_count;
}

// Add TCP figures to a prefix.
//   to_it  what was sent to it: its round-trip times are those of the ACKs that came back
static void add_tcp(struct summary_tables *tables, struct summary_tcp *tcp, const struct flow_update *update,
	const struct flow_update_tcp *to_it) {
	const struct flow_update_tcp *a = &update->fwd_tcp, *b = &update->rev_tcp;

	tcp->packets += update->fwd_packets + update->rev_packets;
	tcp->retransmitted_packets += a->retransmitted_packets + b->retransmitted_packets;
	tcp->out_of_order_packets += a->out_of_order_packets + b->out_of_order_packets;
	tcp->zero_windows += a->zero_windows + b->zero_windows;
	if (to_it->rtt_samples == 0)
		return;
	if (tcp->histogram == 0)
		take_histogram(tables, tcp);
	if (tcp->histogram > 0)
		histogram_add(&tables->histograms[tcp->histogram - 1], to_it->rtt_avg_ns, to_it->rtt_samples);
}

// What all of the traffic has, the histograms among it.
static void add_tcp_totals(struct summary_tables *tables, const struct flow_update *update) {
	const struct flow_update_tcp *a = &update->fwd_tcp, *b = &update->rev_tcp;
	Weir__Totals *totals = &tables->totals;

	totals->tcp_retransmitted_packets += a->retransmitted_packets + b->retransmitted_packets;
	totals->tcp_out_of_order_packets += a->out_of_order_packets + b->out_of_order_packets;
	totals->tcp_zero_windows += a->zero_windows + b->zero_windows;
	if (a->rtt_samples > 0)
		histogram_add(&tables->rtt, a->rtt_avg_ns, a->rtt_samples);
	if (b->rtt_samples > 0)
		histogram_add(&tables->rtt, b->rtt_avg_ns, b->rtt_samples);
	if (update->present >> FLOW_HAS_HANDSHAKE & 1)
		histogram_add(&tables->handshake, update->handshake_rtt_ns, 1);
}

// One end of a flow: what it sent and received, and the TCP figures of what was sent to it.
struct end {
	const uint8_t *ip;
	struct summary_traffic traffic;
	const struct flow_update_tcp *tcp;
};

// Add what an end had to its host and prefix.
//   return  the host, or NULL: refused
static struct summary_host *add_end(
	struct summary_tables *tables, const struct end *end, const struct flow_update *update) {
	const uint8_t *ip = end->ip;
	struct summary_host *host = tally_at(&tables->hosts, ip, tally_hash(&tables->hosts, ip));
	struct summary_prefix *prefix;

	// A host remembers where its prefix is, which saves most of the look-ups.
	if (host != NULL && host->prefix > 0)
		prefix = tally_value(&tables->prefixes, host->prefix - 1);
	else
		prefix = prefix_of(&tables->prefixes, ip);
	if (prefix != NULL)
		add_traffic(&prefix->traffic, &end->traffic);
	if (prefix != NULL && update->present >> FLOW_HAS_TCP & 1)
		add_tcp(tables, &prefix->tcp, update, end->tcp);
	if (host == NULL)
		return NULL;
	if (prefix != NULL)
		host->prefix = tally_entry(&tables->prefixes, prefix) + 1;
	add_traffic(&host->traffic, &end->traffic);
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
	const struct end src_end = {update->src_ip,
		{update->fwd_packets, update->fwd_bytes, update->rev_packets, update->rev_bytes}, &update->rev_tcp};
	const struct end dst_end = {update->dst_ip,
		{update->rev_packets, update->rev_bytes, update->fwd_packets, update->fwd_bytes}, &update->fwd_tcp};

	add_totals(&tables->totals, update);
	if (update->present >> FLOW_HAS_TCP & 1)
		add_tcp_totals(tables, update);
	add_flow(&tables->flows, update);
	add_service(&tables->services, update);
	add_application(tables, update);
	struct summary_host *src = add_end(tables, &src_end, update);
	struct summary_host *dst = add_end(tables, &dst_end, update);
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
