// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// What a summary tells of TCP, applications and flows that ended: all of it adds up, and it is the first to become
// coarser when there is little room.
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/summary_message.h"

#define PRESENT(bit) (UINT64_C(1) << (bit))
#define MS UINT64_C(1000000)

static const struct summary_lengths lengths = {20, 20, 10, 10};
static struct summary_tables tables;
static struct summary_message *builder;

static int setup(void **state) {
	int ret = summary_tables_init(&tables, 4096, 1);
	return ret == 0 ? summary_message_new(&builder, &lengths) : ret;
}

static int teardown(void **state) {
	summary_tables_fini(&tables);
	summary_message_free(builder);
	return 0;
}

// A TCP flow from 10.0.a.1 to 172.16.b.1.
static struct flow_update flow(uint8_t a, uint8_t b) {
	return (struct flow_update){
		.present = PRESENT(FLOW_HAS_TCP),
		.src_ip = {[10] = 0xff, 0xff, 10, 0, a, 1},
		.dst_ip = {[10] = 0xff, 0xff, 172, 16, b, 1},
		.src_port = 40000,
		.dst_port = 443,
		.protocol = IPPROTO_TCP,
		.ip_version = 4,
		.fwd_packets = 10,
		.fwd_bytes = 1000,
		.rev_packets = 20,
		.rev_bytes = 20000,
	};
}

static Weir__Message *pack(uint64_t allowance, size_t *size) {
	Weir__Totals cumulative = WEIR__TOTALS__INIT;
	struct summary_head head = {
		.node = "alpha", .pipeline = "p", .operator = "report", .sequence = 1, .cumulative = &cumulative};
	const struct summary_allowance both = {allowance, allowance};
	uint8_t *packed;
	while (!summary_message_choose(builder, &tables, 100))
		;
	*size = summary_message_pack(builder, &tables, &head, &both, &packed);
	assert_int_not_equal(*size, 0);
	Weir__Message *message = weir__message__unpack(NULL, *size, packed);
	free(packed);
	assert_non_null(message);
	return message;
}

static struct histogram unpacked(ProtobufCBinaryData data) {
	struct histogram histogram = {.lost_bits = 0};
	if (data.len > 0)
		assert_int_equal(histogram_merge_packed(&histogram, data.data, data.len), 0);
	return histogram;
}

static const Weir__TcpPrefixDelta *prefix_of(const Weir__Summary *summary, uint8_t first, uint8_t third) {
	for (size_t i = 0; i < summary->n_tcp_prefixes; i++)
		if (summary->tcp_prefixes[i]->prefix.data[0] == first &&
			summary->tcp_prefixes[i]->prefix.data[2] == third)
			return summary->tcp_prefixes[i];
	return NULL;
}

// Times to an end are those of what was sent to it; packets count at both.
static void health_of_each_end(void **state) {
	size_t size;
	struct flow_update update = flow(1, 2);
	update.fwd_tcp = (struct flow_update_tcp){.retransmitted_packets = 3, .rtt_samples = 5, .rtt_avg_ns = 30 * MS};
	update.rev_tcp = (struct flow_update_tcp){
		.out_of_order_packets = 2, .zero_windows = 1, .rtt_samples = 7, .rtt_avg_ns = 10 * MS};
	update.present |= PRESENT(FLOW_HAS_HANDSHAKE);
	update.handshake_rtt_ns = 41 * MS;
	summary_tables_add(&tables, &update);
	Weir__Message *message = pack(100000, &size);
	const Weir__Summary *summary = message->summary;
	assert_int_equal(summary->interval->tcp_retransmitted_packets, 3);
	assert_int_equal(summary->interval->tcp_out_of_order_packets, 2);
	assert_int_equal(summary->interval->tcp_zero_windows, 1);
	struct histogram rtt = unpacked(summary->rtt), handshake = unpacked(summary->handshake);
	assert_int_equal(histogram_count(&rtt), 12);
	assert_int_equal(histogram_count(&handshake), 1);
	assert_in_range(histogram_quantile(&handshake, 1), 39 * MS, 43 * MS);
	assert_int_equal(summary->n_tcp_prefixes, 2);
	const Weir__TcpPrefixDelta *client = prefix_of(summary, 10, 1), *server = prefix_of(summary, 172, 2);
	struct histogram to_client = unpacked(client->rtt), to_server = unpacked(server->rtt);
	assert_int_equal(client->packets, 30);
	assert_int_equal(server->retransmitted_packets, 3);
	assert_int_equal(histogram_count(&to_client), 7);
	assert_in_range(histogram_quantile(&to_client, 0.5), 9 * MS, 11 * MS);
	assert_int_equal(histogram_count(&to_server), 5);
	assert_in_range(histogram_quantile(&to_server, 0.5), 27 * MS, 33 * MS);
	assert_int_equal(summary->flows[0]->fwd_rtt_ns, 30 * MS);
	assert_int_equal(summary->flows[0]->rev_rtt_ns, 10 * MS);
	assert_int_equal(summary->flows[0]->retransmitted_packets, 3);
	weir__message__free_unpacked(message, NULL);
	// The next interval begins from nothing.
	summary_tables_clear(&tables);
	update = flow(1, 2);
	summary_tables_add(&tables, &update);
	message = pack(100000, &size);
	assert_int_equal(message->summary->rtt.len + message->summary->handshake.len, 0);
	assert_int_equal(prefix_of(message->summary, 10, 1)->rtt.len, 0);
	weir__message__free_unpacked(message, NULL);
}

