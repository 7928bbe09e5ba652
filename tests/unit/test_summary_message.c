// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Summaries: each list and its remainder add up to the totals whatever happens, the budget is kept, and what matters is
// in the message: port scans, floods, the greatest.
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/summary_message.h"

enum { SYN = 0x02, ACK = 0x10 };

static const struct summary_lengths lengths = {20, 20, 10, 10};

struct fixture {
	struct summary_tables tables;
	struct summary_message *message;
	Weir__Totals cumulative;
	uint64_t sequence;
};

static void setup(struct fixture *fixture, uint32_t entries, const struct summary_lengths *of) {
	*fixture = (struct fixture){.sequence = 0};
	weir__totals__init(&fixture->cumulative);
	assert_int_equal(summary_tables_init(&fixture->tables, entries, 1), 0);
	assert_int_equal(summary_message_new(&fixture->message, of), 0);
}

static void teardown(struct fixture *fixture) {
	summary_tables_fini(&fixture->tables);
	summary_message_free(fixture->message);
}

static struct flow_update between(uint32_t src, uint32_t dst) {
	struct flow_update update = {
		.src_ip = {[10] = 0xff, [11] = 0xff},
		.dst_ip = {[10] = 0xff, [11] = 0xff},
		.src_port = 40000,
		.dst_port = 80,
		.protocol = IPPROTO_TCP,
		.ip_version = 4,
		.started = true,
		.fwd_tcp_flags = SYN | ACK,
		.rev_tcp_flags = SYN | ACK,
		.fwd_packets = 1,
		.fwd_bytes = 60,
		.rev_packets = 1,
		.rev_bytes = 60,
	};

	src = htonl(src);
	dst = htonl(dst);
	memcpy(update.src_ip + 12, &src, 4);
	memcpy(update.dst_ip + 12, &dst, 4);
	return update;
}

static bool is_end(const uint8_t *ip, ProtobufCBinaryData data) {
	return data.len == 4 ? memcmp(ip + 12, data.data, 4) == 0 : memcmp(ip, data.data, 16) == 0;
}

static void check_rest(
	const Weir__Remainder *rest, uint64_t packets, uint64_t bytes, uint64_t total_packets, uint64_t total_bytes) {
	assert_int_equal(packets + rest->packets, total_packets);
	assert_int_equal(bytes + rest->bytes, total_bytes);
}

// Σ list + rest = interval, for all four lists.
static void check_sums(const Weir__Summary *summary) {
	const Weir__Totals *all = summary->interval;
	uint64_t packets = 0, bytes = 0;

	for (size_t i = 0; i < summary->n_flows; i++) {
		packets += summary->flows[i]->fwd_packets + summary->flows[i]->rev_packets;
		bytes += summary->flows[i]->fwd_bytes + summary->flows[i]->rev_bytes;
	}
	check_rest(summary->flows_rest, packets, bytes, all->packets, all->bytes);
	packets = bytes = 0;
	for (size_t i = 0; i < summary->n_hosts; i++) {
		packets += summary->hosts[i]->sent_packets + summary->hosts[i]->received_packets;
		bytes += summary->hosts[i]->sent_bytes + summary->hosts[i]->received_bytes;
	}
	check_rest(summary->hosts_rest, packets, bytes, 2 * all->packets, 2 * all->bytes);
	packets = bytes = 0;
	for (size_t i = 0; i < summary->n_services; i++) {
		packets += summary->services[i]->packets;
		bytes += summary->services[i]->bytes;
	}
	check_rest(summary->services_rest, packets, bytes, all->packets, all->bytes);
	packets = bytes = 0;
	for (size_t i = 0; i < summary->n_prefixes; i++) {
		packets += summary->prefixes[i]->sent_packets + summary->prefixes[i]->received_packets;
		bytes += summary->prefixes[i]->sent_bytes + summary->prefixes[i]->received_bytes;
	}
	check_rest(summary->prefixes_rest, packets, bytes, 2 * all->packets, 2 * all->bytes);
}

