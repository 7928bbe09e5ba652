// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 the weir authors
//
// payload: a record for each packet that carries something, with the beginning of it as text.
//
//   in       packets, after flow_id
//   out      payloads: schema payload
//   drops    empty: nothing above the transport header, or none of it was captured
//
// TCP is read packet by packet: what a sender split over two is in two records.
#include <ctype.h>
#include <string.h>

#include "dataplane/operator.h"
#include "dataplane/payload.h"

enum { DROP_EMPTY };

enum { TEXT_LENGTH = 256 };

struct payload_record {
	uint64_t timestamp_ns;
	uint8_t src_ip[16], dst_ip[16];
	uint32_t bytes, payload_bytes;
	uint16_t src_port, dst_port;
	uint8_t protocol;
	char text[TEXT_LENGTH];
};

#define AT(member) offsetof(struct payload_record, member)
static const struct field payload_fields[] = {
	{"timestamp_ns", FIELD_U64, AT(timestamp_ns), .unit = "ns", .help = "of the packet"},
	{"src_ip", FIELD_IP, AT(src_ip), .help = "source address"},
	{"dst_ip", FIELD_IP, AT(dst_ip), .help = "destination address"},
	{"src_port", FIELD_U16, AT(src_port), .help = "source port"},
	{"dst_port", FIELD_U16, AT(dst_port), .help = "destination port"},
	{"protocol", FIELD_U8, AT(protocol), .help = "IP protocol number: 6 or 17"},
	{"bytes", FIELD_U32, AT(bytes), .unit = "bytes", .help = "IP length of the packet"},
	{"payload_bytes", FIELD_U32, AT(payload_bytes), .unit = "bytes", .help = "above the transport header"},
	{"text", FIELD_STRING, AT(text), .length = TEXT_LENGTH,
		.help = "the first 256 bytes of it; what is not printable is a dot"},
	{0},
};
#undef AT
static const struct schema payload_schema = {
	.name = "payload",
	.body = SCHEMA_RECORD,
	.size = sizeof(struct payload_record),
	.fields = payload_fields,
};

static void fill(struct payload_record *record, const struct packet_meta *packet, const struct payload *payload) {
	record->timestamp_ns = packet->timestamp_ns;
	memcpy(record->src_ip, packet->key.src_ip, sizeof(record->src_ip));
	memcpy(record->dst_ip, packet->key.dst_ip, sizeof(record->dst_ip));
	record->src_port = packet->key.src_port;
	record->dst_port = packet->key.dst_port;
	record->protocol = packet->key.protocol;
	record->bytes = packet->ip_bytes;
	record->payload_bytes = packet->payload_bytes;
	for (uint32_t i = 0; i < payload->size; i++)
		record->text[i] = isprint(payload->data[i]) ? (char)payload->data[i] : '.';
}

static void payload_process(struct instance *self, struct batch *batch) {
	unsigned taken = 0;
	for (unsigned i = 0; i < batch->count; i++) {
		uint8_t buffer[TEXT_LENGTH];
		struct payload payload = payload_of(batch->tuples[i], batch->packets[i], buffer, sizeof(buffer));
		if (payload.size == 0) {
			instance_drop(self, DROP_EMPTY, batch->tuples[i]);
			continue;
		}
		struct rte_mbuf *tuple = instance_new_record(self, &payload_schema);
		if (tuple != NULL) {
			fill(tuple_record(tuple), batch->packets[i], &payload);
			instance_emit(self, 0, tuple);
		}
		batch_move(batch, taken++, i);
	}
	batch->count = taken;
	instance_absorb(self, batch);
}

static const struct schema *const accepts[] = {&packet_schema, NULL};
static const struct operator_output outputs[] = {{.name = "payloads", .schema = &payload_schema}, {0}};
static const char *const drops[] = {[DROP_EMPTY] = "empty", NULL};

static struct operator_type payload_type = {
	.name = "payload",
	.summary = "make a record of each packet's payload, as text",
	.manual =
		"Emits a record for each TCP or UDP packet that carries something, with its first 256 bytes as text, "
		"so "
		"that filters can look for words in it. Each record is a copy: choose the packets first, with filter.",
	.accepts = accepts,
	.outputs = outputs,
	.drops = drops,
	.grouping = GROUPING_FORWARD,
	.borrows = true,
	.process = payload_process,
};
OPERATOR_REGISTER(payload_type);
