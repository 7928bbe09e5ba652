// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// The operator application alone, with libndpi: which packets bring a name, when a flow is given up, and that its pool
// is bounded and gives everything back. The engine is played by the functions here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/application_names.h"
#include "dataplane/operator.h"
#include "dataplane/state_file.h"

#define MS UINT64_C(1000000)
#define SECOND_NS (1000 * MS)
#define T0 (1700000000 * SECOND_NS)

enum { L4_OFFSET = 34, FRAME_MAX = 512 };

struct fake_packet {
	struct rte_mbuf mbuf;
	struct packet_meta meta;
	uint8_t data[FRAME_MAX];
};

static unsigned forwarded;

void instance_forward(struct instance *self, unsigned output, struct batch *batch) {
	forwarded += batch->count;
	batch->count = 0;
}

void operator_error(const struct operator *op, const char *format, ...) {
	fail_msg("%s", format);
}

static struct operator op;
static struct instance self, *only = &self;

static int start(void **state, const char *const *settings) {
	const struct operator_type *type = operator_type_lookup("application");
	void *options = calloc(1, type->options_size);
	char error[400];
	assert_int_equal(option_set_defaults(type->options, options), 0);
	for (; *settings != NULL; settings += 2)
		assert_int_equal(option_set(option_lookup(type->options, settings[0]), options, settings[1], error,
					 sizeof(error)),
			0);
	op = (struct operator){.type = type, .name = "application", .options = options, .instance_count = 1};
	self = (struct instance){.type = type, .op = &op, .options = options};
	op.instances = &only;
	size_t size = (type->state_size + 63) / 64 * 64;
	self.state = aligned_alloc(64, size);
	memset(self.state, 0, size);
	return type->init(&self);
}

static int start_small(void **state) {
	static const char *const settings[] = {
		"pool", "4", "flows", "4096", "packets", "3", "give_up", "10s", "idle_timeout", "60s", NULL};
	return start(state, settings);
}

static int stop(void **state) {
	op.type->fini(&self);
	option_free(op.type->options, (void *)(uintptr_t)op.options);
	free((void *)(uintptr_t)op.options);
	free(self.state);
	return 0;
}

static uint64_t gauge(const char *name) {
	for (unsigned i = 0; op.type->gauges[i] != NULL; i++)
		if (strcmp(op.type->gauges[i], name) == 0)
			return self.gauges[i];
	fail_msg("no gauge %s", name);
	return 0;
}

static struct fake_packet packet;

struct sent {
	unsigned flow; // number of the client's port
	uint8_t protocol, tcp_flags;
	bool from_server;
	uint16_t server_port;
	uint64_t at_ns;
};