// Choose in slices, pack, check what always holds, unpack.
static Weir__Message *pack(struct fixture *fixture, uint64_t allowance, size_t *size) {
	uint8_t *packed;

	summary_totals_add(&fixture->cumulative, &fixture->tables.totals);
	while (!summary_message_choose(fixture->message, &fixture->tables, 7))
		;
	struct summary_head head = {
		.node = "alpha",
		.pipeline = "flow-monitor",
		.operator = "report",
		.incarnation = 5,
		.sequence = ++fixture->sequence,
		.start_ns = 1000,
		.end_ns = 2000,
		.instance = 1,
		.cumulative = &fixture->cumulative,
	};
	const struct summary_allowance both = {allowance, allowance};
	*size = summary_message_pack(fixture->message, &fixture->tables, &head, &both, &packed);
	assert_int_not_equal(*size, 0);
	Weir__Message *message = weir__message__unpack(NULL, *size, packed);
	free(packed);
	assert_non_null(message);
	assert_int_equal(message->version, 1);
	assert_int_equal(message->body_case, WEIR__MESSAGE__BODY_SUMMARY);
	check_sums(message->summary);
	return message;
}

// A web flow in two parts, a ping, a question to a name server by IPv6.
static void add_known(struct summary_tables *tables, const struct flow_update *client, const struct flow_update *ping) {
	struct flow_update web = *client;
	web.fwd_bytes = 500;
	web.rev_bytes = 9000;
	web.rev_packets = 7;
	web.total_bytes = 12345;
	web.start_ns = 77;
	summary_tables_add(tables, &web);
	web.started = false;
	web.present = UINT64_C(1) << FLOW_HAS_END;
	web.total_bytes = 20000;
	summary_tables_add(tables, &web);
	summary_tables_add(tables, ping);
	struct flow_update dns = {.src_ip = {0x20, 1, 0xd, 0xb8, [15] = 1},
		.dst_ip = {0x20, 1, 0xd, 0xb8, [5] = 9, [15] = 53},
		.dst_port = 53,
		.protocol = IPPROTO_UDP,
		.ip_version = 6,
		.started = true,
		.fwd_packets = 1,
		.fwd_bytes = 90};
	summary_tables_add(tables, &dns);
}

static void check_known_totals(const Weir__Summary *summary) {
	assert_string_equal(summary->node, "alpha");
	assert_int_equal(summary->sequence, 1);
	assert_int_equal(summary->interval->packets, 2 * 8 + 2 + 1);
	assert_int_equal(summary->interval->bytes, 2 * 9500 + 120 + 90);
	assert_int_equal(summary->interval->flows_started, 3);
	assert_int_equal(summary->interval->flows_ended, 1);
	assert_int_equal(summary->interval->tcp_bytes, 19000);
	assert_int_equal(summary->interval->udp_packets, 1);
	assert_int_equal(summary->interval->icmp_bytes, 120);
}

static void check_known_flows(const Weir__Summary *summary, const struct flow_update *client) {
	assert_int_equal(summary->n_flows, 3);
	const Weir__FlowDelta *flow = summary->flows[0];
	assert_true(is_end(client->src_ip, flow->src_ip) && is_end(client->dst_ip, flow->dst_ip));
	assert_int_equal(flow->src_ip.len, 4);
	assert_int_equal(flow->dst_port, 80);
	assert_int_equal(flow->fwd_bytes, 1000);
	assert_int_equal(flow->rev_packets, 14);
	assert_int_equal(flow->total_bytes, 20000);
	assert_int_equal(flow->start_ns, 77);
	assert_true(flow->ended);
	assert_int_equal(summary->flows[2]->src_ip.len, 16);
}

static void check_known_hosts(const Weir__Summary *summary, const struct flow_update *client) {
	assert_int_equal(summary->n_hosts, 5);
	assert_true(is_end(client->src_ip, summary->hosts[0]->ip));
	assert_int_equal(summary->hosts[0]->sent_bytes, 1000 + 60);
	assert_int_equal(summary->hosts[0]->received_bytes, 18000 + 60);
	assert_int_equal(summary->hosts[0]->flows_out, 2);
	assert_int_equal(summary->hosts[0]->endpoints_out.len, 0);
	assert_int_equal(summary->hosts[1]->flows_in, 1);
}

static void check_known_others(const Weir__Summary *summary) {
	assert_int_equal(summary->n_services, 3);
	assert_int_equal(summary->services[0]->port, 80);
	assert_int_equal(summary->services[0]->flows, 1);
	assert_int_equal(summary->services[1]->protocol, IPPROTO_ICMP);
	assert_int_equal(summary->services[1]->port, 0);

	assert_int_equal(summary->n_prefixes, 4);
	assert_int_equal(summary->prefixes[0]->length, 24);
	assert_memory_equal(summary->prefixes[0]->prefix.data, ((uint8_t[]){10, 0, 0, 0}), 4);
	assert_int_equal(summary->prefixes[0]->sent_bytes, 1060 + 60);
	assert_int_equal(summary->prefixes[3]->length, 48);
	assert_int_equal(summary->n_targets, 0);
}

