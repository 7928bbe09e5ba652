// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What summaries cost a worker, by the number of flows that change in an interval: one JSON object a line.
//
//   summary [INTERVALS]
//
//   update_ns  adding one update to the tables, best and mean interval
//   round_ns   the longest that choosing takes from one round of the worker (1,024 looks), best of all intervals
//   pack_ns    building and packing the message, best of all intervals
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/summary_message.h"

enum {
	FLOWS_MAX = 65536,
	CHOOSE_ENTRIES = 1024,
};

static struct flow_update updates[FLOWS_MAX];

static uint64_t now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// Clients and servers of the sizes that a network has: a tenth as many clients as flows, a hundredth as many servers.
static void make_updates(unsigned flows) {
	for (unsigned i = 0; i < flows; i++) {
		uint32_t client = (uint32_t)rand() % (flows / 10 + 1), server = (uint32_t)rand() % (flows / 100 + 1);
		updates[i] = (struct flow_update){
			.src_ip = {[10] = 0xff,
				0xff,
				10,
				(uint8_t)(client >> 16),
				(uint8_t)(client >> 8),
				(uint8_t)client},
			.dst_ip = {[10] = 0xff, 0xff, 172, 16, (uint8_t)(server >> 8), (uint8_t)server},
			.src_port = (uint16_t)rand(),
			.dst_port = (uint16_t)(rand() % 100),
			.protocol = 6,
			.ip_version = 4,
			.started = i % 4 == 0,
			.fwd_tcp_flags = 0x12,
			.rev_tcp_flags = 0x12,
			.fwd_packets = 10,
			.fwd_bytes = (uint64_t)rand() % 10000,
			.rev_packets = 10,
			.rev_bytes = (uint64_t)rand() % 100000,
			.present = UINT64_C(1) << FLOW_HAS_TCP,
			.fwd_tcp = {.rtt_samples = 1, .rtt_avg_ns = 20000000 + (uint64_t)rand() % 20000000},
			.rev_tcp = {.rtt_samples = 5, .rtt_avg_ns = 100000 + (uint64_t)rand() % 100000},
		};
	}
}

struct cost {
	uint64_t best_ns, sum_ns, round_ns, pack_ns;
};

static int run_interval(
	struct summary_tables *tables, struct summary_message *message, unsigned flows, struct cost *cost) {
	Weir__Totals cumulative = WEIR__TOTALS__INIT;
	struct summary_head head = {
		.node = "alpha", .pipeline = "p", .operator = "report", .sequence = 1, .cumulative = &cumulative};
	const struct summary_allowance allowance = {64 << 10, 64 << 10};
	uint64_t longest_ns = 0, start_ns = now_ns();
	uint8_t *packed;

	for (unsigned i = 0; i < flows; i++)
		summary_tables_add(tables, &updates[i]);
	uint64_t took_ns = now_ns() - start_ns;
	cost->sum_ns += took_ns;
	cost->best_ns = took_ns < cost->best_ns ? took_ns : cost->best_ns;

	for (bool is_done = false; !is_done;) {
		start_ns = now_ns();
		is_done = summary_message_choose(message, tables, CHOOSE_ENTRIES);
		took_ns = now_ns() - start_ns;
		longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
	}
	cost->round_ns = longest_ns < cost->round_ns ? longest_ns : cost->round_ns;

	start_ns = now_ns();
	size_t size = summary_message_pack(message, tables, &head, &allowance, &packed);
	summary_tables_clear(tables);
	took_ns = now_ns() - start_ns;
	cost->pack_ns = took_ns < cost->pack_ns ? took_ns : cost->pack_ns;
	free(packed);
	return size > 0 ? 0 : -1;
}

int main(int argc, char **argv) {
	static const unsigned flow_counts[] = {100, 1000, 10000, FLOWS_MAX};
	const struct summary_lengths lengths = {20, 20, 10, 10};
	unsigned intervals = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50;
	struct summary_tables tables;
	struct summary_message *message;
	int failed = 0;

	if (intervals == 0 || summary_tables_init(&tables, FLOWS_MAX, 1) < 0 ||
		summary_message_new(&message, &lengths) < 0)
		return 1;
	for (unsigned c = 0; c < sizeof(flow_counts) / sizeof(flow_counts[0]); c++) {
		unsigned flows = flow_counts[c];
		struct cost cost = {UINT64_MAX, 0, UINT64_MAX, UINT64_MAX};
		make_updates(flows);
		for (unsigned i = 0; i < intervals; i++)
			failed |= run_interval(&tables, message, flows, &cost);
		printf("{\"bench\": \"summary\", \"flows\": %u, \"update_ns_best\": %.1f, \"update_ns_mean\": %.1f, "
		       "\"round_ns\": %llu, \"pack_ns\": %llu}\n",
			flows, (double)cost.best_ns / flows, (double)cost.sum_ns / flows / intervals,
			(unsigned long long)cost.round_ns, (unsigned long long)cost.pack_ns);
	}
	summary_tables_fini(&tables);
	summary_message_free(message);
	return failed != 0;
}
