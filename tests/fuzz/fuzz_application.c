// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// Fuzz the operator application, and libndpi behind it, with conversations: for each packet a byte that says how it is
// sent, a byte with the length of its payload divided by 4, and the payload. Whatever comes, each packet is passed on,
// and once the flows are given up nothing of them is left.
#include <stdlib.h>
#include <string.h>

#include "dataplane/operator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECOND_NS UINT64_C(1000000000)

enum { SENT_TCP = 1, SENT_BACK = 2, SENT_IPV6 = 4, SENT_OTHER_FLOW = 8, L4_OFFSET = 54, POOL = 4 };

struct fake_packet {
	struct rte_mbuf mbuf;
	struct packet_meta meta;
};

static unsigned forwarded;
static uint64_t clock_ns = 1700000000 * SECOND_NS;

void instance_forward(struct instance *self, unsigned output, struct batch *batch) {
	forwarded += batch->count;
	batch->count = 0;
}

void operator_error(const struct operator *op, const char *format, ...) {
	abort();
}

static void require(bool holds) {
	if (!holds)
		abort();
}

static uint64_t gauge(const struct instance *self, const char *name) {
	unsigned i = 0;
	while (strcmp(self->type->gauges[i], name) != 0)
		i++;
	return self->gauges[i];
}

static struct instance *start(void) {
	static struct operator op;
	static struct instance self;
	if (self.state != NULL)
		return &self;
	op.type = operator_type_lookup("application");
	void *options = calloc(1, op.type->options_size);
	char error[400];
	require(option_set_defaults(op.type->options, options) == 0);
	require(option_set(option_lookup(op.type->options, "pool"), options, "4", error, sizeof(error)) == 0);
	require(option_set(option_lookup(op.type->options, "flows"), options, "64", error, sizeof(error)) == 0);
	op.options = options;
	op.instance_count = 1;
	self = (struct instance){.type = op.type, .op = &op, .options = options};
	size_t size = (op.type->state_size + 63) / 64 * 64;
	self.state = aligned_alloc(64, size);
	memset(self.state, 0, size);
	require(op.type->init(&self) == 0);
	return &self;
}

static void fill_meta(struct packet_meta *meta, uint8_t how, size_t size) {
	static const uint16_t ports[] = {53, 80, 443, 22, 25, 5060, 3478, 123, 6881, 1900, 137, 389, 3306, 161, 21, 9};
	bool tcp = how & SENT_TCP, back = how & SENT_BACK, v6 = how & SENT_IPV6;
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	memcpy(meta->key.src_ip, v6 ? (const uint8_t[12]){0x20, 1} : prefix, 12);
	memcpy(meta->key.dst_ip, meta->key.src_ip, 12);
	meta->key.src_ip[15] = back ? 2 : 1;
	meta->key.dst_ip[15] = back ? 1 : 2;
	uint16_t client = how & SENT_OTHER_FLOW ? 40001 : 40000, server = ports[how >> 4];
	meta->key.src_port = back ? server : client;
	meta->key.dst_port = back ? client : server;
	meta->key.protocol = tcp ? 6 : 17;
	meta->key.ip_version = v6 ? 6 : 4;
	meta->payload_bytes = (uint32_t)size;
	meta->ip_bytes = (uint32_t)size + 60;
	meta->timestamp_ns = clock_ns += 1000000;
	meta->l4_offset = L4_OFFSET;
	meta->tcp_flags = tcp ? 0x18 : 0;
}

static void send_packet(struct instance *self, uint8_t how, const uint8_t *payload, size_t size) {
	struct fake_packet packet = {.mbuf = {.nb_segs = 1}};
	unsigned header = how & SENT_TCP ? 20 : 8;
	uint8_t *frame = calloc(1, L4_OFFSET + header + size);
	uint8_t *transport = frame + L4_OFFSET;
	fill_meta(&packet.meta, how, size);
	const struct flow_key *key = &packet.meta.key;
	transport[0] = (uint8_t)(key->src_port >> 8), transport[1] = (uint8_t)key->src_port;
	transport[2] = (uint8_t)(key->dst_port >> 8), transport[3] = (uint8_t)key->dst_port;
	if (how & SENT_TCP)
		transport[12] = 0x50, transport[13] = 0x18;
	else
		transport[4] = (uint8_t)((header + size) >> 8), transport[5] = (uint8_t)(header + size);
	if (size > 0)
		memcpy(transport + header, payload, size);
	packet.mbuf.buf_addr = frame;
	packet.mbuf.pkt_len = packet.mbuf.data_len = (uint16_t)(L4_OFFSET + header + size);
	uint8_t flow = how & (uint8_t)~SENT_BACK;
	struct batch batch = {.count = 1, .tuples = {&packet.mbuf}, .packets = {&packet.meta}};
	batch.hashes[0] = (flow + 1) * UINT64_C(0x9e3779b97f4a7c15);
	self->type->process(self, &batch);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct instance *self = start();
	unsigned sent = 0;
	forwarded = 0;
	for (size_t at = 0; at + 2 <= size; sent++) {
		size_t length = (size_t)data[at + 1] * 4;
		if (length > size - at - 2)
			length = size - at - 2;
		send_packet(self, data[at], data + at + 2, length);
		require(gauge(self, "pending") <= POOL);
		at += 2 + length;
	}
	require(forwarded == sent);
	clock_ns += 100 * SECOND_NS; // all of it is forgotten before the next input
	self->watermark_ns = clock_ns;
	require(!self->type->tick(self, 1000));
	require(gauge(self, "pending") == 0 && gauge(self, "heap_bytes") == 0);
	return 0;
}