static void known_traffic(void **state) {
	const struct flow_update client = between(0x0a000001, 0xc0a80001);
	struct flow_update ping = between(0x0a000001, 0x0a000002);
	struct fixture fixture;
	size_t size;
	ping.protocol = IPPROTO_ICMP;
	ping.src_port = 8;
	ping.dst_port = 0;
	setup(&fixture, 100, &lengths);
	add_known(&fixture.tables, &client, &ping);
	Weir__Message *message = pack(&fixture, 100000, &size);
	check_known_totals(message->summary);
	check_known_flows(message->summary, &client);
	check_known_hosts(message->summary, &client);
	check_known_others(message->summary);
	weir__message__free_unpacked(message, NULL);

	// The next interval starts from nothing; the cumulative totals go on.
	summary_tables_clear(&fixture.tables);
	summary_tables_add(&fixture.tables, &ping);
	message = pack(&fixture, 100000, &size);
	assert_int_equal(message->summary->interval->bytes, 120);
	assert_int_equal(message->summary->cumulative->bytes, 19000 + 120 + 90 + 120);
	assert_int_equal(message->summary->n_flows, 1);
	assert_int_equal(message->summary->n_hosts, 2);
	weir__message__free_unpacked(message, NULL);
	teardown(&fixture);
}

static void add_random(struct fixture *fixture, unsigned updates, unsigned hosts) {
	for (unsigned i = 0; i < updates; i++) {
		struct flow_update update = between(
			0x0a000000 + (unsigned)rand() % hosts * 100, 0xac100000 + (unsigned)rand() % hosts * 100);
		update.src_port = (uint16_t)(1024 + rand() % 100);
		update.dst_port = (uint16_t)(rand() % 50);
		update.protocol = rand() % 3 == 0 ? IPPROTO_UDP : IPPROTO_TCP;
		update.started = rand() % 2;
		update.rev_tcp_flags = rand() % 4 == 0 ? 0 : ACK;
		update.fwd_packets = (uint64_t)rand() % 1000;
		update.fwd_bytes = update.fwd_packets * 1000;
		update.rev_packets = (uint64_t)rand() % 1000;
		update.rev_bytes = update.rev_packets * 40;
		if (rand() % 5 == 0)
			memset(update.src_ip, 0x20 + rand() % 20, 12);
		summary_tables_add(&fixture->tables, &update);
	}
}

// pack() checks the sums each time: with room and without, tables full or not, any budget.
static void sums_hold_and_budget_is_kept(void **state) {
	static const uint64_t allowances[] = {0, 200, 300, 400, 600, 1000, 1500, 2500, 4000, 8000, 100000};
	static const struct summary_lengths all_lengths[] = {
		{20, 20, 10, 10}, {0, 0, 0, 0}, {SUMMARY_LENGTH_MAX, SUMMARY_LENGTH_MAX, SUMMARY_LENGTH_MAX, 1}};
	size_t bare = 0;

	srand(1);
	for (unsigned l = 0; l < 3; l++) {
		for (unsigned table = 8; table <= 4096; table *= 8) {
			struct fixture fixture;
			setup(&fixture, table, &all_lengths[l]);
			for (unsigned i = 0; i < sizeof(allowances) / sizeof(allowances[0]); i++) {
				size_t size;
				add_random(&fixture, 600, 2 + i * 30);
				Weir__Message *message = pack(&fixture, allowances[i], &size);
				if (allowances[i] == 0) {
					assert_int_equal(message->summary->n_flows + message->summary->n_hosts, 0);
					bare = size;
				}
				assert_true(size <= allowances[i] || size <= bare + 40);
				assert_true(message->summary->n_flows <= all_lengths[l].flows);
				weir__message__free_unpacked(message, NULL);
				summary_tables_clear(&fixture.tables);
			}
			teardown(&fixture);
		}
	}
}