// One small prefix that loses is told before many great ones that don't.
static void what_loses_is_told_first(void **state) {
	size_t size;
	for (unsigned i = 0; i < 100; i++) {
		struct flow_update update = flow((uint8_t)i, (uint8_t)i);
		update.fwd_packets = 1000;
		summary_tables_add(&tables, &update);
	}
	struct flow_update bad = flow(200, 201);
	bad.fwd_tcp.retransmitted_packets = 30;
	summary_tables_add(&tables, &bad);
	Weir__Message *message = pack(100000, &size);
	assert_int_equal(message->summary->n_tcp_prefixes, 10);
	assert_non_null(prefix_of(message->summary, 10, 200));
	assert_non_null(prefix_of(message->summary, 172, 201));
	weir__message__free_unpacked(message, NULL);
}

// Whatever room there is: the message keeps to it, and no sample is lost while there is any for a histogram.
static void histograms_become_coarser(void **state) {
	size_t bare;
	unsigned coarse = 0;
	for (unsigned i = 0; i < 60; i++) {
		struct flow_update update = flow((uint8_t)i, 2);
		update.fwd_tcp = (struct flow_update_tcp){.rtt_samples = 1 + i, .rtt_avg_ns = (1 + i * i) * MS};
		summary_tables_add(&tables, &update);
	}
	weir__message__free_unpacked(pack(0, &bare), NULL);
	for (uint64_t allowance = bare + 80; allowance < 1500; allowance += 20) {
		size_t size;
		Weir__Message *message = pack(allowance, &size);
		struct histogram rtt = unpacked(message->summary->rtt);
		assert_true(size <= allowance);
		assert_int_equal(histogram_count(&rtt), 60 * 61 / 2);
		coarse += rtt.lost_bits > 0;
		assert_true(allowance < 1000 || rtt.lost_bits == 0);
		weir__message__free_unpacked(message, NULL);
	}
	assert_true(coarse > 0);
}

static void applications_and_what_has_none(void **state) {
	size_t size;
	struct flow_update known = flow(1, 2), unknown = flow(3, 4);
	strcpy(known.application, "TLS.Example");
	known.present |= PRESENT(FLOW_HAS_APPLICATION);
	known.started = true;
	summary_tables_add(&tables, &unknown);
	Weir__Message *message = pack(100000, &size);
	assert_null(message->summary->applications_rest); // none is looked for, as far as is known
	weir__message__free_unpacked(message, NULL);
	summary_tables_add(&tables, &known);
	message = pack(100000, &size);
	assert_int_equal(message->summary->n_applications, 1);
	assert_string_equal(message->summary->applications[0]->name, "TLS.Example");
	assert_int_equal(message->summary->applications[0]->bytes, 21000);
	assert_int_equal(message->summary->applications[0]->flows, 1);
	assert_int_equal(message->summary->applications_rest->bytes, 21000);
	assert_int_equal(message->summary->applications_rest->greatest_bytes, 0); // no application was left out
	weir__message__free_unpacked(message, NULL);
}

// Flows that ended are told with their final figures though they had little in this interval, each once.
static void final_figures_are_told(void **state) {
	size_t size;
	for (unsigned i = 0; i < 50; i++) {
		struct flow_update update = flow((uint8_t)i, (uint8_t)i);
		bool is_great = i < 30;
		update.fwd_bytes = is_great ? 10000 + i : 40;
		update.total_bytes = is_great ? 20000 : 5000000 + i;
		update.total_fwd_packets = 70 + i;
		update.present |= i >= 25 ? PRESENT(FLOW_HAS_END) : 0;
		summary_tables_add(&tables, &update);
	}
	Weir__Message *message = pack(100000, &size);
	const Weir__Summary *summary = message->summary;
	assert_int_equal(summary->n_flows, 20);
	// 30..49 are the greatest that ended and are not among the flows; 25..29 are.
	assert_int_equal(summary->n_ended_flows, 20);
	for (size_t i = 0; i < summary->n_ended_flows; i++) {
		assert_true(summary->ended_flows[i]->ended);
		assert_int_equal(summary->ended_flows[i]->total_fwd_packets, 70 + 49 - i);
	}
	assert_int_equal(summary->flows_rest->count, 30);             // they stay in the remainder
	assert_int_equal(summary->flows_rest->greatest_bytes, 30010); // as much as the last that was taken
	weir__message__free_unpacked(message, NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(health_of_each_end, setup, teardown),
		cmocka_unit_test_setup_teardown(what_loses_is_told_first, setup, teardown),
		cmocka_unit_test_setup_teardown(histograms_become_coarser, setup, teardown),
		cmocka_unit_test_setup_teardown(applications_and_what_has_none, setup, teardown),
		cmocka_unit_test_setup_teardown(final_figures_are_told, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