// What one packet of a flow brings to it: the number of its application, 0 for none.
static uint16_t send_packet(struct sent sent, const void *payload, size_t size) {
	memset(&packet, 0, sizeof(packet));
	uint8_t *transport = packet.data + L4_OFFSET;
	unsigned header = sent.protocol == 6 ? 20 : 8;
	uint16_t client_port = (uint16_t)(10000 + sent.flow);
	struct flow_key *key = &packet.meta.key;
	memcpy(key->src_ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
	memcpy(key->dst_ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\2", 16);
	if (sent.from_server)
		key->src_ip[15] = 2, key->dst_ip[15] = 1;
	key->src_port = sent.from_server ? sent.server_port : client_port;
	key->dst_port = sent.from_server ? client_port : sent.server_port;
	key->protocol = sent.protocol;
	key->ip_version = 4;
	packet.meta.ip_bytes = (uint32_t)(20 + header + size);
	packet.meta.payload_bytes = (uint32_t)size;
	packet.meta.timestamp_ns = sent.at_ns;
	packet.meta.l4_offset = L4_OFFSET;
	packet.meta.tcp_flags = sent.tcp_flags;
	transport[0] = (uint8_t)(key->src_port >> 8);
	transport[1] = (uint8_t)key->src_port;
	transport[2] = (uint8_t)(key->dst_port >> 8);
	transport[3] = (uint8_t)key->dst_port;
	transport[sent.protocol == 6 ? 12 : 5] = (uint8_t)(sent.protocol == 6 ? 0x50 : header + size);
	transport[13] = sent.protocol == 6 ? sent.tcp_flags : 0;
	memcpy(transport + header, payload, size);
	packet.mbuf.buf_addr = packet.data;
	packet.mbuf.nb_segs = 1;
	packet.mbuf.data_len = (uint16_t)(L4_OFFSET + header + size);
	packet.mbuf.pkt_len = packet.mbuf.data_len;
	struct batch batch = {.count = 1, .tuples = {&packet.mbuf}, .packets = {&packet.meta}};
	batch.hashes[0] = (sent.flow + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ sent.server_port;
	unsigned before = forwarded;
	op.type->process(&self, &batch);
	assert_int_equal(forwarded, before + 1);
	return batch.applications[0];
}

static bool was_told(void) {
	return (packet.meta.bits & PACKET_CLASSIFIED) != 0;
}

static void assert_is(uint16_t number, const char *name, const char *category) {
	struct flow_record record;
	assert_int_not_equal(number, 0);
	application_names(number, &record);
	assert_string_equal(record.application, name);
	assert_string_equal(record.category, category);
}

static const char dns_query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3net\0\0\1\0\1";
static const char http_request[] = "GET / HTTP/1.1\r\nHost: www.example.net\r\nUser-Agent: weir\r\n\r\n";
static const uint8_t noise[64] = {0xc3, 0x91, 0x07, 0xee, 0x5a, 0x13, 0x88, 0xf1, 0x42, 0xd9};

static void test_names_a_flow_by_its_first_payload(void **state) {
	struct sent sent = {.protocol = 17, .server_port = 53, .at_ns = T0};
	uint16_t dns = send_packet(sent, dns_query, sizeof(dns_query) - 1);
	assert_is(dns, "DNS", "Network");
	assert_true(was_told());
	sent.from_server = true;
	sent.at_ns += MS;
	assert_int_equal(send_packet(sent, noise, sizeof(noise)), dns);
	assert_false(was_told()); // once is enough

	sent = (struct sent){.flow = 1, .protocol = 6, .tcp_flags = 2, .server_port = 80, .at_ns = T0};
	assert_int_equal(send_packet(sent, "", 0), 0);
	sent.tcp_flags = 0x18;
	assert_is(send_packet(sent, http_request, sizeof(http_request) - 1), "HTTP", "Web");
}

static void test_begins_again_when_a_flow_does(void **state) {
	struct sent sent = {.protocol = 17, .server_port = 53, .at_ns = T0};
	uint16_t dns = send_packet(sent, dns_query, sizeof(dns_query) - 1);
	sent.from_server = true;
	while (gauge("pending") > 0) // it waits for an answer to the question, for some packets
		send_packet(sent, noise, sizeof(noise));
	assert_int_equal(gauge("classified"), 1);
	sent.from_server = false;
	sent.at_ns += 61 * SECOND_NS;
	assert_int_equal(send_packet(sent, dns_query, sizeof(dns_query) - 1), dns);
	assert_true(was_told());

	sent = (struct sent){.flow = 1, .protocol = 6, .tcp_flags = 0x18, .server_port = 80, .at_ns = T0};
	uint16_t http = send_packet(sent, http_request, sizeof(http_request) - 1);
	sent.tcp_flags = 0x11;
	assert_int_equal(send_packet(sent, "", 0), http); // the FIN ends the search
	sent.tcp_flags = 0x02;
	assert_int_equal(send_packet(sent, "", 0), 0);
	sent.tcp_flags = 0x18;
	assert_int_equal(send_packet(sent, http_request, sizeof(http_request) - 1), http);
	assert_true(was_told());
}

static void test_gives_up(void **state) {
	struct sent sent = {.protocol = 17, .server_port = 9, .at_ns = T0};
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(gauge("unclassified"), 0);
		assert_int_equal(send_packet(sent, noise, sizeof(noise)), 0);
	}
	assert_int_equal(gauge("unclassified"), 1); // after `packets`
	assert_int_equal(gauge("pending"), 0);
	assert_int_equal(send_packet(sent, dns_query, sizeof(dns_query) - 1), 0);

	sent.flow = 1;
	send_packet(sent, noise, sizeof(noise));
	sent.at_ns += 10 * SECOND_NS; // after `give_up`, by the packets' time
	send_packet(sent, noise, sizeof(noise));
	assert_int_equal(gauge("unclassified"), 2);
	sent.flow = 2;
	send_packet(sent, noise, sizeof(noise));
	self.watermark_ns = sent.at_ns + 10 * SECOND_NS; // and where there is none
	assert_false(op.type->tick(&self, 64));
	assert_int_equal(gauge("unclassified"), 3);
	assert_int_equal(gauge("pending"), 0);

	sent = (struct sent){.flow = 3, .protocol = 6, .tcp_flags = 0x18, .server_port = 9, .at_ns = sent.at_ns};
	send_packet(sent, noise, sizeof(noise));
	assert_int_equal(gauge("pending"), 1);
	sent.tcp_flags = 0x04;
	send_packet(sent, "", 0); // by RST
	assert_int_equal(gauge("unclassified"), 4);
	assert_int_equal(gauge("heap_bytes"), 0);
}

static void test_a_flood_exhausts_the_pool_and_nothing_else(void **state) {
	for (unsigned i = 0; i < 3000; i++) // SYNs take no place
		send_packet(
			(struct sent){.flow = i, .protocol = 6, .tcp_flags = 2, .server_port = 80, .at_ns = T0}, "", 0);
	assert_int_equal(gauge("pending"), 0);
	for (unsigned i = 0; i < 3000; i++)
		send_packet((struct sent){.flow = i, .protocol = 17, .server_port = 9, .at_ns = T0 + i}, noise, 64);
	assert_int_equal(gauge("pending"), 4);
	assert_int_equal(gauge("pool_exhausted"), 2996);
	struct sent late = {.flow = 4000, .protocol = 17, .server_port = 53, .at_ns = T0 + SECOND_NS};
	assert_int_equal(send_packet(late, dns_query, sizeof(dns_query) - 1), 0);
	assert_int_equal(gauge("pool_exhausted"), 2997);

	self.watermark_ns = T0 + 11 * SECOND_NS;
	op.type->tick(&self, 64);
	assert_int_equal(gauge("pending"), 0);
	assert_int_equal(gauge("unclassified"), 4);
	late.flow++;
	late.at_ns = self.watermark_ns;
	assert_is(send_packet(late, dns_query, sizeof(dns_query) - 1), "DNS", "Network");
}

// More flows than notes: those that are forgotten give their place in the pool back.
static void test_forgotten_flows_leave_the_pool(void **state) {
	for (unsigned i = 0; i < 20000; i++) {
		struct sent sent = {.flow = i, .protocol = 17, .server_port = 9, .at_ns = T0 + i};
		send_packet(sent, noise, 64);
		assert_true(gauge("pending") <= 64);
	}
	assert_int_equal(gauge("pending") + gauge("unclassified") + gauge("pool_exhausted"), 20000);
	assert_true(gauge("unclassified") > 0);
}

// As a node that is killed, and one that goes on from its snapshot.
static void save_and_restore(void) {
	struct state_writer writer;
	struct state_reader reader;
	uint64_t checksum;
	int fd = memfd_create("notes", 0);
	assert_int_equal(state_writer_init(&writer), 0);
	state_begin(&writer, fd, op.type->saving->layout(&op));
	op.type->saving->save(&op, &writer);
	assert_int_equal(state_end(&writer, &checksum), 0);
	stop(NULL);
	start_small(NULL);
	self.watermark_ns = T0;
	void *data = mmap(NULL, writer.size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_int_equal(state_reader_init(&reader, data, writer.size, op.type->saving->layout(&op), NULL), 0);
	assert_int_equal(op.type->saving->restore(&op, &reader), 0);
	munmap(data, writer.size);
	state_writer_fini(&writer);
	close(fd);
}

static void test_a_snapshot_keeps_what_was_found(void **state) {
	struct sent known = {.flow = 1, .protocol = 6, .tcp_flags = 0x18, .server_port = 80, .at_ns = T0};
	struct sent partly = {.flow = 2, .protocol = 17, .server_port = 53, .at_ns = T0};
	struct sent given_up = {.flow = 3, .protocol = 17, .server_port = 9, .at_ns = T0};
	struct sent looked_at = {.flow = 4, .protocol = 17, .server_port = 53, .at_ns = T0};
	uint16_t http = send_packet(known, http_request, sizeof(http_request) - 1);
	known.tcp_flags = 0x11;
	send_packet(known, "", 0); // the FIN ends the search
	uint16_t dns = send_packet(partly, dns_query, sizeof(dns_query) - 1);
	for (unsigned i = 0; i < 3; i++)
		send_packet(given_up, noise, sizeof(noise));
	send_packet(looked_at, noise, sizeof(noise));
	assert_int_equal(gauge("pending"), 2);
	save_and_restore();
	assert_int_equal(gauge("pending"), 0);
	assert_int_equal(gauge("cut_short"), 1);
	assert_int_equal(gauge("begun_anew"), 1);

	known.tcp_flags = 0x10;
	assert_int_equal(send_packet(known, noise, sizeof(noise)), http);
	assert_false(was_told()); // it was, before
	assert_int_equal(send_packet(partly, noise, sizeof(noise)), dns);
	assert_false(was_told());
	assert_int_equal(send_packet(given_up, dns_query, sizeof(dns_query) - 1), 0);
	assert_int_equal(gauge("pending"), 0);
	assert_int_equal(send_packet(looked_at, dns_query, sizeof(dns_query) - 1), dns);
	assert_true(was_told());
}

static int start_forgetful(void **state) {
	static const char *const settings[] = {"pool", "64", "flows", "64", NULL};
	return start(state, settings);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names_a_flow_by_its_first_payload, start_small, stop),
		cmocka_unit_test_setup_teardown(test_begins_again_when_a_flow_does, start_small, stop),
		cmocka_unit_test_setup_teardown(test_gives_up, start_small, stop),
		cmocka_unit_test_setup_teardown(test_a_flood_exhausts_the_pool_and_nothing_else, start_small, stop),
		cmocka_unit_test_setup_teardown(test_a_snapshot_keeps_what_was_found, start_small, stop),
		cmocka_unit_test_setup_teardown(test_forgotten_flows_leave_the_pool, start_forgetful, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