static void lists_are_the_greatest_in_order(void **state) {
	struct fixture fixture;
	size_t size;
	setup(&fixture, 4096, &lengths);
	for (unsigned i = 0; i < 1000; i++) {
		struct flow_update update = between(0x0a000000 + i * 256, 0xac100000 + i * 256);
		update.started = false;
		update.fwd_bytes = 1000 + (i * 617 % 1000); // each figure once
		summary_tables_add(&fixture.tables, &update);
	}
	Weir__Message *message = pack(&fixture, 100000, &size);
	assert_int_equal(message->summary->n_flows, 20);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(message->summary->flows[i]->fwd_bytes, 1999 - i);
	assert_int_equal(message->summary->flows_rest->count, 980);
	assert_int_equal(message->summary->n_hosts, 20);
	assert_int_equal(message->summary->hosts_rest->count, 1980);
	weir__message__free_unpacked(message, NULL);
	teardown(&fixture);
}

static const Weir__HostDelta *find_host(Weir__HostDelta **hosts, size_t count, const uint8_t *ip) {
	for (size_t i = 0; i < count; i++) {
		if (is_end(ip, hosts[i]->ip))
			return hosts[i];
	}
	return NULL;
}

// One host, 1,000 ports, within an allowance of 1 KiB, among traffic that is far greater.
static void port_scan_is_seen(void **state) {
	struct fixture fixture;
	struct hll sketch;
	size_t size;
	setup(&fixture, 65536, &lengths);
	srand(1);
	add_random(&fixture, 2000, 200);
	struct flow_update probe = between(0xc6336401, 0xac100001);
	probe.rev_tcp_flags = 0x04 | ACK; // closed ports answer RST
	for (unsigned port = 1; port <= 1000; port++) {
		probe.dst_port = (uint16_t)port;
		probe.src_port = (uint16_t)(30000 + port);
		summary_tables_add(&fixture.tables, &probe);
	}
	Weir__Message *message = pack(&fixture, 1024, &size);
	assert_true(size <= 1024);
	const Weir__HostDelta *scanner = find_host(message->summary->hosts, message->summary->n_hosts, probe.src_ip);
	assert_non_null(scanner);
	assert_int_equal(scanner->flows_out, 1000);
	assert_int_equal(hll_unpack(scanner->endpoints_out.data, scanner->endpoints_out.len, &sketch), 0);
	assert_true(fabs(hll_estimate(&sketch) - 1000) < 200);
	weir__message__free_unpacked(message, NULL);
	teardown(&fixture);
}

// A sketch counts every endpoint from the first one on, and just the different ones.
static void sketch_counts_from_the_first(void **state) {
	for (unsigned flows = SUMMARY_FAN_OUT_MIN - 1; flows <= 40; flows++) {
		struct fixture fixture;
		struct hll sketch;
		size_t size;
		setup(&fixture, 1024, &lengths);
		struct flow_update probe = between(0xc6336401, 0xac100001);
		for (unsigned i = 0; i < flows; i++) {
			probe.dst_port = (uint16_t)(i % 20);
			probe.src_port = (uint16_t)(1000 + i);
			summary_tables_add(&fixture.tables, &probe);
		}
		Weir__Message *message = pack(&fixture, 10000, &size);
		const Weir__HostDelta *host =
			find_host(message->summary->hosts, message->summary->n_hosts, probe.src_ip);
		if (flows < SUMMARY_FAN_OUT_MIN) {
			assert_int_equal(host->endpoints_out.len, 0);
		} else {
			double expected = flows < 20 ? flows : 20;
			assert_int_equal(hll_unpack(host->endpoints_out.data, host->endpoints_out.len, &sketch), 0);
			assert_true(fabs(hll_estimate(&sketch) - expected) < 2);
		}
		weir__message__free_unpacked(message, NULL);
		teardown(&fixture);
	}
}

