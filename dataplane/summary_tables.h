// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a summary is made of: the updates of one interval, added up by flow, host, service and prefix in tallies of
// fixed size. What does not fit into a tally is in the totals alone, so that it ends in the lists' remainders.
//
//   thread  one
#pragma once

#include "api/flow_record.h"
#include "api/histogram.h"
#include "api/hll.h"
#include "api/weir.pb-c.h"
#include "dataplane/tally.h"

enum {
	// A host that starts this many flows in one interval gets a sketch of their endpoints.
	SUMMARY_FAN_OUT_MIN = 16,
	SUMMARY_PREFIX_BITS_IPV4 = 24,
	SUMMARY_PREFIX_BITS_IPV6 = 48,
	// One prefix in so many may have a histogram of round-trip times.
	SUMMARY_PREFIXES_PER_HISTOGRAM = 16,
	// How much more important a retransmitted packet makes a prefix than another.
	SUMMARY_RETRANSMITTED_WEIGHT = 100,
};

struct summary_flow_key {
	uint8_t src_ip[16], dst_ip[16];
	uint16_t src_port, dst_port;
	uint8_t protocol;
	uint8_t pad[3];
};

struct summary_flow {
	uint64_t fwd_packets, fwd_bytes, rev_packets, rev_bytes;
	uint64_t total_bytes, start_ns; // as of the last update, as are the next three
	uint64_t total_fwd_packets, total_rev_packets;
	uint64_t ended;
	uint64_t retransmitted_packets;
	struct summary_rtt {
		uint64_t samples, sum_ns;
	} fwd_rtt, rev_rtt;
};

struct summary_traffic {
	uint64_t sent_packets, sent_bytes, received_packets, received_bytes;
};

// TCP packets of both directions, and round-trip times to hosts of the prefix.
struct summary_tcp {
	uint64_t packets, retransmitted_packets, out_of_order_packets, zero_windows;
	uint64_t histogram; // 1 + index; 0: none
};

struct summary_prefix {
	struct summary_traffic traffic;
	struct summary_tcp tcp;
};

struct summary_host { // by uint8_t[16]
	struct summary_traffic traffic;
	uint32_t flows_out, flows_in;        // started
	uint32_t syn_out, syn_in;            // of these, TCP flows whose SYN was not answered
	uint32_t prefix;                     // 1 + entry of its prefix; 0: not looked up, or refused
	uint32_t sketch;                     // 1 + index of its sketch of endpoints; 0: none
	uint16_t codes[SUMMARY_FAN_OUT_MIN]; // of its first endpoints, until it gets one
};

struct summary_service_key { // the responder's
	uint16_t port;       // 0 for protocols without
	uint8_t protocol;
	uint8_t pad[5];
};

struct summary_service {
	uint64_t packets, bytes, flows;
};

struct summary_application { // by char[FLOW_APPLICATION_SIZE]
	uint64_t packets, bytes, flows;
};

struct summary_prefix_key {
	uint8_t prefix[16]; // IPv4 v4-mapped, as everywhere
	uint8_t length;     // bits of the IPv4 or IPv6 address
	uint8_t pad[7];
};

struct summary_tables {
	struct tally flows, hosts, services, prefixes, applications;
	struct hll *sketches;
	uint32_t sketch_count, sketch_capacity;
	uint64_t sketches_refused;    // since init
	struct histogram *histograms; // of prefixes
	uint32_t histogram_count, histogram_capacity;
	uint64_t histograms_refused;     // since init
	struct histogram rtt, handshake; // of the interval, as are the next
	bool has_applications;           // a flow was recognised, ever
	Weir__Totals totals;
};

// Take the memory of all tables.
//   entries  of each tally, 1..TALLY_ENTRIES_MAX; there are entries / SUMMARY_FAN_OUT_MIN + 1 sketches, and
//            entries / SUMMARY_PREFIXES_PER_HISTOGRAM + 1 histograms
//   seed     secret
//   return   0 or -ENOMEM
int summary_tables_init(struct summary_tables *tables, uint32_t entries, uint64_t seed);
void summary_tables_fini(struct summary_tables *tables); // zeroed tables are fine

// Add one update.
void summary_tables_add(struct summary_tables *tables, const struct flow_update *update);

// Begin a new interval.
void summary_tables_clear(struct summary_tables *tables);

// Add the totals of an interval to others.
void summary_totals_add(Weir__Totals *to, const Weir__Totals *interval);

//   return  the sketch of a host, or NULL
static inline const struct hll *summary_sketch(const struct summary_tables *tables, const struct summary_host *host) {
	return host->sketch > 0 ? &tables->sketches[host->sketch - 1] : NULL;
}

//   return  the round-trip times of a prefix, or NULL
static inline const struct histogram *summary_histogram(
	const struct summary_tables *tables, const struct summary_prefix *prefix) {
	return prefix->tcp.histogram > 0 ? &tables->histograms[prefix->tcp.histogram - 1] : NULL;
}

// Whether [16] is an IPv4 address, and the start and size of the address in its own family.
static inline bool summary_is_ipv4(const uint8_t *ip) {
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	return __builtin_memcmp(ip, mapped, sizeof(mapped)) == 0;
}