// Spoofed sources, one target: it is named however small its bytes are.
static void syn_flood_names_its_target(void **state) {
	struct fixture fixture;
	size_t size;
	setup(&fixture, 65536, &lengths);
	srand(1);
	add_random(&fixture, 500, 100);
	struct flow_update syn = between(0, 0xcb007105);
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t source = htonl(0x2d000000 + i * 7919);
		memcpy(syn.src_ip + 12, &source, 4);
		syn.fwd_tcp_flags = SYN;
		syn.rev_tcp_flags = 0;
		syn.rev_packets = syn.rev_bytes = 0;
		syn.fwd_bytes = 40;
		summary_tables_add(&fixture.tables, &syn);
	}
	Weir__Message *message = pack(&fixture, 1024, &size);
	assert_true(message->summary->n_targets >= 1);
	assert_true(is_end(syn.dst_ip, message->summary->targets[0]->ip));
	assert_int_equal(message->summary->targets[0]->syn_in, 3000);
	assert_int_equal(message->summary->targets[0]->flows_in, 3000);
	weir__message__free_unpacked(message, NULL);

	// An answer makes it no SYN that is missing one, and so does another protocol.
	summary_tables_clear(&fixture.tables);
	syn.rev_tcp_flags = SYN | ACK;
	summary_tables_add(&fixture.tables, &syn);
	syn.protocol = IPPROTO_UDP;
	syn.rev_tcp_flags = 0;
	summary_tables_add(&fixture.tables, &syn);
	syn.protocol = IPPROTO_TCP;
	syn.started = false;
	summary_tables_add(&fixture.tables, &syn);
	message = pack(&fixture, 1024, &size);
	assert_int_equal(message->summary->n_targets, 0);
	weir__message__free_unpacked(message, NULL);
	teardown(&fixture);
}

// A host that is the greatest and starts the most flows is listed once.
static void fan_out_is_listed_once(void **state) {
	struct fixture fixture;
	size_t size;
	setup(&fixture, 1024, &lengths);
	for (unsigned i = 0; i < 200; i++) {
		struct flow_update update = between(0x0a000001, 0x0a000100 + i);
		summary_tables_add(&fixture.tables, &update);
	}
	struct flow_update big = between(0x0a000001, 0x0a000100);
	big.started = false;
	big.fwd_bytes = 1000000;
	summary_tables_add(&fixture.tables, &big);
	Weir__Message *message = pack(&fixture, 100000, &size);
	unsigned seen = 0;
	for (size_t i = 0; i < message->summary->n_hosts; i++)
		seen += is_end(big.src_ip, message->summary->hosts[i]->ip);
	assert_int_equal(seen, 1);
	assert_true(is_end(big.src_ip, message->summary->hosts[0]->ip));
	assert_true(message->summary->hosts[0]->endpoints_out.len > 0);
	weir__message__free_unpacked(message, NULL);
	teardown(&fixture);
}

// Flows that go on, greater in the interval than the ones that ended.
static void add_some_that_ended(struct summary_tables *tables) {
	for (unsigned i = 0; i < 12; i++) {
		struct flow_update update = between(0x0a000000 + i * 256, 0xac100000 + i * 256);
		update.started = false;
		update.fwd_bytes = 1000 - i;
		if (i >= 9) {
			update.present = UINT64_C(1) << FLOW_HAS_END;
			update.total_bytes = 1000000 + i;
		}
		summary_tables_add(tables, &update);
	}
}

// A flow that ended is told once, in whichever list, and one that is among the greatest does not go untold for want of
// room there.
static void ended_flows_are_told_once(void **state) {
	bool were_some_left_out = false;
	for (size_t allowance = 500; allowance < 8000; allowance += 20) {
		struct fixture fixture;
		size_t size;
		setup(&fixture, 1024, &lengths);
		add_some_that_ended(&fixture.tables);
		Weir__Message *message = pack(&fixture, allowance, &size);
		const Weir__Summary *summary = message->summary;
		unsigned ended = 0;
		for (size_t i = 0; i < summary->n_flows; i++) {
			assert_int_equal(summary->flows[i]->fwd_bytes, 1000 - i);
			ended += summary->flows[i]->ended;
		}
		ended += (unsigned)summary->n_ended_flows;
		were_some_left_out |= summary->n_flows < 9 && ended == 3;
		assert_true(size <= allowance || summary->n_flows == 0);
		// The lists have turns.
		assert_in_range(ended, summary->n_flows > 3 ? 3 : summary->n_flows > 1 ? summary->n_flows - 1 : 0, 3);
		weir__message__free_unpacked(message, NULL);
		teardown(&fixture);
	}
	assert_true(were_some_left_out);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_traffic),
		cmocka_unit_test(sums_hold_and_budget_is_kept),
		cmocka_unit_test(lists_are_the_greatest_in_order),
		cmocka_unit_test(port_scan_is_seen),
		cmocka_unit_test(sketch_counts_from_the_first),
		cmocka_unit_test(syn_flood_names_its_target),
		cmocka_unit_test(fan_out_is_listed_once),
		cmocka_unit_test(ended_flows_are_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
